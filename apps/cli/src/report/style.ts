/** The report's look: light or dark as the reader's system is, on a phone, and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1b1f24; --quiet: #5c6570; --line: #d9dee4; --band: #f4f6f8;
  --rise: #0b6e4f; --fall: #b3261e; --short: #fde0dc; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --text: #e6e9ec; --quiet: #9aa4ae; --line: #343a41; --band: #1d2226;
    --rise: #5fd0a5; --fall: #ff8a80; --short: #5a2622; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 66rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; overflow-wrap: anywhere; }
h3 small { font-weight: normal; color: var(--quiet); }
p { max-width: 48rem; margin: .5rem 0; }
code { overflow-wrap: anywhere; font-size: .9em; }
pre { overflow-x: auto; font-size: .8rem; background: var(--band); padding: .7rem; }
summary { cursor: pointer; margin: .5rem 0; }
.quiet { color: var(--quiet); }
.whole { white-space: nowrap; }
.lead { font-size: 1.15rem; margin-top: 1rem; padding: .8rem 1rem; background: var(--band); border-left: 4px solid var(--quiet); }
.wide { overflow-x: auto; }

table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: normal; }
thead th, tfoot :is(th, td) { font-weight: 600; vertical-align: bottom; }
.scores, .voxels { width: 100%; font-variant-numeric: tabular-nums; }
:is(.scores, .voxels) :is(td, thead th) { text-align: right; }
:is(.scores, .voxels) tr > :first-child:is(tbody *, tfoot *, [rowspan]) { text-align: left; position: sticky; left: 0; background: var(--ground); }

.figures { display: flex; flex-wrap: wrap; gap: 1rem; }
.figures figure { margin: 0; }
.figures svg { display: block; background: #fff; border: 1px solid var(--line); max-width: 100%; height: auto; }
.figures figcaption { font-size: .85rem; color: var(--quiet); }
.organ { white-space: nowrap; }
.scores tbody th { overflow-wrap: anywhere; min-width: 6.5rem; }
.scores .group { text-align: center; }
.rise { color: var(--rise); }
.fall { color: var(--fall); }
.voxels :is(td, th) { padding: .2rem .35rem; }
.voxels thead th:first-child, .voxels .reason { text-align: left; }
.voxels .reason { min-width: 13rem; }
.upright span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.short { background: var(--short); font-weight: 600; }
.columns { display: flex; flex-wrap: wrap; gap: 1rem 3rem; align-items: flex-start; }

.slices { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3px; margin: 0; padding: 3px; background: #000; color: #ddd; }
.slices b { text-align: center; font-weight: normal; font-size: .85rem; }
.slices > div { display: flex; justify-content: center; align-items: center; min-width: 0; }
.slice { position: relative; min-width: 0; }
.slice img { display: block; max-width: 100%; height: auto; }
.slice i { position: absolute; font: 600 .75rem/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 3px #000, 0 0 3px #000; }
.slice .place { left: 4px; top: 4px; font-weight: normal; }
.slice .left { left: 4px; top: 50%; translate: 0 -50%; }
.slice .right { right: 4px; top: 50%; translate: 0 -50%; }
.slice .top { top: 4px; left: 50%; translate: -50% 0; }
.slice .bottom { bottom: 4px; left: 50%; translate: -50% 0; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; margin: .6rem 0; padding: 0; font-size: .9rem; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .45em; border-radius: 2px; box-shadow: inset 0 0 0 1px #0004; }
/* The chart is drawn on white. */
.chart { background: #fff; border: 1px solid var(--line); }
.chart svg { display: block; width: 100%; min-width: 640px; max-width: 900px; height: auto; }

@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; font-size: 15px; }
  table { font-size: .8rem; }
  th, td { padding: .25rem .35rem; }
  .slice i { font-size: .6rem; }
  .slice .place { font-size: .5rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --text: #000; --quiet: #444; --line: #bbb; --band: #fff; --rise: #064; --fall: #a00; --short: #fdd; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  tfoot { display: table-row-group; } /* once, not on every page */
  .slices, .swatch, .short { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .slices, .chart, tr, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
