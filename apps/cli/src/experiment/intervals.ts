/** A figure of differences with their intervals as SVG, a line for each. */
import { html } from 'hono/html';
import type { Html } from '../report/input.ts';

export interface Interval {
  readonly name: string;
  readonly mean: number;
  /** Ends of the interval; NaN where there is none. */
  readonly low: number;
  readonly high: number;
  /** Values that the mean is taken of. */
  readonly points: readonly number[];
}

// Lengths in pixels.
const WIDTH = 720;
const LINE = 30;
const PLOT = { right: 20, top: 14, bottom: 44 };
/** Width of a letter of a name, rather too much. */
const LETTER = 7.5;

/** The figure. Values are shares; the axis shows points of a hundred. */
export function intervals(list: readonly Interval[], title: string): Html {
  const values = [0, ...list.flatMap(({ low, high, points }) => [low, high, ...points])]
    .filter((x) => !Number.isNaN(x))
    .map((x) => 100 * x);
  const step = niceStep(Math.max(...values) - Math.min(...values));
  const from = Math.floor(Math.min(...values) / step) * step;
  const to = Math.max(from + step, Math.ceil(Math.max(...values) / step) * step);
  const left = 20 + LETTER * Math.max(...list.map(({ name }) => name.length));
  const across = (value: number) => left + ((100 * value - from) / (to - from)) * (WIDTH - left - PLOT.right);
  const bottom = PLOT.top + LINE * list.length;
  const height = bottom + PLOT.bottom;
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}" font-size="13" font-family="system-ui, sans-serif" fill="#1b1f24">
<rect width="100%" height="100%" fill="#fff"/>
${ticks.map((tick) => html`<path d="M${across(tick / 100)} ${PLOT.top}V${bottom}" stroke="${Math.abs(tick) < 1e-9 ? '#1b1f24' : '#d9dee4'}"/><text x="${across(tick / 100)}" y="${bottom + 17}" text-anchor="middle">${Number(tick.toFixed(2))}</text>`)}
<text x="${(left + WIDTH - PLOT.right) / 2}" y="${height - 8}" text-anchor="middle">${title}</text>
${list.map(({ name, mean, low, high, points }, i) => {
  const y = PLOT.top + LINE * (i + 0.5);
  const colour = low > 0 ? '#0b6e4f' : high < 0 ? '#b3261e' : '#5c6570';
  return html`<text x="${left - 10}" y="${y + 4}" text-anchor="end">${name}</text>
${Number.isNaN(low) ? '' : html`<path d="M${across(low)} ${y}H${across(high)}" stroke="${colour}" stroke-width="3"/>`}
${points.map((point) => html`<circle cx="${across(point)}" cy="${y}" r="3" fill="#fff" stroke="${colour}"/>`)}
<path d="M${across(mean)} ${y - 8}V${y + 8}" stroke="${colour}" stroke-width="3"/>`;
})}
</svg>`;
}

/** A step between ticks, 1, 2 or 5 times a power of ten, for 4 to 10 of them. */
function niceStep(span: number): number {
  const rough = (span || 1) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough)!;
}
