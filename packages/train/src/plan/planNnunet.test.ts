/** The plans of nnU-Net's planners: those of its own code for made-up data sets, and those of real projects. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from '@organseg/files/json.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, test } from 'vitest';
import { describe as describeModel } from '../imported/nnunet/plans.ts';
import { fingerprintSchema, gridsOf } from './fingerprint.ts';
import { planNnunet } from './planNnunet.ts';
import { PLANNED_BY_NNUNET } from './planNnunetFixture.ts';

test.each(PLANNED_BY_NNUNET)('plans as nnU-Net: $name', ({ plan: expected, name: _, ...request }) => {
  const { grid, ...plan } = planNnunet(request);
  expect({ transpose: grid.transpose, ...plan }).toMatchObject(expected);
});

test('memory that no patch is small enough for is refused, and so are flat scans', () => {
  const request = { labels: 2, cases: 9, planner: 'nnunet', spacings: [[1, 1, 1]] } as const;
  expect(() => planNnunet({ ...request, shapesAfterCrop: [[64, 64, 64]], memoryGb: 1e-7 })).toThrow(
    'no patch is small enough for 1e-7 GB, as nnU-Net judges it',
  );
  expect(() => planNnunet({ ...request, shapesAfterCrop: [[1, 64, 64]] })).toThrow(
    '2D networks are not planned',
  );
});

const folder = golden('nnunet-plans');
/** Projects with a fingerprint, whose plans nobody has changed by hand. */
const projects = folder
  ? readdirSync(folder).filter((name) => readdirSync(join(folder, name)).includes('dataset_fingerprint.json'))
  : [];
/** The spacing of this one was set by hand, and its patch made smaller; the network is as nnU-Net planned it. */
const BY_HAND = 'FLARE23_blackbean';

describe.skipIf(!folder)('projects (skipped where ../shared is not there)', () => {
  test.each(projects)('%s', async (project) => {
    const at = (file: string) => join(folder!, project, file);
    const json = (file: string) => JSON.parse(readFileSync(at(file), 'utf8'));
    const file = readdirSync(join(folder!, project)).find((name) => /plans\.json$/i.test(name))!;
    const plans = json(file);
    const dataset = json('dataset.json');
    const model = describeModel({ json: plans, path: file }, { json: dataset, path: '' }, '3d_fullres');
    const fingerprint = await readJsonFile(at('dataset_fingerprint.json'), fingerprintSchema);
    const plan = planNnunet({
      ...gridsOf(fingerprint),
      labels: Object.keys(dataset.labels).length,
      cases: dataset.numTraining,
      planner: 'nnunet',
    });
    const expected = plans.configurations['3d_fullres'];
    expect(model.network).toMatchObject({
      filters: plan.filters,
      kernels: plan.kernels,
      strides: plan.strides,
      convolutions: plan.blocks,
      decoderConvolutions: plan.decoderBlocks,
    });
    expect(plan.grid.transpose).toEqual(plans.transpose_forward);
    expect(plan.medianShape).toEqual(expected.median_image_size_in_voxels);
    expect(plan.batch).toBe(expected.batch_size);
    expect(plan.hasLowResolution).toBe(expected.batch_dice);
    if (project === BY_HAND) return;
    expect(plan.spacingMm).toEqual(expected.spacing);
    expect(plan.patch).toEqual(expected.patch_size);
  });

  /** Plans without a fingerprint; the number of labels is not known of all, nor does it matter. */
  test.each([
    ['nnUNetfork_imagesTs', 'nnunet', 260],
    ['nnUNetfork_COR', 'nnunet', 100],
    ['pancreasCancer_ResEncM', 'resenc-m', 100],
    ['CTSegmentation_52HZ', 'resenc-l', 990],
  ] as const)('%s, by its median scan', (project, planner, cases) => {
    const file = readdirSync(join(folder!, project)).find((name) => /plans\.json$/i.test(name))!;
    const plans = JSON.parse(readFileSync(join(folder!, project, file), 'utf8'));
    const expected = plans.configurations['3d_fullres'];
    const plan = planNnunet({
      spacings: [expected.spacing],
      shapesAfterCrop: [expected.median_image_size_in_voxels],
      labels: 2,
      cases,
      planner,
    });
    const strides = expected.architecture?.arch_kwargs.strides ?? expected.pool_op_kernel_sizes;
    const kernels = expected.architecture?.arch_kwargs.kernel_sizes ?? expected.conv_kernel_sizes;
    expect(plan).toMatchObject({ patch: expected.patch_size, strides, kernels });
    // That of the last one was set by hand: a patch as large as the memory takes comes twice.
    expect(plan.batch).toBe(planner === 'resenc-l' ? 2 : expected.batch_size);
  });
});
