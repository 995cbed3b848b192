/** A challenge's organs as lines of text, as a form takes them: label, name, tolerance in mm, and whether it is a tube. */
import type { z } from '@hono/zod-openapi';
import type { NewChallenge } from '../../schema/challenge.ts';

type Organ = z.output<typeof NewChallenge>['organs'][number];

const FIELDS: Record<string, string> = { id: 'label', name: 'name', toleranceMm: 'tolerance' };

export const organLines = (organs: readonly Organ[]): string =>
  organs
    .map(({ id, name, toleranceMm, isTube }) =>
      [id, name, toleranceMm, ...(isTube ? ['tube'] : [])].join(', '),
    )
    .join('\n');

interface OrganLine {
  /** The line's number, from 1. */
  readonly number: number;
  readonly cells: readonly string[];
}

/** The lines that are not empty. */
function linesOf(text: string): OrganLine[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ number: i + 1, cells: line.split(',').map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
}

/** The organs as the API's schemas take them, with what no schema sees: a line of another form. */
export function readOrgans(text: string): { organs: object[]; fault: string | undefined } {
  const lines = linesOf(text);
  const odd = lines.find(
    ({ cells: { length, 3: last } }) => length < 3 || length > 4 || (last ?? 'tube') !== 'tube',
  );
  const organs = lines.map(({ cells: [id, name, tolerance, tube] }) => ({
    id: Number(id || Number.NaN),
    name,
    toleranceMm: Number(tolerance || Number.NaN),
    isTube: tube === 'tube',
  }));
  return {
    organs,
    fault: odd && `line ${odd.number}: expected label, name, tolerance in mm and, of a tube, the word tube`,
  };
}

/** A schema's first fault among the organs, with the number of its line; undefined where there is none. */
export function organFault(text: string, { issues }: z.core.$ZodError): string | undefined {
  const issue = issues.find(({ path }) => path[0] === 'organs');
  if (!issue) return undefined;
  const [, i, key] = issue.path;
  if (typeof i !== 'number') return issue.message;
  return `line ${linesOf(text)[i].number}: ${FIELDS[String(key)]}: ${issue.message}`;
}
