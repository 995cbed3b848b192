/** `organseg evaluate`: scores of label maps against their references. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { meanScore, RULE_SETS, type RuleSetName, type Score } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS, type Organ, organsOf } from '@organseg/core/organs.ts';
import { readLabels } from '@organseg/files/dataset.ts';
import type { Labels } from '@organseg/files/datasetDescription.ts';
import { Option } from 'commander';
import { type Evaluation, evaluateCases, pairCases } from '../evaluate/evaluateCases.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';

interface Options extends CommonOptions {
  prediction: string;
  reference: string;
  labels?: string;
  rules: RuleSetName;
}

export const evaluate = command('evaluate', 'Score label maps against references: DSC and NSD of each organ')
  .requiredOption('--prediction <path>', 'a label map, or a folder with one per case')
  .requiredOption('--reference <path>', 'the reference, or a folder with one of the same name per case')
  .option(
    '--labels <dataset.json>',
    'names of the labels (default: the dataset.json above the reference’s folder, else FLARE22’s 13 organs)',
  )
  .addOption(
    new Option('--rules <set>', 'the conventions to score by')
      .choices(Object.keys(RULE_SETS))
      .default('flare22'),
  )
  .action(async (options: Options) => {
    const { pairs, unmatched } = await pairCases(options.reference, options.prediction);
    const { organs, ignoreLabel, regions } = await scoredLabels(options.labels, pairs[0]!.reference);
    const scored = pairs.map((pair) => ({ ...pair, ignoreLabel, regions }));
    const evaluation = await evaluateCases(scored, organs, options.rules);
    for (const name of unmatched) say(`${name}: not scored, it has no reference`);
    for (const name of evaluation.missing) say(`${name}: scored 0, it has no prediction`);
    print(options, evaluation, asText(evaluation));
  });

/** By the file asked for, or by the data set that the reference lies in. */
async function scoredLabels(
  asked: string | undefined,
  reference: string,
): Promise<Omit<Labels, 'labelNames'> & { organs: readonly Organ[] }> {
  const path = asked ?? join(dirname(reference), '..', 'dataset.json');
  if (!asked && !existsSync(path)) return { organs: FLARE22_ORGANS };
  const { labelNames, ignoreLabel, regions } = await readLabels(path);
  const organs = organsOf(labelNames);
  if (organs !== FLARE22_ORGANS) {
    const tolerances = organs.map(({ name, toleranceMm }) => `${name} ${toleranceMm} mm`);
    say(`organs of ${path}, with NSD's tolerances: ${tolerances.join(', ')}`);
  }
  if (ignoreLabel !== undefined)
    say(`voxels of label ${ignoreLabel} in the reference, ignored by ${path}, are not scored`);
  if (regions)
    say(
      `regions, by ${path}: ${regions.map(({ labels, label }) => `${labelNames[label]} ${labels.join('+')}`).join(', ')}`,
    );
  return { organs, ignoreLabel, regions };
}

export function asText({ rules, cases, mean, missing }: Evaluation): string {
  const organs = Object.keys(cases[0]!.organs).map((name): [string, Score] => [
    name,
    meanScore(cases.map((scored) => scored.organs[name])),
  ]);
  const perCase = cases.map((scored): [string, Score] => [
    missing.includes(scored.case) ? `${scored.case} (no prediction)` : scored.case,
    scored.mean,
  ]);
  const heading = `rules ${rules}, ${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`;
  return [
    heading,
    '',
    ...table('organ', [...organs, ['mean', mean]]),
    '',
    ...table('case', [...perCase, ['mean', mean]]),
  ].join('\n');
}

function table(heading: string, rows: [string, Score][]): string[] {
  const width = Math.max(heading.length, ...rows.map(([name]) => name.length)) + 2;
  return [
    `${heading.padEnd(width)}DSC     NSD`,
    ...rows.map(([name, { dsc, nsd }]) => `${name.padEnd(width)}${dsc.toFixed(4)}  ${nsd.toFixed(4)}`),
  ];
}
