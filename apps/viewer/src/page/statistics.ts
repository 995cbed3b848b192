/** What was found of each organ, as CSV and as JSON. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import type { OrganFigures, ShownOrgan } from '../protocol.ts';

export interface OrganRow extends OrganFigures, ShownOrgan {
  readonly dsc?: number | undefined;
  readonly nsd?: number | undefined;
}

/** `organs` and the scores of a comparison are in the labels' order; a region's row has its name. */
export function organRows(
  organs: readonly ShownOrgan[],
  figures: readonly OrganFigures[],
  score?: CaseScore,
): OrganRow[] {
  const scores = score && Object.values(score.organs);
  return organs.map((organ, i) => ({
    ...organ,
    name: organ.region?.name ?? organ.name,
    ...figures[organ.label]!,
    dsc: scores?.[i]?.dsc,
    nsd: scores?.[i]?.nsd,
  }));
}

export function statisticsCsv(rows: readonly OrganRow[]): string {
  const isScored = rows.some(({ dsc }) => dsc !== undefined);
  const head = [
    ...['organ', 'label', 'voxels', 'volume_ml', 'mean_hu', 'probability', 'expected_dsc'],
    ...(isScored ? ['dsc', 'nsd'] : []),
  ];
  const lines = rows.map(({ name, label, voxels, volumeMl, meanHu, probability, expectedDsc, dsc, nsd }) =>
    [
      quoted(name),
      label,
      voxels,
      volumeMl,
      meanHu ?? '',
      probability ?? '',
      expectedDsc ?? '',
      ...(isScored ? [dsc, nsd] : []),
    ].join(','),
  );
  return `${[head.join(','), ...lines].join('\n')}\n`;
}

/** What `predict --statistics` writes, and the scores of a comparison. */
export function statisticsJson(rows: readonly OrganRow[]): string {
  const organs = rows.map(({ name, voxels, volumeMl, meanHu, probability, expectedDsc, dsc, nsd }) => [
    name,
    { voxels, volumeMl, meanHu, probability, expectedDsc, ...(dsc !== undefined && { dsc, nsd }) },
  ]);
  return `${JSON.stringify(Object.fromEntries(organs), null, 2)}\n`;
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
