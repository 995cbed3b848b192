/** The tables of where arms gain: by organ and by test case, each cell coloured by its points. */
import type { Organ } from '@organseg/core/organs.ts';
import { html } from 'hono/html';
import type { Html } from '../report/input.ts';
import { swatch } from '../report/swatch.ts';
import { points, score } from '../report/words.ts';
import type { ArmResult } from './results.ts';

/** Points at which a cell has its full colour. */
const FULL = 20;
/** Share of the colour that a full cell has, in percent; its text stays readable on it. */
const STRONGEST = 55;
/** Makes columns narrow: there are as many as arms. */
const NARROW = 'padding-inline: .35rem';

/** Both tables of a cohort; nothing where no arm is compared with the baseline yet. */
export function gains(baseline: string, organs: readonly Organ[], results: readonly ArmResult[]): Html | '' {
  const base = results.find(({ arm }) => arm === baseline);
  const compared = results.filter(({ difference }) => difference);
  if (!base || !compared.length) return '';
  const byOrgan = organs.map(({ name, longName, colour }) => ({
    label: html`<span class="organ">${swatch(colour)}${longName}</span>`,
    before: base.organs[name]!.dsc,
    changes: compared.map(({ organDifferences }) => organDifferences![name]!),
  }));
  const byCase = Object.entries(base.caseDsc)
    .sort(([, a], [, b]) => a - b)
    .map(([name, before]) => ({
      label: html`${name}`,
      before,
      changes: compared.map(({ caseDifferences }) => caseDifferences![name]!),
    }));
  const arms = compared.map(({ arm }) => arm);
  return html`<h3>Where the gain comes from: DSC points over “${baseline}” in each organ</h3>
${table('organ', baseline, arms, byOrgan)}
<details><summary>In each test case, the hardest first</summary>
${table('case', baseline, arms, byCase)}</details>`;
}

interface Row {
  readonly label: Html;
  /** DSC of the baseline. */
  readonly before: number;
  /** Difference to it of each arm. */
  readonly changes: readonly number[];
}

const table = (
  what: string,
  baseline: string,
  arms: readonly string[],
  rows: readonly Row[],
): Html => html`<div class="wide"><table class="scores">
<thead><tr class="upright"><th rowspan="1">${what}<th><span>${baseline}, DSC</span>${arms.map((arm) => html`<th style="${NARROW}"><span>${arm}</span>`)}
<tbody>${rows.map(
  ({ label, before, changes }) => html`
<tr><th>${label}<td>${score(before)}${changes.map(cell)}`,
)}
</table></div>`;

function cell(change: number): Html {
  const strength = Math.round(STRONGEST * Math.min(1, (100 * Math.abs(change)) / FULL));
  const colour = `color-mix(in srgb, var(--${change < 0 ? 'fall' : 'rise'}) ${strength}%, transparent)`;
  return html`<td style="${NARROW}; background: ${colour}">${points(change)}`;
}
