/** SNOMED CT's codes of organs, by the names of labels; what has none there is called tissue. */
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';

/** A code as DICOM writes it. */
export interface Code {
  readonly CodeValue: string;
  readonly CodingSchemeDesignator: string;
  readonly CodeMeaning: string;
}

export interface SegmentCodes {
  readonly category: Code;
  readonly type: Code;
  /** The side of the body, of paired organs. */
  readonly side: Code | undefined;
}

const snomed = (CodeValue: string, CodeMeaning: string): Code => ({
  CodeValue,
  CodingSchemeDesignator: 'SCT',
  CodeMeaning,
});

const ANATOMY = snomed('123037004', 'Anatomical Structure');
const TISSUE = snomed('85756007', 'Tissue');
const SIDES: Readonly<Record<string, Code>> = {
  left: snomed('7771000', 'Left'),
  right: snomed('24028007', 'Right'),
};

/** By names in small letters, without the side. */
const ORGANS: Readonly<Record<string, Code>> = {
  liver: snomed('10200004', 'Liver'),
  kidney: snomed('64033007', 'Kidney'),
  spleen: snomed('78961009', 'Spleen'),
  pancreas: snomed('15776009', 'Pancreas'),
  aorta: snomed('15825003', 'Aorta'),
  'inferior vena cava': snomed('64131007', 'Inferior vena cava'),
  'adrenal gland': snomed('23451007', 'Adrenal gland'),
  gallbladder: snomed('28231008', 'Gallbladder'),
  esophagus: snomed('32849002', 'Esophagus'),
  stomach: snomed('69695003', 'Stomach'),
  duodenum: snomed('38848004', 'Duodenum'),
};

/** Other spellings of them. */
const SPELLINGS: Readonly<Record<string, string>> = {
  oesophagus: 'esophagus',
  'gall bladder': 'gallbladder',
  adrenal: 'adrenal gland',
  postcava: 'inferior vena cava',
};

/** The codes of a label by its name, such as `right kidney`, `kidney_right` or `RK`. */
export function codesOf(label: string): SegmentCodes {
  const plain = label.trim().toLowerCase().replaceAll(/[_-]+/g, ' ');
  const short = FLARE22_ORGANS.find(({ name }) => name.toLowerCase() === plain);
  const words = (short?.longName ?? plain).split(/\s+/);
  const side = words.find((word) => word in SIDES);
  const name = words.filter((word) => word !== side).join(' ');
  const type = ORGANS[SPELLINGS[name] ?? name];
  if (!type) return { category: TISSUE, type: TISSUE, side: undefined };
  return { category: ANATOMY, type, side: side === undefined ? undefined : SIDES[side] };
}
