/** Free text of a DICOM file, as it is shown where nobody has asked for the patient. */
import type { Elements } from './elements.ts';

/** What tells who the patient is. */
const IDENTITY = [
  'PatientName',
  'PatientID',
  'OtherPatientNames',
  'OtherPatientIDs',
  'PatientBirthName',
  'PatientMotherBirthName',
];
/** Length from which a word of those counts inside a longer one too; shorter ones are parts of many words. */
const TELLING = 4;

/** The text in small letters, without accents. */
const plain = (text: string) => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
const wordsOf = (text: string) => plain(text).split(/[^\p{L}\p{N}]+/u);

/**
 * The text without control characters; undefined where it holds a word of the patient's names or numbers, as a word of
 * its own, or, from four letters, anywhere, or the day of birth.
 */
export function withoutPatient(text: string | undefined, elements: Elements): string | undefined {
  if (text === undefined) return undefined;
  const words = new Set(wordsOf(text));
  const letters = [...words].join('');
  const secrets = IDENTITY.flatMap((name) => elements.raw(name).flatMap(writings))
    .flatMap(wordsOf)
    .filter(({ length }) => length > 1);
  const tells = (secret: string) =>
    words.has(secret) || (secret.length >= TELLING && letters.includes(secret));
  if (secrets.some(tells) || birthDates(elements).some((date) => letters.includes(date))) return undefined;
  return text.replaceAll(/\p{Cc}/gu, '');
}

/** A name in all its writings, in letters and in signs; any other value as text. */
const writings = (value: unknown): string[] =>
  typeof value === 'object' && value ? Object.values(value).map(String) : [String(value)];

/** The day of birth by its digits, the year, the day or the month first. */
function birthDates(elements: Elements): string[] {
  const [, year, month, day] =
    /^(\d{4})\D?(\d\d)\D?(\d\d)/.exec(elements.text('PatientBirthDate') ?? '') ?? [];
  return year ? [`${year}${month}${day}`, `${day}${month}${year}`, `${month}${day}${year}`] : [];
}
