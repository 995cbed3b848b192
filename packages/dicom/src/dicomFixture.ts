/** Small CT series, written by dcmjs, and what the tests change of them. */
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { data } from 'dcmjs';
import type { DicomFile } from './elements.ts';

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';

/** Who the slices are of: no message may say it. */
export const PATIENT = { PatientName: 'DOE^JANE', PatientID: 'SECRET42', PatientBirthDate: '19500101' };

export interface SliceFixture {
  readonly name?: string;
  readonly transferSyntax?: string;
  /** Elements by their names, in place of or beside those of an axial slice of 4×3 pixels. */
  readonly [element: string]: unknown;
}

/** A CT slice of 4×3 pixels of 2 × 1.5 mm, the number `index` of slices 5 mm apart, whose stored values are 100·index + 0 to 11. */
export function dicomSlice(
  index: number,
  { name, transferSyntax = EXPLICIT, ...changed }: SliceFixture = {},
): DicomFile {
  const values = Int16Array.from({ length: 12 }, (_, i) => 100 * index + i);
  const elements: Record<string, unknown> = {
    SOPClassUID: CT,
    SOPInstanceUID: `1.2.3.4.${index + 1}`,
    StudyInstanceUID: '1.2.3.1',
    SeriesInstanceUID: '1.2.3.2',
    FrameOfReferenceUID: '1.2.3.3',
    StudyDate: '20240203',
    StudyTime: '101112',
    StudyID: '7',
    AccessionNumber: 'A1',
    ReferringPhysicianName: 'ROE^RICHARD',
    Modality: 'CT',
    SeriesNumber: 2,
    SeriesDescription: 'Abdomen 5.0',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    InstanceNumber: index + 1,
    ...PATIENT,
    PatientSex: 'F',
    SliceThickness: 5,
    ImagePositionPatient: [-10, -20, 30 + 5 * index],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1.5, 2],
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: 3,
    Columns: 4,
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    RescaleSlope: 1,
    RescaleIntercept: -1024,
    PixelData: [values.buffer],
    ...changed,
  };
  return dicomFile(name ?? `slice${index}`, dicomBytes(elements, transferSyntax));
}

/** A file that holds the bytes. */
export const dicomFile = (name: string, bytes: Uint8Array<ArrayBuffer>): DicomFile => ({
  name,
  read: async (atMost) => bytes.slice(0, atMost),
});

/** The bytes of a DICOM file; elements that are undefined are left out. */
export function dicomBytes(
  elements: Record<string, unknown>,
  transferSyntax = EXPLICIT,
): Uint8Array<ArrayBuffer> {
  const given = Object.fromEntries(Object.entries(elements).filter(([, value]) => value !== undefined));
  const meta = {
    MediaStorageSOPClassUID: elements.SOPClassUID,
    MediaStorageSOPInstanceUID: elements.SOPInstanceUID,
  };
  const dict = new data.DicomDict(
    data.DicomMetaDictionary.denaturalizeDataset({ ...meta, TransferSyntaxUID: transferSyntax }),
  );
  dict.dict = data.DicomMetaDictionary.denaturalizeDataset({ _vrMap: { PixelData: 'OW' }, ...given });
  return new Uint8Array(dict.write({ allowInvalidVRLength: true }));
}

/** A series of so many slices, each changed alike, or by a function of its number. */
export const dicomSeries = (
  count: number,
  changed: SliceFixture | ((index: number) => SliceFixture) = {},
): DicomFile[] =>
  Array.from({ length: count }, (_, i) =>
    dicomSlice(i, typeof changed === 'function' ? changed(i) : changed),
  );

/** The slices of a CT whose axes point to the left, to the front and to the head, as dcm2niix leaves axial scans. */
export function slicesOfLas(
  { shape: [nx, ny, nz], affine, data: values }: Volume,
  changed: SliceFixture = {},
): DicomFile[] {
  const short = (value: number) => Number(value.toFixed(6)); // fits in a decimal string
  const [dx, dy, dz] = spacingOf(affine).map(short) as [number, number, number];
  return Array.from({ length: nz }, (_, z) => {
    const rows = Array.from({ length: ny }, (_, y) =>
      values.subarray(nx * (ny * z + y), nx * (ny * z + y + 1)),
    );
    const pixels = Int16Array.from(
      rows.reverse().flatMap((row) => [...row]),
      (value) => value + 1024,
    );
    return dicomSlice(z, {
      Rows: ny,
      Columns: nx,
      PixelSpacing: [dy, dx],
      SliceThickness: dz,
      ImagePositionPatient: [-affine[3]!, -(affine[7]! + dy * (ny - 1)), affine[11]! + z * dz].map(short),
      PixelData: [pixels.buffer],
      ...changed,
    });
  });
}

