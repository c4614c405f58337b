"""The style sheet of the report: light and dark, a phone and paper, no file beside the HTML."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --page: #fbfbf9; --ink: #1d2126; --soft: #5b636d;
  --line: #dcdfe3; --panel: #ffffff; --ours: #1f5fbf; --free: #7d8791; --good: #17703c;
  --bad: #b3261e; --unsure: #7a5a00; }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --ink: #e8eaed; --soft: #a2abb5;
  --line: #353b43; --panel: #1c2026; --ours: #7fb2ff; --free: #98a2ad; --good: #6bd394;
  --bad: #ff9d94; --unsure: #f0c75e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; overflow-wrap: anywhere; }
header p { margin: 0; color: var(--soft); }
h1 { font-size: 1.35rem; margin: 0 0 1rem; font-weight: 600; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
summary { font-weight: 600; margin: 1.25rem 0 .25rem; cursor: pointer; }
p { margin: .4rem 0 .8rem; max-width: 44rem; }
.soft, figcaption, .note { color: var(--soft); font-size: .875rem; }
.first { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .9rem 1rem; }
.card .name { color: var(--soft); font-size: .875rem; }
.card .value { font-size: 1.55rem; font-weight: 650; line-height: 1.25; }
.card p { margin: .35rem 0 0; font-size: .85rem; }
.first + p { margin-top: .9rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .unsure { color: var(--unsure); }
.short { font-size: 1.05rem; }
ul { margin: .3rem 0 .8rem; padding-left: 1.2rem; max-width: 44rem; }
.filter { margin: 1rem 0; }
.filter select { font: inherit; font-size: .9rem; max-width: 100%; padding: .2rem .4rem; }
main:has(.filter option:first-child:checked) .lacking { display: none; }
@supports not selector(:has(a)) { .filter, .lacking { display: none; } }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .8125rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; overflow-wrap: normal; }
th { font-weight: 600; vertical-align: bottom; white-space: normal; min-width: 4.5rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.wide { white-space: normal; overflow-wrap: anywhere; text-align: left; min-width: 12rem; }
.stacked td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
.dense th, .dense td { padding: .3rem .3rem; min-width: 0; white-space: normal; }
.dense th:first-child, .dense td:first-child { padding-left: 0; min-width: 6rem; }
tr.mark td { font-weight: 600; }
.plot { display: grid; grid-template-columns: fit-content(13rem) 1fr max-content; gap: 0 1rem;
  margin: .5rem 0; }
.row { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center;
  font-size: .875rem; min-height: 1.7rem; }
.row .figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.track { position: relative; height: 1.1rem; border-bottom: 1px solid var(--line); }
.track i { position: absolute; top: 50%; }
.track .dot { width: .7rem; height: .7rem; border-radius: 50%; transform: translate(-50%, -50%); }
.track .seed { width: .5rem; height: .5rem; border-radius: 50%; opacity: .45;
  transform: translate(-50%, -50%); }
.track .range { height: 3px; transform: translateY(-50%); border-radius: 2px; }
.track .zero { top: -.3rem; bottom: -.3rem; width: 1px; background: var(--soft); }
.track .bar { top: 15%; height: 70%; border-radius: 2px; left: 0; }
.ours { background: var(--ours); } .free { background: var(--free); }
.up { background: var(--good); } .down { background: var(--bad); }
.level { background: var(--free); }
.faint { opacity: .45; }
.hollow { background: var(--panel); border: 2px solid var(--free); }
.scale { position: relative; height: 1.3rem; font-size: .75rem; color: var(--soft); }
.scale span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
  margin: 0 .3rem 0 0; vertical-align: -.05rem; }
.legend span { display: inline-block; max-width: 100%; margin-right: .9rem; }
.legend .key { margin-right: .3rem; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
figure { margin: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; }
svg .axis { stroke: var(--line); fill: none; }
svg .a { stroke: var(--ours); } svg .b { stroke: var(--free); }
svg .a, svg .b { fill: none; stroke-width: 1.6; }
svg .real { fill: none; stroke: var(--ink); stroke-width: 1.1; opacity: .6; }
svg .made { fill: var(--ours); opacity: .8; }
code { overflow-wrap: anywhere; font-size: .9em; }
.pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
.pictures img { max-width: 100%; height: auto; display: block; border: 1px solid var(--line);
  image-rendering: pixelated; }
.pictures.small, .charts.small { grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }
.strength { display: grid; grid-template-columns: repeat(var(--stops), minmax(0, 1fr));
  justify-items: center; max-width: 40rem; position: relative; }
.strength::before { content: ""; position: absolute; top: .55rem; left: 5%; right: 5%; height: 2px;
  background: var(--line); }
.strength input { grid-row: 1; margin: 0; width: 1.15rem; height: 1.15rem; position: relative;
  accent-color: var(--ours); }
.strength label { grid-row: 2; font-size: .8125rem; color: var(--soft); padding: .1rem .3rem;
  font-variant-numeric: tabular-nums; }
.strength :checked + label { color: var(--ink); font-weight: 650; }
.paper { display: none; }
.strips { grid-column: 1 / -1; grid-row: 3; width: 100%; margin-top: .6rem; display: grid;
  gap: .75rem; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.strips img { width: 100%; aspect-ratio: var(--one); object-fit: cover; display: block;
  image-rendering: pixelated; border: 1px solid var(--line); }
dl { display: grid; grid-template-columns: minmax(7rem, 13rem) 1fr; gap: .2rem 1rem; margin: 0;
  font-size: .875rem; }
dt { color: var(--soft); } dd { margin: 0; }
@media (max-width: 34rem) {
  .first { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .5rem; }
  .card { padding: .6rem .7rem; } .card .value { font-size: 1.3rem; } .card p { font-size: .8rem; }
  .plot { display: block; }
  .row { grid-template-columns: 1fr auto; gap: 0 .75rem; padding: .35rem 0; }
  .row .track, .row .scale { grid-column: 1 / -1; grid-row: 2; }
  .strength label { font-size: .72rem; padding: .1rem 0; }
  .strips figcaption { font-size: .75rem; hyphens: auto; }
  .stacked table, .stacked tbody, .stacked tr, .stacked td { display: block; }
  .stacked thead { display: none; }
  .stacked tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .stacked td { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0;
    border: 0; white-space: normal; }
  .stacked td::before { content: attr(data-name); color: var(--soft); font-weight: 400;
    text-align: left; }
  .stacked td:first-child { display: block; font-weight: 600; }
  .stacked td:first-child::before, .stacked td:empty { display: none; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; }
  .pictures.small, .charts.small { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
}
@media print {
  :root { --page: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb; --ours: #1f5fbf;
    --free: #7d8791; --good: #17703c; --bad: #b3261e; --unsure: #7a5a00; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html, body { font-size: 12px; }
  main { max-width: none; padding: 0; } .scroll { overflow: visible; }
  .card .value { font-size: 1.25rem; } table { font-size: .75rem; }
  th, td, td.wide { padding: .15rem .25rem; min-width: 0; } td { white-space: normal; }
  .filter, .strength input, .strength label, .strength::before { display: none; }
  .paper { display: block; grid-column: 1 / -1; justify-self: start; }
  .strength { max-width: none; } .strips { grid-template-columns: repeat(2, 1fr); }
  .strips img { aspect-ratio: var(--all); }
  ::details-content { content-visibility: visible; }
  h2, h3, section > p { break-after: avoid; } .card, .row, tr, figure { break-inside: avoid; }
}
"""
