import { meanScore, RULE_SETS, type RuleSetName, type Score } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { Option } from 'commander';
import { type CommonOptions, command, print, say } from '../command.ts';
import { type Evaluation, evaluateCases, pairCases } from '../evaluateCases.ts';

interface Options extends CommonOptions {
  prediction: string;
  reference: string;
  rules: RuleSetName;
}

export const evaluate = command('evaluate', 'Score label maps against references: DSC and NSD of 13 organs')
  .requiredOption('--prediction <path>', 'a label map, or a folder with one per case')
  .requiredOption('--reference <path>', 'the reference, or a folder with one of the same name per case')
  .addOption(
    new Option('--rules <set>', 'the conventions to score by')
      .choices(Object.keys(RULE_SETS))
      .default('flare22'),
  )
  .action(async (options: Options) => {
    const { pairs, unmatched } = await pairCases(options.reference, options.prediction);
    const evaluation = await evaluateCases(pairs, options.rules);
    for (const name of unmatched) say(`${name}: not scored, it has no reference`);
    for (const name of evaluation.missing) say(`${name}: scored 0, it has no prediction`);
    print(options, evaluation, asText(evaluation));
  });

export function asText({ rules, cases, mean, missing }: Evaluation): string {
  const organs = FLARE22_ORGANS.map(({ name }): [string, Score] => [
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
