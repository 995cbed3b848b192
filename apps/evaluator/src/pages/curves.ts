/** Efficiency over time, one curve a case. */
import type { EfficiencySample } from '@organseg/core/metrics/efficiency.ts';
import { html } from 'hono/html';
import type { Html } from './layout.ts';

export interface CaseCurve {
  readonly name: string;
  readonly curve: readonly EfficiencySample[];
}

const WIDTH = 420;
const HEIGHT = 190;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 8, 34];

export function efficiencyCurves(curves: readonly CaseCurve[]): Html {
  const gpu = chart('GPU memory', 'MB', curves, ({ gpuMemoryMb }) => gpuMemoryMb, {
    least: 2500,
    limit: 2048,
  });
  const cpu = chart('CPU use', '% of all cores', curves, ({ cpuPercent }) => cpuPercent, { least: 100 });
  return html`<div class="charts">${gpu}${cpu}</div>`;
}

function chart(
  title: string,
  unit: string,
  curves: readonly CaseCurve[],
  value: (sample: EfficiencySample) => number,
  { least, limit }: { least: number; limit?: number },
): Html {
  const samples = curves.flatMap(({ curve }) => curve);
  const timeTop = ceiling(samples.reduce((top, { t }) => Math.max(top, t), 1));
  const valueTop = ceiling(samples.reduce((top, sample) => Math.max(top, value(sample)), least));
  const x = (t: number) => round(LEFT + (t / timeTop) * (WIDTH - LEFT - RIGHT));
  const y = (v: number) => round(HEIGHT - BOTTOM - (v / valueTop) * (HEIGHT - TOP - BOTTOM));
  const line = (curve: readonly EfficiencySample[]) =>
    curve.map((sample, i) => `${i === 0 ? 'M' : 'L'}${x(sample.t)} ${y(value(sample))}`).join('');
  const peak = samples.reduce((top, sample) => Math.max(top, value(sample)), 0);
  const quarters = [0, 0.25, 0.5, 0.75, 1];
  return html`<figure><figcaption>${title} <small>${unit}, over seconds</small></figcaption>
<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} of ${curves.length} cases over at most ${timeTop} s; at most ${Math.round(peak)} ${unit}">
${quarters.map(
  (
    share,
  ) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * valueTop)}" y2="${y(share * valueTop)}"/>
<text class="quiet" x="${LEFT - 6}" y="${y(share * valueTop) + 4}" text-anchor="end">${label(share * valueTop)}</text>
<text class="quiet" x="${x(share * timeTop)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label(share * timeTop)}</text>`,
)}
${
  limit === undefined
    ? ''
    : html`<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(limit)}" y2="${y(limit)}"/>
<text class="quiet" x="${WIDTH - RIGHT}" y="${y(limit) - 4}" text-anchor="end">free up to 2 GB</text>`
}
${curves.map(({ name, curve }) => html`<path class="curve" d="${line(curve)}"><title>${name}</title></path>`)}
</svg></figure>`;
}

const round = (value: number) => Math.round(10 * value) / 10;
const label = (value: number) => String(Number(value.toPrecision(4)));

/** The next round number that four divide well. */
function ceiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * ([1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10].find((step) => step * unit >= value) ?? 10);
}
