"""Records what Hydra and OmegaConf make of configurations: python record.py (needs hydra-core==1.3.8).

Writes hydra.json beside this file. Values are written in a canonical text that keeps types apart:
null, true, i:12, f:0.5, "text", [a,b], {"key":value}.
"""
import itertools
import json
import os
import random
from pathlib import Path

import hydra
import omegaconf
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

HERE = Path(__file__).resolve().parent
os.environ["TERN_TEST_SET"] = "from environment"
os.environ["TERN_TEST_NUMBER"] = "17"
os.environ.pop("TERN_TEST_USER", None)
os.environ.pop("TERN_TEST_UNSET", None)


def canonical(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"i:{value}"
    if isinstance(value, float):
        return f"f:{value!r}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    return "{" + ",".join(json.dumps(str(k), ensure_ascii=False) + ":" + canonical(v) for k, v in value.items()) + "}"


UPSTREAM = """
arch=trm data_paths=[data/arc1concept-aug-1000] arch.L_layers=2 arch.H_cycles=3 arch.L_cycles=4 +run_name=pretrain_att_arc1concept_4 ema=True
arch=trm data_paths=[data/sudoku-extreme-1k-aug-1000] evaluators=[] epochs=50000 eval_interval=5000 lr=1e-4 puzzle_emb_lr=1e-4 weight_decay=1.0 puzzle_emb_weight_decay=1.0 arch.mlp_t=True arch.pos_encodings=none arch.L_layers=2 arch.H_cycles=3 arch.L_cycles=6 +run_name=pretrain_mlp_t_sudoku ema=True
arch=trm data_paths=[data/maze-30x30-hard-1k] evaluators=[] epochs=50000 eval_interval=5000 lr=1e-4 puzzle_emb_lr=1e-4 weight_decay=1.0 puzzle_emb_weight_decay=1.0 arch.L_layers=2 arch.H_cycles=3 arch.L_cycles=4 +run_name=pretrain_att_maze30x30 ema=True

arch=hrm
arch=transformers_baseline
arch=trm_hier6 lr=3e-4
arch=trm_singlez arch.hidden_size=256
arch=nothing
arch=null
arch=1
arch=[trm,hrm]
arch={L_layers:3}
arch={nothing:3}
+arch={nothing:3}
++arch={nothing:3,L_layers:1}
~arch
~arch=trm
~arch=hrm
+arch=trm
++arch=trm
lr=1e-4
lr=0.0001
lr=1E-5
lr=1_000
lr=abc
lr=
lr=null
lr=None
lr=True
lr=-1
lr=+1
lr=.5
lr=5.
lr=inf
lr=nan
lr='1e-4'
lr="1e-4"
lr=1e-4,3e-4
lr==1
lr
=1
nothing=1
+nothing=1
++nothing=1
+lr=1
++lr=1
~lr
~lr=0.0001
~lr=1
~nothing
+a.b.c=1
+a.b.c=1 +a.b.d=2
+a={b:1} +a={c:2}
+a={b:1} a.b=2
+a=[1,2] a.0=5
+a=[1,2] a.5=5
+a=null +a=3
lr.x=1
+lr.x=1
arch.nothing.deep=1
arch.loss.loss_type=softmax_cross_entropy
arch.loss={loss_type:softmax_cross_entropy}
arch.loss.extra=1
evaluators.0.name=x
evaluators=[{name:arc@ARC}]
evaluators=[{name:arc@ARC,pass_Ks:[1,2]}]
evaluators=[{name:'arc@ARC'}]
+evaluators=[{name:x}]
~evaluators
evaluators=[]
evaluators={}
evaluators={name:x}
data_paths=[]
data_paths=[a,b]
data_paths=['a,b','c\\'d']
data_paths=["a b"]
data_paths=[data/arc-aug-1000,./x,/abs/y]
data_paths=data
data_paths=a,b
data_paths=[[1,2],[3]]
data_paths.0=other
data_paths_test=[${data_paths}]
data_paths_test=${data_paths}
seed=${epochs}
+run_name=${arch.name}
+run_name='lr=${lr} seed=${seed}'
+run_name='a b'
+run_name=a\\ b
+run_name=a:b
+run_name='it\\'s'
+run_name=trüb
+run_name='trüb'
+run_name=${hydra:job.num}
hydra.run.dir=.
hydra.run.dir=/tmp/x hydra.output_subdir=null
hydra/launcher=basic
hydra.job.chdir=True lr=1
hydra.verbose=true
arch@other=trm
+arch@other=trm
+arch@other=hrm other.L_layers=9
db=mysql
epochs=50000 epochs=60000
arch=hrm arch=trm
ema=true
ema=yes
ema=TRUE
arch.puzzle_emb_ndim=${.hidden_size}
arch.puzzle_emb_ndim=${..hidden_size}
arch.halt_max_steps=???
lr=${oc.env:TERN_TEST_UNSET,1e-3}
lr=${oc.env:TERN_TEST_NUMBER}
a@b=1
arch.L_layers@b=1
+$x=1
+_x=1
+x-y=1
+1=2
+a.1=2
+a.01=2
+a..b=2
+a/b=2
""".splitlines()

GROUPS = """
config
config db=postgres
config db=postgres db/engine=safe
config db=postgres +db/engine@other=safe
config db/engine=safe
config +db/engine=safe
config server=nginx
config server=nginx db=mysql
config ~db
config ~db=mysql
config ~db=postgres
config ~server db@mirror=postgres
config db@mirror=postgres
config db@mirror=postgres mirror.user=x
config server/db@server.backup=outer
config model=large
config model=large model/encoder=conv
config model/encoder=attention
config model/encoder=null
config +extra=debug
config +extra=late_header
config +extra=tracing
config +extra=[debug,tracing]
config +extra@here=debug
config extra/tracing=x
config missing=something
config model=[base,small]
config db=[mysql]
config model=nothing
config server@other=apache
config +server@other=apache
config port=81 db.port=1 +new.key=[1,{a:b}]
config tags.1=z
config tags=[]
config nested.level1.level2.x=5
config nested.level1={level2:{x:3}}
config nested.level1={other:3}
config ~nested.level1.level2
config ~tags.0
config empty=1
config +empty=1
config octal=1 hex=2
chosen
chosen db=mysql
chosen model=small
chosen db/engine=fast
bad_order
missing_choice
missing_choice db=mysql
missing_choice +db=mysql
loop
no_self
twice
nothing
config.yaml
server/apache
server/nginx
db/engine/fast
""".splitlines()

INTERPOLATIONS = r"""
{a: 1, b: '${a}'}
{a: 1, b: 'x${a}y${a}'}
{a: {b: {c: 3}}, d: '${a.b.c}', e: '${a.b}'}
{a: {b: {c: 3, d: '${.c}', e: '${..f}', g: '${...h}'}, f: 4}, h: 5}
{a: [1, 2, '${.0}'], b: '${a[1]}', c: '${a.0}'}
{a: [{x: 1}, {x: '${..0.x}'}]}
{a: {x: 1}, k: x, b: '${a.${k}}', c: '${a[${k}]}'}
{a: '${b}', b: '${a}'}
{a: '${a}'}
{a: {b: '${a}'}}
{a: '${b}', b: '${c}', c: 7}
{a: {x: '${.y}', y: 2}, b: '${a}', c: '${b.x}'}
{a: '${nothing}'}
{a: '${.nothing}'}
{a: '${..b}'}
{a: '${...b}', b: 1}
{a: '\${b}', b: 1}
{a: '\\${b}', b: 1}
{a: '\\\${b}', b: 1}
{a: 'c:\dir\${b}', b: 1}
{a: 'c:\dir', b: '${a}'}
{a: '${oc.env:TERN_TEST_SET}'}
{a: '${oc.env:TERN_TEST_NUMBER}'}
{a: '${oc.env:TERN_TEST_UNSET}'}
{a: '${oc.env:TERN_TEST_UNSET,default}'}
{a: '${oc.env:TERN_TEST_UNSET, default with spaces }'}
{a: '${oc.env:TERN_TEST_UNSET,12}'}
{a: '${oc.env:TERN_TEST_UNSET,1e-3}'}
{a: '${oc.env:TERN_TEST_UNSET,true}'}
{a: '${oc.env:TERN_TEST_UNSET,null}'}
{a: "${oc.env:TERN_TEST_UNSET,'null'}"}
{a: "${oc.env:TERN_TEST_UNSET,'a, b'}"}
{a: "${oc.env:TERN_TEST_UNSET,''}"}
{a: '${oc.env:TERN_TEST_UNSET,[1,2]}'}
{a: '${oc.env:TERN_TEST_UNSET,{x:1}}'}
{a: '${oc.env:TERN_TEST_UNSET,a/b.c-d}'}
{a: '${oc.env:TERN_TEST_UNSET,a\,b}'}
{a: '${oc.env:TERN_TEST_UNSET,a:b}'}
{a: '${oc.env:TERN_TEST_UNSET,${b}}', b: 4}
{a: '${oc.env:TERN_TEST_UNSET,x${b}y}', b: 4}
{a: "${oc.env:TERN_TEST_UNSET,'x${b}y'}", b: 4}
{a: '${oc.env:${n}}', n: TERN_TEST_SET}
{a: '${oc.env:TERN_TEST_${n}}', n: SET}
{a: '${oc.decode:${oc.env:TERN_TEST_NUMBER}}'}
{a: "${oc.decode:'[1,2]'}"}
{a: "${oc.decode:'{x: 1}'}"}
{a: '${oc.decode:null}'}
{a: '${oc.select:nothing}'}
{a: '${oc.select:nothing,5}'}
{a: '${oc.select:b,5}', b: 6}
{a: '${oc.select:b.c,5}', b: {c: 7}}
{a: '${unknown:1}'}
{a: '${b', b: 1}
{a: '${}'}
{a: '${.}'}
{a: '${ b }', b: 1}
{a: '${b.}', b: 1}
{a: '${b..c}', b: {c: 1}}
{a: '${b[0}', b: [1]}
{a: '${oc.env}'}
{a: '${oc.env:}'}
{a: '$b', b: 1}
{a: '$${b}', b: 1}
{a: '${b}}', b: 1}
{a: '{${b}}', b: 1}
{a: true, b: '${a} ${c} ${d} ${e}', c: null, d: 1.0, e: 1e-7}
{a: '${b}', b: null}
{a: '${b}', b: '???'}
{a: '${b} x', b: '???'}
{a: [], b: '${a}', c: {}, d: '${c}'}
{a: '${b}${c}', b: x, c: y}
{a: '${b-c}', b-c: 1}
{a: '${b_1}', b_1: 1}
{a: '${1}', '1': x}
{a: "${b['c']}", b: {c: 1}}
""".strip().splitlines()

SCALARS = r"""
~|null|Null|NULL|nUll|true|True|TRUE|tRue|yes|Yes|no|NO|on|Off|y|n|Y|N|0|1|-1|+1|01|007|08|0o7|0x1f|0X1F|-0x1f|0b101|1_000|1__0|_1|1_
1.|1.0|.5|-.5|+.5|1e3|1E3|1e-4|1.5e-4|1.5e4|.5e-4|.5e4|1e|e1|1.e5|.inf|.Inf|-.inf|+.inf|inf|-inf|nan|.nan|.NaN|1_0.5|1:30|1:30:15|1:30.5|-1:30
1:60|12:30:45.6|2020-01-02|2020-1-2|2020-01-02 10:00:00|2020-01-02T10:00:00Z|a b|a: b|a:b|a,b|[a|'x'|"x"|'1'|"true"|!!str 1|'it''s'|"a\tb"|é|x@y|a#b|a #b|- a|-|?|%x
@x|`x|123456789012|1e400|1e-400|0.1|100000000000000000000.0|1.0e+16|123456789.125|0.00001|0.0001|3.0e-05|00|-0|-0.0|0.0|+0|1,000|1 000|0x|0b|0b2|1-2|1/2|1+1|.|..|...|--|---x
""".strip().replace("\n", "|").split("|")

VALUES = r"""
1|1.5|a|a b| a |a  b|'a'|"a"|'a\'b'|"a\"b"|'a\\'|'a\\\'b'|'a\b'|"a'b"|'a"b'|''|""|'a'b|a'b|'a|a\,b|a\ b|\ a|a\\b|a\b|a\=b|a=b|a:b|a: b|a::b|:a|:
[1,2]|[1, 2]|[ 1 , 2 ]|[]|[ ]|[1,]|[,1]|[1 2]|[a,[b,c]]|[{a:1}]|{}|{ }|{a:1}|{a: 1, b: 2}|{a:{b:c}}|{a}|{a:}|{:1}|{a:1,a:2}|{1:2}|{1.5:2}|{true:1}|{null:1}|{a b:1}|{'a':1}|{a:b:c}
{a:[1,2],b:{c:d}}|[1,2|1,2]|{a:1|a:1}|(a)|a(|a)|f(1)|f()|[f(1)]|1,2|a,b,c|a, b|a ,b|a,|,a|,|1,[2,3]|[1],[2]|{a:1},{b:2}|'a,b',c
null|NULL|Null|nulls|true|false|TRUE|tRuE|truefalse|true-ish|inf|-inf|+inf|INF|nan|-nan|infinity|1e5|1E5|1e+5|1e-5|1.e5|.5e5|e5|1e|1.5.5|1..5|.|..|.5|5.|-5|+5|--5|+-5|- 5|0|00|01|-0|0.0|-0.0|1_000|1__000|_1|1_|1_0.0_1|0x10|1e400
${a}|${a.b}|x${a}y|${a}${b}|${a|${}|$a|$|{a:${b}}|[${a},${b}]|${oc.env:A,b}|${a.${b}}|'${a.${b}}'|${a b}
a/b|/a|a@b|a%b|a*b|a?b|a|b+c|a#b|a!b|a&b|a;b|a<b|a~b|a^b|é|'é'|a-b|a_b|-a|_a|9a|a9|a.b|.a|a.|1.a|1a|a1|1 a|a 1|true a
int(1.5)|int('12')|int(a)|int(true)|int(1,2)|float(1)|float('1e-3')|str(1)|str(1.0)|str(True)|str(null)|str([1,2])|bool(0)|bool(1)|bool('false')|bool(maybe)|bool(0.0)|int([1,'2'])|float({a:1})|int()|int(value=3)
choice(a,b)|choice(1)|choice()|choice([1,2],{a:b})|choice(choice(a,b))|range(3)|range(1,4)|range(1,10,3)|range(5,1,-2)|range(1,1)|range(0,1,0.25)|range(0,1,0.125)|range(1.5)|range(start=1,stop=3)|range(a)|range()|range(1,2,3,4)
sort(3,1,2)|sort([3,1,2])|sort(b,a,c)|sort(3,1,2,reverse=true)|sort(1,a)|sort(choice(3,1,2))|sort(1)|sort()|int(choice(1.5,2.5))|str(choice(1,2))|float(range(1,3))
choice( a , b )|choice (a)|choice(a,b) |[choice(a,b)]|f(a=1)|int(a=1)|choice(a|glob(*)|glob([a*,b*])|glob(*,exclude=b*)|glob()
""".strip().split("\n")


def split_values():
    out = []
    for line in VALUES:
        # '|' separates, and is a character of the grammar itself only in "a|b+c", which the split takes apart anyway.
        out += line.split("|")
    return out + ["a|b", "", " ", "\ta", "a\t", "'a\tb'", "[ a\t,b ]"]


KEYS = """a a.b a.b.c a.0 a.01 a.1_0 0 0.a $a a$b a.$b _a -a a-b a/b a/b/c a/b.c a.b/c /a a/ a@b a@b.c a@ @b a@b@c a@b/c a:b a@b:c a b a[0] a.b[0]
a. .a a..b é 1a a1 a.1a _global_ a@_global_ a@_here_ ~a +a ++a +++a ~~a +~a ~+a hydra.run.dir a.b@c""".split()


def random_overrides(count):
    rng = random.Random(1234)
    parts = ["a", "b1", "_x", "-", "1", "12", "0", "3.5", ".", "e", "1e-4", "+", "true", "null", "inf", "[", "]", "{", "}",
             ":", ",", " ", "\t", "(", ")", "=", "'", '"', "\\", "${a}", "/", "@", "$", "%", "*", "?", "|", "choice(",
             "range(", "int(", "str(", "x=", "é", "[1,2]", "{a:1}", "'q'", '"r"', "\\'", "\\,", "~", "#", "sort(", "nan"]
    heads = ["k=", "k=", "k=", "k=", "+k=", "++a.b=", "~k=", "~k", "g/h=", "g@p=", ""]
    out = set()
    while len(out) < count:
        out.add(rng.choice(heads) + "".join(rng.choice(parts) for _ in range(rng.randint(1, 7))))
    return sorted(out)


def arguments(line):
    """Splits at spaces; a line with quotes or backslashes is one argument."""
    return [line] if set(line) & set("'\"\\") else line.split()


def record_override(text):
    try:
        parsed = OverridesParser.create().parse_override(text)
    except Exception:
        return {"text": text, "error": True}
    out = {"text": text, "type": parsed.type.name, "key": parsed.key_or_group}
    if parsed.package is not None:
        out["package"] = parsed.package
    if parsed.value_type is None:
        return out
    if parsed.is_sweep_override():
        if parsed.value_type.name == "GLOB_CHOICE_SWEEP":
            out["glob"] = canonical([parsed._value.include, parsed._value.exclude])
        elif parsed.value_type.name == "INTERVAL_SWEEP":
            return {"text": text, "error": True}
        else:
            try:
                values = list(itertools.islice(parsed.sweep_iterator(), 20000))
            except Exception:
                return {"text": text, "error": True}
            out["sweep"] = canonical([Override._convert_value(v) for v in values])
    else:
        try:
            out["value"] = canonical(parsed.value())
        except Exception:
            return {"text": text, "error": True}
    return out


def record_compose(tree, name, overrides):
    out = {"tree": tree, "name": name, "overrides": overrides}
    try:
        with initialize_config_dir(str(HERE / tree), version_base=None):
            cfg = compose(config_name=name, overrides=overrides)
        out["yaml"] = OmegaConf.to_yaml(cfg)
    except BaseException as e:
        GlobalHydra.instance().clear()
        return {**out, "error": type(e).__name__}
    try:
        out["resolved"] = canonical(OmegaConf.to_container(cfg, resolve=True))
    except Exception as e:
        out["resolve_error"] = type(e).__name__
    return out


def record_interpolation(text):
    try:
        cfg = OmegaConf.create(text)
        return {"text": text, "resolved": canonical(OmegaConf.to_container(cfg, resolve=True))}
    except BaseException as e:
        return {"text": text, "error": type(e).__name__}


def record_yaml(text):
    try:
        cfg = OmegaConf.create(text)
        value = OmegaConf.to_container(cfg, resolve=False)
    except Exception as e:
        return {"text": text, "error": type(e).__name__}
    return {"text": text, "value": canonical(value), "yaml": OmegaConf.to_yaml(cfg)}


def record_sweep(overrides):
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        batches = BasicSweeper.split_arguments(parsed, None)
        return {"overrides": overrides, "jobs": batches[0]}
    except Exception:
        return {"overrides": overrides, "error": True}


YAMLS = [
    "a: 1\nb: [1, 2]\nc: {d: e}\n", "", "# only a comment\n", "a: 1\na: 2\n", "a: [1, 2\n", "a: b: c\n", "- 1\n- 2\n",
    "a: &x {b: 1}\nc: *x\n", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n", "a: 'single ''quoted'''\n",
    'a: "double \\" \\n quoted"\n', "a: |\n  literal\n   text\n", "a: >\n  folded\n  text\n", "a:\n- b: 1\n  c: 2\n- d\n",
    "a: [[1, 2], [3, [4]]]\n", "a:\n  - - 1\n    - 2\n  - []\n  - {}\n", "a: !!int '3'\n",
    "a: 'yes'\nb: 'null'\nc: '1e5'\nd: '1_0'\ne: ' lead'\nf: 'trail '\ng: ''\nh: '#x'\ni: 'a: b'\nj: 'a #b'\nk: '- x'\nl: '0o7'\nm: '2020-01-02'\nn: '='\no: 'y'\np: '*x'\nq: '&x'\nr: '@x'\ns: '%x'\nt: '!x'\n",
    "a: ' '\nb: \"\\t\"\nc: \"x\\ty\"\nd: \"\\x01\"\ne: \"a\\nb\"\nf: \"a\\n\\nb\\n\"\ng: \"\\na\"\nh: 'it''s'\ni: '\"'\nj: ':'\nk: '-'\nl: '?'\nm: '? x'\nn: '---'\no: '...'\np: 'a:'\nq: ':a'\n",
    "a: " + "word " * 40 + "\nb: '" + "quoted: " * 20 + "'\nc:\n  d:\n  - " + "item " * 30 + "\n",
    "'key: x': 1\n'true': 2\n' k ': 4\n", "a: 1.0\nb: 1e-5\nc: 1e20\nd: 123456789.123456789\ne: -.inf\nf: 0.1\ng: 1e16\nh: 1e15\n",
    "a: ${b}\nb: '${c.d}'\nc: {d: 1}\n", "a: '???'\n", "a: \"\\u00e9\\u4e2d\"\n", "\ta: b\n", "a: b\n c: d\n",
    "---\na: 1\n---\nb: 2\n", "--- \na: 1\n...\n", "a: @x\n", "a: `x\n", "a: 'x\n", "a: \"\\q\"\n", "[1, 2]\n",
]

SWEEPS = [
    ["a=1,2"], ["a=1,2", "b=x,y"], ["a=1", "b=2"], ["a=choice(1,2)", "b=[1,2],[3]"], ["a=range(3)"], ["a=1,2", "+b=3", "~c"],
    ["a='x,y','z'"], ["a={b:1},{b:2}"], ["a=null,true", "b=1.5,1e-5"], ["a=range(0,1,0.5)", "b=range(2)", "c=p,q"],
]


def main():
    overrides = sorted({f"k={v}" for v in split_values()} | {f"{k}=1" for k in KEYS} | set(KEYS)) + random_overrides(2500)
    overrides = [o for o in overrides if not any(f in o for f in ("shuffle", "tag(", "interval"))]
    data = {
        "versions": {"hydra": hydra.__version__, "omegaconf": omegaconf.__version__},
        "overrides": [record_override(o) for o in overrides],
        "compose": [record_compose("upstream", "cfg_pretrain", arguments(line)) for line in UPSTREAM]
        + [record_compose("groups", line.split()[0], line.split()[1:]) for line in GROUPS if line],
        "interpolations": [record_interpolation(t) for t in INTERPOLATIONS],
        "scalars": [record_yaml(f"a: {s}\n") for s in SCALARS],
        "yaml": [record_yaml(t) for t in YAMLS],
        "sweeps": [record_sweep(o) for o in SWEEPS],
    }
    (HERE / "hydra.json").write_text(json.dumps(data, ensure_ascii=False, indent=0, sort_keys=True) + "\n")
    for name, cases in data.items():
        if isinstance(cases, list):
            print(name, len(cases), "errors", sum("error" in c for c in cases))


main()
