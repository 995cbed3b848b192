/** Box plots, one row an organ: quartiles, whiskers to the furthest value within 1.5 box lengths, the rest as dots. */
import { html } from 'hono/html';
import type { Html } from './layout.ts';

export interface Row {
  readonly name: string;
  /** Scores from 0 to 1. */
  readonly values: readonly number[];
}

const WIDTH = 420;
const LEFT = 92;
const RIGHT = 48;
const ROW = 22;
const TOP = 4;

const x = (value: number) => round(LEFT + value * (WIDTH - LEFT - RIGHT));
const round = (value: number) => Math.round(10 * value) / 10;

export function boxPlot(title: string, rows: readonly Row[]): Html {
  const bottom = TOP + rows.length * ROW;
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  return html`<figure><figcaption>${title} <small>of each organ over the cases; the number is the median</small></figcaption>
<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom + 20}" role="img" aria-label="${title}: ${described(rows)}">
${ticks.map(
  (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${bottom}"/>
<text class="quiet" x="${x(tick)}" y="${bottom + 14}" text-anchor="middle">${tick}</text>`,
)}
${rows.map((row, i) => box(row, TOP + i * ROW + ROW / 2))}
</svg></figure>`;
}

function box({ name, values }: Row, y: number): Html {
  const { low, lower, median, upper, high, outliers } = summary(values);
  return html`<g><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${name}</text>
<path class="mark" d="M${x(low)} ${y}H${x(lower)}M${x(upper)} ${y}H${x(high)}M${x(low)} ${y - 4}v8M${x(high)} ${y - 4}v8"/>
<rect class="box" x="${x(lower)}" y="${y - 6}" width="${round(Math.max(0.5, x(upper) - x(lower)))}" height="12"/>
<line class="median" x1="${x(median)}" x2="${x(median)}" y1="${y - 6}" y2="${y + 6}"/>
${outliers.map((value) => html`<circle class="dot" cx="${x(value)}" cy="${y}" r="2"/>`)}
<text class="quiet" x="${WIDTH - RIGHT + 8}" y="${y + 4}">${median.toFixed(3)}</text></g>`;
}

const described = (rows: readonly Row[]) =>
  rows.map(({ name, values }) => `${name} ${summary(values).median.toFixed(3)}`).join(', ');

export function summary(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const [lower, median, upper] = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share));
  const reach = 1.5 * (upper - lower);
  const inside = sorted.filter((value) => value >= lower - reach && value <= upper + reach);
  const outliers = sorted.filter((value) => value < lower - reach || value > upper + reach);
  return { low: inside[0], lower, median, upper, high: inside[inside.length - 1], outliers };
}

/** A quantile of sorted values, in proportion between the two nearest. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (at % 1) * (sorted[Math.ceil(at)] - below);
}
