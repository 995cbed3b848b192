/** `organseg info`: what a NIfTI file holds. */
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { NiftiStream } from '@organseg/core/volume/niftiRead.ts';
import { affineSource, unitOf } from '@organseg/core/volume/niftiSpace.ts';
import { axisCodes } from '@organseg/core/volume/orientation.ts';
import {
  orientationDoubt,
  sizeFault,
  unstatedSizesDoubt,
  VoxelSummary,
} from '@organseg/core/volume/scanDoubts.ts';
import { openNiftiFile } from '@organseg/files/nifti.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';

export const info = command('info', 'Show the geometry and the values of a NIfTI file')
  .argument('<file>', '.nii, .nii.gz, or either file of a .hdr/.img pair')
  .action(async (file: string, options: CommonOptions) => {
    const facts = await describe(file, await openNiftiFile(file));
    print(options, facts, asText(facts));
  });

type Facts = Awaited<ReturnType<typeof describe>>;

async function describe(file: string, nifti: NiftiStream) {
  const { affine, shape, dtype, scaling, space, version, littleEndian } = nifti.header;
  const values = new VoxelSummary();
  for await (const block of nifti.voxels()) values.add(block);
  const { min, max, sum, nanCount, infiniteCount } = values;
  const isEmpty = min > max;
  return {
    file,
    shape,
    spacing: spacingOf(affine),
    affine: [0, 4, 8, 12].map((row) => [...affine.subarray(row, row + 4)]),
    dtype: dtype.name,
    orientation: axisCodes(affine),
    affineSource: affineSource(space),
    /** Range of the finite voxels; null where there are none. */
    min: isEmpty ? null : min,
    max: isEmpty ? null : max,
    sum,
    nanCount,
    infiniteCount,
    slope: scaling?.slope ?? 1,
    intercept: scaling?.intercept ?? 0,
    sformCode: space.sformCode,
    qformCode: space.qformCode,
    pixdim: space.pixdim,
    unit: unitOf(space),
    niftiVersion: version,
    byteOrder: littleEndian ? 'little' : 'big',
    doubts: [
      sizeFault(nifti.header),
      orientationDoubt(nifti.header),
      unstatedSizesDoubt(nifti.header),
      values.doubt,
    ].filter((text) => text),
  };
}

function asText(facts: Facts): string {
  const short = (value: number) => String(Number(value.toPrecision(8)));
  const rows = facts.affine.map((row) => row.map(short));
  const width = Math.max(...rows.flat().map((text) => text.length));
  const affine = rows.map((row) => row.map((text) => text.padStart(width)).join('  '));
  const isScaled = facts.slope !== 1 || facts.intercept !== 0;
  const unit = ['m', 'µm'].includes(facts.unit) ? ` (converted from ${facts.unit})` : '';
  const lines: [string, string][] = [
    ['file', facts.file],
    ['shape', facts.shape.join(' × ')],
    ['spacing', `${facts.spacing.map(short).join(' × ')} mm${unit}`],
    [
      'orientation',
      facts.affineSource === 'pixdim'
        ? `none: ${facts.orientation} assumed`
        : `${facts.orientation}, by the ${facts.affineSource}`,
    ],
    ['affine', affine[0]],
    ...affine.slice(1).map((row): [string, string] => ['', row]),
    ['dtype', isScaled ? `${facts.dtype} × ${short(facts.slope)} + ${short(facts.intercept)}` : facts.dtype],
    ['min', String(facts.min ?? '–')],
    ['max', String(facts.max ?? '–')],
    ['sum', String(facts.sum)],
    ['NaN', String(facts.nanCount)],
    ['infinite', String(facts.infiniteCount)],
    ...facts.doubts.map((text): [string, string] => ['doubtful', `as a CT: ${text}`]),
  ];
  return lines.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n');
}
