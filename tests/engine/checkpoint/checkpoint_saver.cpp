// Saves checkpoints one after another into a run folder, under the limits that a fault test asks for, and prints what
// became of each: "saved N", "failed N: why", "message: ...", at the end "newest N".
//   checkpoint_saver RUN_DIR FIRST_STEP STEPS BIG_BYTES [file-limit=BYTES] [tmpfs=BYTES] [nobody]
// STEPS 0: until killed. Every third step is big. Exit code 77: this machine can't make the fault.
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/writer.h"
#include "tests/engine/checkpoint/support.h"

namespace {

constexpr int kCannot = 77;

// One write each, so that a kill never leaves half a line.
void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::exit(1);
}

void limit_files(const std::string& bytes) {
  const rlimit limit{std::stoul(bytes), std::stoul(bytes)};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::exit(kCannot);
}

// A disk of its own, which only this process sees.
void mount_tmpfs(const std::string& folder, const std::string& bytes) {
  const int spaces = CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
  const std::string options = "size=" + bytes;
  if (::unshare(spaces) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    std::exit(kCannot);
  }
}

// Permissions mean nothing to root.
void become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) std::exit(kCannot);
}

void apply_fault(const std::string& folder, const std::string& fault) {
  const std::string value = fault.substr(fault.find('=') + 1);
  if (fault.starts_with("file-limit=")) limit_files(value);
  if (fault.starts_with("tmpfs=")) mount_tmpfs(folder, value);
  if (fault == "nobody") become_nobody();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tern;
  const std::string run_dir = argv[1];
  const int64_t first = std::stoll(argv[2]);
  const int64_t steps = std::stoll(argv[3]);
  const int64_t big_bytes = std::stoll(argv[4]);
  for (int i = 5; i < argc; ++i) apply_fault(run_dir, argv[i]);

  const auto tell = [](const std::string& message) { say("message: " + message); };
  {
    CheckpointWriter writer(run_dir, {.keep_last = 2}, tell);
    for (int64_t step = first; steps == 0 || step < first + steps; ++step) {
      writer.save(step % 3 == 0 ? test::make_big_snapshot(step, big_bytes) : test::make_snapshot(step));
      writer.wait();
      say(writer.last_error() ? fmt::format("failed {}: {}", step, *writer.last_error())
                              : fmt::format("saved {}", step));
    }
  }
  const auto newest = newest_valid_checkpoint(run_dir, tell);
  say(newest ? fmt::format("newest {}", load_checkpoint(*newest, 0, 1).step) : "newest none");
  return 0;
}
