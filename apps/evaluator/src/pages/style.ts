/** The pages' look: light or dark as the reader's system is, on a phone, and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1b1f24; --quiet: #59626c; --line: #d9dee4; --band: #f4f6f8;
  --accent: #0b5cad; --on-accent: #fff; --box: #bcd7f2; --bad: #b3261e; --bad-ground: #fdecea; --good: #0b6e4f; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --text: #e6e9ec; --quiet: #9aa4ae; --line: #343a41; --band: #1d2226;
    --accent: #7db8f2; --on-accent: #0c1116; --box: #24496d; --bad: #ff8a80; --bad-ground: #3a1c1a; --good: #5fd0a5; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 0 1rem 2rem; max-width: 72rem; background: var(--ground); color: var(--text);
  overflow-wrap: break-word; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 1; background: var(--ground); padding: .4rem .8rem; }
.top { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .25rem 1.5rem;
  padding: .8rem 0; border-bottom: 1px solid var(--line); }
.top nav, .top form { display: flex; align-items: center; gap: .5rem 1.2rem; }
.brand { font-weight: 700; color: inherit; text-decoration: none; padding: .3rem 0; }
.brand span { font-weight: 400; color: var(--quiet); }
.top nav a { padding: .4rem 0; }
.who { color: var(--quiet); max-width: 12rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .85rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 1.6rem 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p, .prose li { max-width: 46rem; }
p { margin: .5rem 0; }
code, pre { font: .88em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--band); padding: .7rem .9rem; margin: .5rem 0; overflow-wrap: normal; border-radius: 4px; }
.quiet { color: var(--quiet); }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 2rem; margin: .8rem 0; padding: 0; }
.facts div { min-width: 5rem; }
.facts dt { color: var(--quiet); font-size: .85rem; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.facts .large { font-size: 1.6rem; line-height: 1.25; font-weight: 600; }

.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
thead th { vertical-align: bottom; color: var(--quiet); font-weight: 500; font-size: .85rem; }
tbody tr:hover { background: var(--band); }
th.name, td.name { text-align: left; }
tbody th.name { font-weight: 600; min-width: 8rem; max-width: 18rem; white-space: normal; overflow-wrap: break-word; }
time { white-space: nowrap; }
td.note { text-align: left; white-space: normal; min-width: 12rem; color: var(--quiet); }
td.rank { text-align: left; font-weight: 700; font-size: 1.05rem; }
th.rank { text-align: left; }
td.tags { text-align: left; white-space: normal; min-width: 8.5rem; }
.interval { display: block; width: 7rem; height: 1.1rem; margin-left: auto; }
.tag { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid var(--line); font-size: .8rem; color: var(--quiet); white-space: nowrap; }
.tag.bad { color: var(--bad); border-color: currentColor; }
.tag.good { color: var(--good); border-color: currentColor; }

.places { margin: .8rem 0 1.2rem; border-bottom: 1px solid var(--line); }
.places ul { display: flex; flex-wrap: wrap; gap: 0 1.4rem; margin: 0; padding: 0; list-style: none; }
.places a { display: block; padding: .5rem 0; text-decoration: none; border-bottom: 3px solid transparent; }
.places a[aria-current] { color: inherit; font-weight: 600; border-color: var(--accent); }
.tabs { display: flex; flex-wrap: wrap; gap: .4rem; margin: 1rem 0 .3rem; padding: 0; list-style: none; }
.tabs a { display: block; padding: .4rem .9rem; border: 1px solid var(--line); border-radius: 2rem; text-decoration: none; color: inherit; }
.tabs a[aria-current] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }

.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
button, .button { display: inline-block; font: inherit; font-weight: 600; padding: .55rem 1.2rem; border: 0; border-radius: 4px;
  background: var(--accent); color: var(--on-accent); text-decoration: none; cursor: pointer; }
.button.second { background: none; color: var(--accent); box-shadow: inset 0 0 0 1px currentColor; }
button.danger { background: var(--bad); color: var(--ground); }
button.plain { background: none; color: var(--accent); font-weight: 400; padding: .4rem 0; text-decoration: underline; }
button[disabled] { opacity: .6; cursor: progress; }
label { display: block; font-weight: 600; margin: 1rem 0 .3rem; }
label + .hint { margin: -.2rem 0 .4rem; }
.hint { color: var(--quiet); font-size: .93rem; max-width: 36rem; }
.fault { color: var(--bad); font-weight: 600; max-width: 36rem; margin: .3rem 0; }
.fault::first-letter { text-transform: uppercase; }
input, select, textarea { font: inherit; width: 100%; max-width: 36rem; padding: .6rem .7rem; border: 1px solid var(--quiet); border-radius: 4px;
  background: var(--ground); color: inherit; }
textarea { display: block; resize: vertical; font: .88em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
[aria-invalid] { border: 2px solid var(--bad); }
input[type=file] { border-style: dashed; padding: 1.2rem .7rem; }
.secret { resize: none; overflow-wrap: anywhere; }
.done { border-left: 4px solid var(--good); background: var(--band); padding: .7rem 1rem; margin: 1rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.alert ul { margin: .3rem 0; padding-left: 1.2rem; }
.alert p { margin: 0; }
.alert { border-left: 4px solid var(--bad); background: var(--bad-ground); padding: .7rem 1rem; margin: 1rem 0; max-width: 46rem; overflow-wrap: anywhere; }
progress { width: 100%; max-width: 36rem; height: 1rem; accent-color: var(--accent); }
.cards { list-style: none; padding: 0; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.cards a { display: block; height: 100%; padding: 1rem; border: 1px solid var(--line); border-radius: 6px; text-decoration: none; color: inherit; }
.cards a:hover { border-color: var(--accent); }
.cards b { display: block; color: var(--accent); font-size: 1.1rem; overflow-wrap: anywhere; }

.charts { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: .2rem; }
figcaption small { font-weight: 400; color: var(--quiet); }
svg.chart { display: block; width: 100%; height: auto; font-size: 12px; }
svg text { fill: var(--text); }
svg .quiet { fill: var(--quiet); }
svg .grid { stroke: var(--line); }
svg .box { fill: var(--box); stroke: var(--accent); }
svg .mark { stroke: var(--accent); fill: none; }
svg .median { stroke: var(--text); stroke-width: 2; }
svg .dot { fill: var(--accent); }
svg .limit { stroke: var(--bad); stroke-dasharray: 4 3; }
svg .curve { fill: none; stroke: var(--accent); stroke-opacity: .55; }
details { margin: .6rem 0; }
summary { cursor: pointer; padding: .3rem 0; color: var(--accent); }
.route { border-top: 1px solid var(--line); padding-top: .2rem; margin-top: 1.4rem; }
.route h3 { display: flex; flex-wrap: wrap; gap: .1rem .6rem; }
.verb { color: var(--accent); text-transform: uppercase; }

@media (max-width: 40rem) {
  body { padding: 0 .8rem 1.5rem; }
  h1 { font-size: 1.45rem; }
  th, td { padding: .45rem .5rem; }
  tbody th.name { min-width: 7rem; max-width: 9.5rem; }
  .pinned :is(th, td):is(.name) { position: sticky; left: 0; background: var(--ground); z-index: 1; }
  .facts { gap: .4rem 1.4rem; }
  button, .button { width: 100%; text-align: center; }
  .top button { width: auto; }
}
@media print {
  .top nav, .actions, .tabs, .places, .skip { display: none; }
  .wide { overflow: visible; }
  svg, .box { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;

/** Keeps a submission's page and an organiser's list of submissions up to date, and a form from being sent twice. */
export const SCRIPT = `
const live = document.querySelector('[data-events]');
if (live) {
  const source = new EventSource(live.dataset.events);
  source.addEventListener('progress', ({ data }) => {
    const { progress, state } = JSON.parse(data);
    live.querySelector('progress').value = progress.done;
    live.querySelector('output').value = progress.done + ' of ' + progress.total + ' cases scored';
    document.title = document.title.replace(/^(\\d+%)? ?/, Math.round((100 * progress.done) / progress.total) + '% ');
  });
  source.addEventListener('scored', () => { source.close(); location.reload(); });
}
const list = document.querySelector('[data-poll]');
const poll = async () => {
  const answer = document.hidden ? null : await fetch(location.href).catch(() => null);
  if (answer?.ok) {
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(list.id);
    const rows = [list, next].map((each) => each?.querySelector('tbody'));
    const [before, now] = rows.every(Boolean) ? rows : [list, next];
    // Whoever stands on a link in there is not thrown out.
    if (now && !before.contains(document.activeElement)) before.innerHTML = now.innerHTML;
    list.dataset.poll = next?.dataset.poll ?? list.dataset.poll;
  }
  setTimeout(poll, 1000 * list.dataset.poll);
};
if (list) setTimeout(poll, 1000 * list.dataset.poll);
for (const form of document.querySelectorAll('form[data-busy]')) {
  form.addEventListener('submit', () => {
    const button = form.querySelector('button');
    button.textContent = form.dataset.busy;
    setTimeout(() => { button.disabled = true; });
  });
}
addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
`;
