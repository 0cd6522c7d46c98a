#include "engine/monitor/report.h"

namespace tern {

const char* report_style() {
  return R"(
:root{--ground:#f6f7f9;--card:#fff;--text:#1b2430;--quiet:#647084;--line:#e0e4ea;--axis:#9aa5b4;--good:#15803d;
--bad:#b42318;--busy:#1d5fd1;--good-ground:#e3f5e9;--bad-ground:#fdeceb;--busy-ground:#e6effd;
--c0:#2563eb;--c1:#d9650b;--c2:#0e9467;--c3:#8b3fd9;--c4:#c81e5b;--c5:#6b7280}
@media(prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1b212a;--text:#e4e8ee;--quiet:#98a4b5;--line:#2d3541;
--axis:#5c6878;--good:#5bd68a;--bad:#ff8a80;--busy:#82b1ff;--good-ground:#163324;--bad-ground:#3b1d1b;--busy-ground:#1a2b47;
--c0:#6ea4ff;--c1:#ffa45c;--c2:#4cd6a0;--c3:#c49bff;--c4:#ff7fa8;--c5:#a3adbb}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 40px}
header h1{margin:0 0 4px;font-size:27px;line-height:1.25;overflow-wrap:anywhere}
header p{margin:0}
section{margin-top:30px}
section>h2{margin:0 0 6px;font-size:19px}
p{margin:0 0 10px}
.quiet{color:var(--quiet);font-size:13.5px}
.status{display:inline-block;padding:1px 11px;border-radius:99px;font-size:13.5px;font-weight:600;margin-right:6px;
color:var(--bad);background:var(--bad-ground)}
.status.running{color:var(--busy);background:var(--busy-ground)}
.status.good{color:var(--good);background:var(--good-ground)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin-top:20px}
.tile,.chart,.puzzle,.machine,details,.scroll{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tile{padding:12px 15px}
.tile h2{margin:0;font-size:13px;font-weight:500;color:var(--quiet);overflow-wrap:anywhere}
.tile .value{margin:1px 0 0;font-size:23px;font-weight:650;font-variant-numeric:tabular-nums}
.tile p.quiet{margin:0;font-size:12.5px}
.bar{height:5px;margin-top:7px;border-radius:3px;background:var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:var(--busy)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr));gap:14px}
.chart{margin:0;padding:13px 14px 8px;min-width:0}
.chart h3{margin:0;font-size:15px;font-weight:600}
.chart svg{display:block;width:100%;height:auto;margin-top:6px}
.legend{display:flex;flex-wrap:wrap;gap:1px 16px;list-style:none;margin:0;padding:0;font-size:13px;color:var(--quiet)}
.legend b{color:var(--text);font-weight:600;font-variant-numeric:tabular-nums}
.legend em{color:var(--bad);font-style:normal}
.key{display:inline-block;width:14px;height:3px;border-radius:2px;vertical-align:middle;margin:0 3px 2px 0;background:var(--c)}
.key.dotted{width:9px;height:9px;border-radius:50%}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
.grid{stroke:var(--line)}
.axis{stroke:var(--axis)}
.tick{fill:var(--quiet);font-size:12px;font-variant-numeric:tabular-nums}
.curve,.faint,.joined{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.faint{stroke-width:1;opacity:.35}
.joined{stroke-width:1.5;stroke-dasharray:4 4;opacity:.75}
.band{fill:var(--c);opacity:.13}
.dot{fill:var(--c);stroke:var(--card);stroke-width:1.2}
.puzzles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(360px,100%),1fr));gap:14px;align-items:start}
.puzzle{margin:0;padding:12px 14px}
.puzzle figcaption{font-weight:600;margin-bottom:8px;overflow-wrap:anywhere}
.puzzle .good,.puzzle .bad{font-weight:500;font-size:13.5px;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}
.grids{display:grid;grid-template-columns:repeat(3,1fr);gap:10px;align-items:end}
.grid-box{min-width:0;text-align:center}
.grid-box svg{display:block;width:100%;max-height:200px;height:auto}
.grid-box p{margin:4px 0 0;font-size:12px;color:var(--quiet)}
.none{padding:24px 0;border:1px dashed var(--axis);color:var(--quiet);border-radius:6px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:6px 13px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{color:var(--quiet);font-weight:500}
tbody th{font-weight:600}
tbody tr:last-child>*{border-bottom:0}
.best>*{background:var(--good-ground)}
details{padding:10px 15px}
summary{cursor:pointer;font-weight:600}
pre{margin:10px 0 4px;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.machine{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;padding:13px 16px}
.machine dt{color:var(--quiet)}
.machine dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:30px}
@media(max-width:520px){main{padding:18px 12px 30px}.chart{padding:11px 8px 6px}.tick{font-size:15px}}
@media print{body{background:#fff}.chart,.puzzle,.tile{break-inside:avoid}}
)";
}

}  // namespace tern
