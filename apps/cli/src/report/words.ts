/** Numbers and sentences of reports. */
import { plural } from '@organseg/core/words.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import type { Evaluation } from '../evaluate/evaluateCases.ts';
import type { ReportRun } from './input.ts';

/** A score from 0 to 1; a dash where there is none. */
export const score = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–');

/** A difference of scores with its sign; a dash where there is none. */
export const change = (value: number): string => (Number.isFinite(value) ? signed(value, 3) : '–');

/** A difference of scores in points of a hundred, with its sign. */
export const points = (value: number): string => signed(100 * value, 1);

/** A number with its sign, a true minus; what rounds to 0 has none. */
function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return `${Number(text) === 0 ? '' : value > 0 ? '+' : '−'}${text}`;
}

/** A few plain sentences on what the second model changed. */
export function summary(
  before: Evaluation,
  { name, evaluation: after }: Pick<ReportRun, 'name' | 'evaluation'>,
  manifest: PseudoLabelManifest | null,
): string[] {
  const choice = manifest ? choiceOf(manifest) : '';
  const count = before.cases.length;
  if (count === 0) return ['There were no test cases to compare the two models on.', choice].filter(Boolean);
  const dsc = course('DSC', before.mean.dsc, after.mean.dsc);
  const nsd = course('NSD', before.mean.nsd, after.mean.nsd);
  const { rose, fell } = directions(before, after);
  return [
    `${name[0].toUpperCase()}${name.slice(1)} ${dsc} on ${plural(count, 'test case')}; ${nsd}.`,
    count > 1 ? `The DSC rose in ${plural(rose, 'case')} and fell in ${fell}.` : '',
    choice,
  ].filter(Boolean);
}

function choiceOf({ cases }: PseudoLabelManifest): string {
  const kept = cases.filter((labelled) => labelled.kept).length;
  return `For training, ${kept} of ${plural(cases.length, 'unlabelled case')} ${kept === 1 ? 'was' : 'were'} kept.`;
}

/** How a mean went from one model to the other, by the numbers as they are shown. */
function course(name: string, from: number, to: number): string {
  const [a, b] = [score(from), score(to)];
  if (a === b) return `the mean ${name} stayed at ${a}`;
  return `the mean ${name} ${to > from ? 'rose' : 'fell'} from ${a} to ${b}`;
}

/** The numbers of cases whose mean DSC rose, and of those whose mean DSC fell. */
function directions(before: Evaluation, after: Evaluation): { rose: number; fell: number } {
  const earlier = new Map(before.cases.map((scored) => [scored.case, scored.mean.dsc]));
  const changes = after.cases.map((scored) => scored.mean.dsc - earlier.get(scored.case)!);
  return { rose: changes.filter((by) => by > 0).length, fell: changes.filter((by) => by < 0).length };
}
