/**
 * Label names in a NIfTI file: Caret's XML as a header extension, which Connectome Workbench and others read and write.
 * Format: https://www.nitrc.org/projects/gifti (LabelTable); extension code 30.
 */
import type { NiftiExtension } from './niftiWrite.ts';

/** The extension's code. */
const CARET = 30;

/** A label as viewers show it. */
export interface LabelEntry {
  readonly id: number;
  readonly name: string;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** The header extension that holds a table of labels. */
export function labelTable(entries: readonly LabelEntry[]): NiftiExtension {
  const labels = entries.map(({ id, name, colour }) => {
    const [red, green, blue] = colour.map((value) => (value / 255).toFixed(3));
    const text = name.replaceAll(']]>', '');
    return `<Label Key="${id}" Red="${red}" Green="${green}" Blue="${blue}" Alpha="1"><![CDATA[${text}]]></Label>`;
  });
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<CaretExtension><VolumeInformation Index="0">',
    `<LabelTable>${labels.join('')}</LabelTable>`,
    '<VolumeType><![CDATA[Label]]></VolumeType>',
    '</VolumeInformation></CaretExtension>',
  ];
  return { code: CARET, content: new TextEncoder().encode(xml.join('')) };
}

/** The names of labels from 1 on, by the text of a table; undefined where the text holds none. */
export function namesInTable(text: string): string[] | undefined {
  const names: string[] = [];
  for (const [, key, name] of text.matchAll(/<Label Key="(\d{1,3})"[^>]*><!\[CDATA\[(.*?)\]\]><\/Label>/g))
    if (Number(key) > 0) names[Number(key) - 1] = name!;
  return names.length ? Array.from(names, (name) => name ?? '') : undefined;
}
