/** A scatter plot as SVG: a score of each case against a result from 0 to 1. */
import { html } from 'hono/html';
import type { Html } from './input.ts';

export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  /** Result, 0 to 1. */
  readonly y: number;
  /** Whether its dot is filled, or hollow. */
  readonly filled: boolean;
}

// Lengths in pixels.
const [WIDTH, HEIGHT] = [320, 240];
const PLOT = { left: 46, right: 12, top: 10, bottom: 40 };

/** The plot, with the names of its axes. */
export function scatter(points: readonly ScatterPoint[], xName: string, yName: string): Html {
  const xs = points.map(({ x }) => x);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  const [from, to] = [low - margin, high + margin];
  const across = (x: number) => PLOT.left + ((x - from) / (to - from)) * (WIDTH - PLOT.left - PLOT.right);
  const down = (y: number) => PLOT.top + (1 - y) * (HEIGHT - PLOT.top - PLOT.bottom);
  const bottom = down(0);
  const digits = xs.every(Number.isInteger)
    ? 0
    : Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(high - low || 1))));
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${yName} over ${xName}" font-size="11" font-family="system-ui, sans-serif" fill="#1b1f24">
${[0, 0.25, 0.5, 0.75, 1].map((y) => html`<path d="M${PLOT.left} ${down(y)}H${WIDTH - PLOT.right}" stroke="#d9dee4"/><text x="${PLOT.left - 6}" y="${down(y) + 4}" text-anchor="end">${y.toFixed(2)}</text>`)}
${(low === high ? [low] : [low, high]).map((x, i) => html`<text x="${across(x)}" y="${bottom + 15}" text-anchor="${i ? 'end' : 'start'}">${x.toFixed(digits)}</text>`)}
<text x="${(PLOT.left + WIDTH - PLOT.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xName}</text>
<text transform="translate(12 ${(PLOT.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${yName}</text>
${points.map(({ name, x, y, filled }) => html`<circle cx="${across(x).toFixed(1)}" cy="${down(y).toFixed(1)}" r="4" fill="${filled ? '#0b6e4f' : '#fff'}" stroke="${filled ? '#fff' : '#b3261e'}"><title>${name}</title></circle>`)}
</svg>`;
}

/** Spearman's rank correlation: Pearson's of the ranks, equal values sharing theirs; NaN where all are equal. */
export function rankCorrelation(xs: readonly number[], ys: readonly number[]): number {
  const [a, b] = [ranks(xs), ranks(ys)];
  const middle = (xs.length + 1) / 2;
  const sum = (f: (i: number) => number) => a.reduce((total, _, i) => total + f(i), 0);
  const covariance = sum((i) => (a[i] - middle) * (b[i] - middle));
  return covariance / Math.sqrt(sum((i) => (a[i] - middle) ** 2) * sum((i) => (b[i] - middle) ** 2));
}

const ranks = (values: readonly number[]) =>
  values.map((value) => {
    const below = values.filter((other) => other < value).length;
    return below + (values.filter((other) => other === value).length + 1) / 2;
  });
