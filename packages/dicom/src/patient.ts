/** Who a series is of: what is shown only where a user asks for it. */
import { readHead } from './elements.ts';
import type { SeriesGrid } from './grid.ts';

/** Attributes of the patient and the study, by the words for them. */
const ATTRIBUTES = {
  name: 'PatientName',
  id: 'PatientID',
  birthDate: 'PatientBirthDate',
  sex: 'PatientSex',
  age: 'PatientAge',
  studyDate: 'StudyDate',
  accessionNumber: 'AccessionNumber',
} as const;

/** Null for each attribute that a series does not hold. */
export type Patient = Readonly<Record<keyof typeof ATTRIBUTES, string | null>>;

/** What the first slice says of the patient. Throws InputError. */
export async function patientOf({ slices }: SeriesGrid): Promise<Patient> {
  const head = await readHead(slices[0]!.file);
  const facts = Object.entries(ATTRIBUTES).map(([word, name]) => [word, head?.elements.text(name) ?? null]);
  return Object.fromEntries(facts) as Patient;
}
