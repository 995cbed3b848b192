/** The picture of a rank and its interval in the leaderboard. */
import { html } from 'hono/html';
import type { Html } from './layout.ts';

/** A rank and its interval on a line from 1 to the number of teams. */
export function rankInterval(rank: number, [low, high]: readonly number[], teams: number): Html {
  const x = (at: number) => Math.round(4 + (teams > 1 ? (at - 1) / (teams - 1) : 0) * 104);
  return html`<svg class="interval" viewBox="0 0 112 16" role="img" aria-label="rank ${low} to ${high}">
<line class="grid" x1="4" x2="108" y1="8" y2="8"/>
<rect class="box" x="${x(low) - 2}" y="4" width="${x(high) - x(low) + 4}" height="8" rx="2"/>
<circle class="dot" cx="${x(rank)}" cy="8" r="3"/>
<title>rank ${rank}; ${low} to ${high} in 95 % of the resamples</title></svg>`;
}