/** By transfer syntax, a frame of 8×6 pixels that dcmtk compressed, or of JPEG 2000 OpenJPEG. */
export const COMPRESSED_FRAMES: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.70':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/wwALEAAGAAgBAREA/8QAGgAAAwEBAQEAAAAAAAAAAAAACQoLBwgGEP/aAAgBAQABAAD70o/CmrqM6pWPO5J37yZ5TdRWGdWEZ9VMOqHTq3HME7FTMfVR0atWcMKMTXaqsnSlbOceFTEZdXsj6WrYzlYWWJRdn2Oa/wD//9k=',
  '1.2.840.10008.1.2.4.57':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/wwALEAAGAAgBAREA/8QAGwABAAIDAQEAAAAAAAAAAAAADwkKBgcLCBD/2gAIAQEABgAA+yWPyU2upZ1pWXndSAFV6PjuAkp9MwQGe3ez6+x4D3P6Xmcg787gWFTMBO58SwMyfgcBdsC111VXlLBjJ7BwR2fMMCun5/4+gSZPAODuzzhgt09v4H/f///Z',
  '1.2.840.10008.1.2.4.80':
    '/9j/9wALEAAGAAgBAREA//gADQH//wASAEMBFABA/9oACAEBAAAAAKJOBtMorJztSOay1v1Znd86dRs1T2LzS7qnikWsc3fYgSyKbIFRHuN9CQ80DSr/ciCtWvb1fzNIj+YhqWfLwulvGp7myP//2Q==',
  '1.2.840.10008.1.2.5':
    'AgAAAEAAAAB2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcAAP8A/gD9AQf/AP//AP4A/gcC/wH/AAD/AAf+Av8B/wH/AAcE/gP/Av8B/wf+BP4E/gP/AgcAJSJvRLlmAwelou/EOeaDCAcib0S5ZgOITQfvxDnmgwjNKgdEuWYDiE2qlwc55oMIzSoXTA==',
  '1.2.840.10008.1.2.4.90':
    '/0//UQApAAAAAAAIAAAABgAAAAAAAAAAAAAACAAAAAYAAAAAAAAAAAABjwEB/1IADAACAAEAAQQEAAH/XAAHQICIiJD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAABXAAH/k8A/MQAMqOEhAjc6miJ+OiIzZhi/wB+YZAD8AyA/wJAE9yJI2Q/A0HadsyMIaEKc/dCi88VEVM8MqYOZxLsNrdcf4oivFzt/UMf/2Q==',
};

/** By transfer syntax, the same frame with loss, by the encoders of CharLS and OpenJPEG. */
export const LOSSY_FRAMES: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.81':
    '/9j/9wALEAAGAAgBAREA//gADQH//wAbAFIBKQBA/9oACAEBAAMAAKE0yw6JavYi47TJzbZHx/O6XOzY/SHVWlvBreqVT9GyEnHhClOWLRbv6ha4W4wTjOsjyXW7IP/Z',
  '1.2.840.10008.1.2.4.91':
    '/0//UQApAAAAAAAIAAAABgAAAAAAAAAAAAAACAAAAAYAAAAAAAAAAAABjwEB/1IADAACAAEAAQQEAAD/XAALQogkl9OX05di/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAAAXgAB/5PAP2EgDKjr9arDfewmn2GD3x0b5qu/wAfgHQAPtDYB/ImABPFpHtc6sWxsCNT62h8MG19wT5rrRkWseovJCt48SGeaAmDWSchSpz2888Jb6//Z',
};

/** A file whose last element, its pixels, is in these fragments, without a table of their offsets. */
export async function inFragments(file: DicomFile, fragments: readonly Uint8Array[]): Promise<DicomFile> {
  const bytes = await file.read();
  const tag = [0xe0, 0x7f, 0x10, 0x00, 'O'.charCodeAt(0), 'B'.charCodeAt(0), 0, 0, 0xff, 0xff, 0xff, 0xff];
  const at = bytes.findIndex((_, i) => tag.slice(0, 4).every((byte, k) => bytes[i + k] === byte));
  const item = (content: Uint8Array) => {
    const head = new Uint8Array([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    new DataView(head.buffer).setUint32(4, content.length, true);
    return [...head, ...content];
  };
  const end = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
  const items = [new Uint8Array(), ...fragments].flatMap(item);
  return dicomFile(file.name, Uint8Array.from([...bytes.slice(0, at), ...tag, ...items, ...end]));
}

/** A slice of that frame, whose values are its stored ones. */
export function compressedSlice(transferSyntax: string): DicomFile {
  const PixelData = [
    Uint8Array.from(atob({ ...COMPRESSED_FRAMES, ...LOSSY_FRAMES }[transferSyntax]!), (c) => c.charCodeAt(0))
      .buffer,
  ];
  const pixels = { Rows: 6, Columns: 8, RescaleIntercept: 0, PixelData, _vrMap: { PixelData: 'OB' } };
  return dicomSlice(0, { transferSyntax, ...pixels });
}
