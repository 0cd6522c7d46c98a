"""Checks that documentation tells the truth about this clone.

    check_docs.py SOURCE_DIR BIN_DIR

Every local link and every path in backquotes in README.md, CONTRIBUTING.md, CHANGELOG.md, docs/ and bench/RESULTS.md
must exist. Every bash block is run by bash, with nothing in PATH but stand-ins for this project's programs and scripts: a
training program must accept the command's keys (--cfg job), any other its flags (they must be in its --help).
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

CONFIGURED = {"trm_train", "gpt_train"}  # programs that take key=value arguments
OTHER_TOOLS = ["cmake", "ctest", "git", "ninja", "tensorboard", "run_name"]
FOLDERS = "apps|base|bench|cmake|configs|docs|engine|kernels|models|scripts|tests|data/puzzles|data/text"


def documents(source):
    names = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/RESULTS.md"]
    return [source / name for name in names] + sorted((source / "docs").glob("*.md"))


def missing_paths(source, document):
    prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", prose):
        if "://" not in target and not (document.parent / target).exists():
            yield f"link to {target}"
    for quoted in re.findall(r"`([^`\n]+)`", prose):
        for path in re.findall(rf"(?:^|(?<=\s))(?:{FOLDERS})/[\w./*-]*", quoted):
            if not any(source.glob(path.rstrip("/."))):
                yield f"path {path}"


def bash_blocks(document):
    text = document.read_text()
    yield from re.findall(r"^```bash\n(.*?)^```", text, flags=re.S | re.M)
    for line in re.findall(r"^    (\w+ .*)$", re.sub(r"```.*?```", "", text, flags=re.S), flags=re.M):
        if line.split()[0] in CONFIGURED:
            yield line


def stand_in(name, real, arguments):
    """What runs in place of program `name`: returns what is wrong with its arguments."""
    if name in CONFIGURED and "--help" not in arguments and "--version" not in arguments:
        run = subprocess.run([real, *arguments, *([] if "--cfg" in arguments else ["--cfg", "job"])],
                             capture_output=True, text=True)
        return run.stderr.strip() if run.returncode else None
    if real.endswith(".sh"):
        known = pathlib.Path(real).read_text()
    else:
        known = subprocess.run([real, "--help"], capture_output=True, text=True).stdout
        arguments = [argument for argument in arguments if argument.startswith("-")]
    unknown = [argument for argument in arguments if argument.split("=")[0] not in known and "=" not in argument]
    return f"{name} does not know {' '.join(unknown)}" if unknown else None


def make_stand_ins(folder, source, bin_dir):
    reals = [path for path in bin_dir.iterdir() if os.access(path, os.X_OK) and path.is_file()]
    reals += (source / "scripts").glob("*.sh")
    for real in reals:
        script = folder / real.name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} --stand-in {real.name} {real} "$@"\n')
        script.chmod(0o755)
    for tool in OTHER_TOOLS:
        (folder / tool).write_text("#!/bin/sh\n")
        (folder / tool).chmod(0o755)


def failed_commands(block, folder, work):
    script = re.sub(r"(?:\./)?(?:build/\w+/bin|scripts)/", "", block)
    run = subprocess.run(["/bin/bash", "-eu", "-c", script], cwd=work, env={"PATH": str(folder), "HOME": str(work)},
                         capture_output=True, text=True)
    if run.returncode:
        yield f"command fails: {(run.stderr or run.stdout).strip()}\n      {block.strip()}"


def main():
    if sys.argv[1] == "--stand-in":
        problem = stand_in(sys.argv[2], sys.argv[3], sys.argv[4:])
        sys.exit(problem)
    source, bin_dir = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    problems, blocks = [], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder, work = pathlib.Path(temporary, "bin"), pathlib.Path(temporary, "work")
        folder.mkdir()
        work.mkdir()
        make_stand_ins(folder, source, bin_dir)
        for document in documents(source):
            found = list(missing_paths(source, document))
            for block in bash_blocks(document):
                blocks += 1
                found += failed_commands(block, folder, work)
            problems += [f"{document.relative_to(source)}: {problem}" for problem in found]
    print("\n".join(problems + [f"{blocks} commands or blocks checked"]))
    sys.exit(1 if problems or blocks < 5 else 0)


if __name__ == "__main__":
    main()
