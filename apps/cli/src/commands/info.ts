/** `organseg info`: what a NIfTI file, or a folder of DICOM slices, holds. */
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { NiftiHeader } from '@organseg/core/volume/niftiHeader.ts';
import { affineSource, unitOf } from '@organseg/core/volume/niftiSpace.ts';
import { axisCodes } from '@organseg/core/volume/orientation.ts';
import {
  orientationDoubt,
  sizeFault,
  unstatedSizesDoubt,
  VoxelSummary,
} from '@organseg/core/volume/scanDoubts.ts';
import type { VolumeStream } from '@organseg/core/volume/volumeStream.ts';
import type { DicomContents } from '@organseg/dicom/contents.ts';
import type { DicomStream } from '@organseg/dicom/openSeries.ts';
import type { Patient } from '@organseg/dicom/patient.ts';
import { seriesLine } from '@organseg/dicom/seriesLine.ts';
import { dicomContents } from '@organseg/files/dicomFolder.ts';
import { openNiftiFile } from '@organseg/files/nifti.ts';
import { isDicomScan } from '@organseg/files/scanFile.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';

interface Options extends CommonOptions {
  series?: string;
  patient?: boolean;
}

export const info = command('info', 'Show the geometry and the values of a scan')
  .argument('<path>', '.nii, .nii.gz, either file of a .hdr/.img pair, or a folder of DICOM slices')
  .option('--series <which>', 'of several DICOM series in a folder, by number, description or UID')
  .option('--patient', 'show who a DICOM series is of')
  .action(async (path: string, options: Options) => {
    if (!(await isDicomScan(path))) {
      const nifti = await openNiftiFile(path);
      const facts = { ...(await describe(path, nifti)), ...niftiFacts(nifti.header) };
      return print(options, facts, asText(niftiLines(facts)));
    }
    const contents = await dicomContents(path);
    if (contents.series.length > 1 && options.series === undefined) {
      const facts = { file: path, series: contents.series.map(seriesFacts), passedOver: contents.passedOver };
      return print(options, facts, asText(contentsLines(facts)));
    }
    const { openSeries } = await import('@organseg/dicom/openSeries.ts');
    const { patientOf } = await import('@organseg/dicom/patient.ts');
    const dicom = openSeries(contents, path, options.series);
    const patient = options.patient ? { patient: await patientOf(dicom.grid) } : {};
    const facts = { ...(await describe(path, dicom)), ...dicomFacts(dicom), ...patient };
    print(options, facts, asText(dicomLines(facts)));
  });

async function describe(file: string, stream: VolumeStream) {
  const { affine, shape, dtype } = stream.header;
  const values = new VoxelSummary();
  for await (const block of stream.voxels()) values.add(block);
  const { min, max, sum, nanCount, infiniteCount } = values;
  const isEmpty = min > max;
  return {
    file,
    shape,
    spacing: spacingOf(affine),
    affine: [0, 4, 8, 12].map((row) => [...affine.subarray(row, row + 4)]),
    dtype: dtype.name,
    orientation: axisCodes(affine),
    /** Range of the finite voxels; null where there are none. */
    min: isEmpty ? null : min,
    max: isEmpty ? null : max,
    sum,
    nanCount,
    infiniteCount,
    doubts: [
      ...(stream.doubts ?? []).filter(({ about }) => about !== 'series').map(({ text }) => text),
      ...[sizeFault, orientationDoubt, unstatedSizesDoubt].map((doubt) => doubt(stream.header)),
      values.doubt,
    ].filter((text) => text !== undefined),
  };
}
type Facts = Awaited<ReturnType<typeof describe>>;

const niftiFacts = ({ scaling, space, version, littleEndian }: NiftiHeader) => ({
  affineSource: affineSource(space),
  slope: scaling?.slope ?? 1,
  intercept: scaling?.intercept ?? 0,
  sformCode: space.sformCode,
  qformCode: space.qformCode,
  pixdim: space.pixdim,
  unit: unitOf(space),
  niftiVersion: version,
  byteOrder: littleEndian ? 'little' : 'big',
});

const seriesFacts = ({ number, description, modality, slices, uid }: DicomContents['series'][number]) => ({
  number: number ?? null,
  description: description ?? null,
  modality,
  slices: slices.length,
  uid,
});

const dicomFacts = ({ series, transferSyntax, doubts }: DicomStream) => ({
  series: seriesFacts(series),
  transferSyntax,
  notes: doubts.filter(({ about }) => about === 'series').map(({ text }) => text),
});

type Lines = [name: string, value: string][];

const short = (value: number) => String(Number(value.toPrecision(8)));

function niftiLines(facts: Facts & ReturnType<typeof niftiFacts>): Lines {
  const isScaled = facts.slope !== 1 || facts.intercept !== 0;
  const unit = ['m', 'µm'].includes(facts.unit) ? ` (converted from ${facts.unit})` : '';
  const { orientation, affineSource } = facts;
  return scanLines(
    facts,
    affineSource === 'pixdim' ? `none: ${orientation} assumed` : `${orientation}, by the ${affineSource}`,
    isScaled ? `${facts.dtype} × ${short(facts.slope)} + ${short(facts.intercept)}` : facts.dtype,
    unit,
  );
}

function dicomLines(facts: Facts & ReturnType<typeof dicomFacts> & { patient?: Patient }): Lines {
  return [
    ...scanLines(facts, facts.orientation, facts.dtype),
    ['series', seriesLine(facts.series)],
    ['UID', facts.series.uid],
    ['stored as', facts.transferSyntax],
    ...facts.notes.map((text): Lines[number] => ['note', text]),
    ...(facts.patient ? [['patient', patientLine(facts.patient)] satisfies Lines[number]] : []),
  ];
}

const patientLine = ({ name, id, birthDate, sex, age, studyDate, accessionNumber }: Patient): string =>
  [
    name ?? '–',
    ...Object.entries({
      ID: id,
      born: birthDate,
      sex,
      age,
      study: studyDate,
      accession: accessionNumber,
    }).flatMap(([word, value]) => (value === null ? [] : `${word} ${value}`)),
  ].join(', ');

function contentsLines({
  file,
  series,
  passedOver,
}: {
  file: string;
  series: readonly ReturnType<typeof seriesFacts>[];
  passedOver: readonly string[];
}): Lines {
  return [
    ['folder', file],
    ...series.flatMap(
      (each): Lines => [
        ['series', seriesLine(each)],
        ['UID', each.uid],
      ],
    ),
    ...(passedOver.length ? [['passed over', passedOver.join(', ')] satisfies Lines[number]] : []),
  ];
}

function scanLines(facts: Facts, orientation: string, dtype: string, unit = ''): Lines {
  const rows = facts.affine.map((row) => row.map(short));
  const width = Math.max(...rows.flat().map((text) => text.length));
  const affine = rows.map((row) => row.map((text) => text.padStart(width)).join('  '));
  return [
    ['file', facts.file],
    ['shape', facts.shape.join(' × ')],
    ['spacing', `${facts.spacing.map(short).join(' × ')} mm${unit}`],
    ['orientation', orientation],
    ['affine', affine[0]!],
    ...affine.slice(1).map((row): Lines[number] => ['', row]),
    ['dtype', dtype],
    ['min', String(facts.min ?? '–')],
    ['max', String(facts.max ?? '–')],
    ['sum', String(facts.sum)],
    ['NaN', String(facts.nanCount)],
    ['infinite', String(facts.infiniteCount)],
    ...facts.doubts.map((text): Lines[number] => ['doubtful', `as a CT: ${text}`]),
  ];
}

const asText = (lines: Lines): string =>
  lines.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n');
