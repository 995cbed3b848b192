/** The table of organs: a switch for each, its colour, its volume and what else is known. */
import { cellOf, titleOf } from './dom.ts';
import type { OrganRow } from './statistics.ts';

/** Fills the table; `onHidden` is told the labels that are switched off whenever one is switched. */
export function fillTable(
  table: HTMLTableSectionElement,
  rows: readonly OrganRow[],
  hidden: ReadonlySet<number>,
  onHidden: (labels: ReadonlySet<number>) => void,
): void {
  const off = new Set(hidden);
  const isScored = rows.some(({ dsc }) => dsc !== undefined);
  const isSure = rows.some(({ probability }) => probability !== undefined);
  for (const [name, isShown] of [
    ['score', isScored],
    ['sure', isSure],
  ] as const)
    for (const cell of table.closest('table')!.querySelectorAll<HTMLElement>(`.${name}`))
      cell.hidden = !isShown;
  table.replaceChildren(
    ...rows.map((organ) => {
      const { label, name, colour, voxels, volumeMl, meanHu, dsc, nsd } = organ;
      const shown = document.createElement('input');
      shown.type = 'checkbox';
      shown.checked = !off.has(label);
      shown.setAttribute('aria-label', `Show ${name}`);
      shown.addEventListener('change', () => {
        if (shown.checked) off.delete(label);
        else off.add(label);
        onHidden(new Set(off));
      });
      const swatch = document.createElement('span');
      swatch.className = 'swatch';
      swatch.style.background = `rgb(${colour.join(' ')})`;
      const row = document.createElement('tr');
      row.append(
        cellOf(shown),
        titleOf(swatch, name),
        cellOf(voxels ? volumeMl.toFixed(1) : '–'),
        cellOf(meanHu === null ? '–' : meanHu.toFixed(0)),
        ...(isSure ? [sureCell(organ)] : []),
        ...(isScored ? [cellOf(dsc!.toFixed(3)), cellOf(nsd!.toFixed(3))] : []),
      );
      return row;
    }),
  );
}

/** How far an organ is to be trusted: the DSC to be expected where it is known, else how sure the network is. */
function sureCell({ probability, expectedDsc, doubt }: OrganRow): HTMLTableCellElement {
  const cell = cellOf(probability === undefined ? '–' : (expectedDsc ?? probability).toFixed(2));
  if (doubt !== undefined) {
    cell.className = 'doubtful';
    cell.title = doubt;
  }
  return cell;
}
