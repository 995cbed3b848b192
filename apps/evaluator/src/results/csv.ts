/** CSV by RFC 4180. */

export type Cell = string | number | undefined;

/** A line of cells; what is undefined is left empty. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(cell).join(',')}\r\n`;

function cell(value: Cell): string {
  if (typeof value !== 'string') return String(value ?? '');
  // A spreadsheet would run a team's name as a formula.
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
