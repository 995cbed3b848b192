/** nnU-Net's plans as settings of a run: those written here, and those of real projects. */
import { readFileSync } from 'node:fs';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { expect, test } from 'vitest';
import { PRESETS } from '../config/presets.ts';
import { studentConfig } from '../config/resolve.ts';
import { type Config, parseConfig } from '../config/schema.ts';
import { channelSettings, plannedNormalisations } from './channelSettings.ts';
import type { Fingerprint } from './fingerprint.ts';
import { planNnunet } from './planNnunet.ts';
import { PLANNED_BY_NNUNET } from './planNnunetFixture.ts';
import { settingsOfNnunet } from './planSettings.ts';
import { plansFileOf } from './plansFile.ts';
import { settingsOfPlans } from './settingsOfPlans.ts';

const preset = PRESETS['noisy-student'];
const intensities = {
  mean: 60,
  median: 70,
  std: 90,
  min: -900,
  max: 1500,
  percentile_00_5: -160,
  percentile_99_5: 240,
};

const written = (request: (typeof PLANNED_BY_NNUNET)[number], channelNames: string[]) => {
  const { spacings, shapesAfterCrop, planner, labels } = request;
  const fingerprint = {
    spacings,
    shapes_after_crop: shapesAfterCrop,
    foreground_intensity_properties_per_channel: { 0: intensities, 1: intensities },
    median_relative_size_after_cropping: 1,
  } as unknown as Fingerprint;
  const plan = planNnunet(request);
  const file = plansFileOf(plan, fingerprint, { dataset: 'Dataset001_X', channelNames, labels, planner });
  return { plan, fingerprint, named: { json: JSON.parse(JSON.stringify(file)), path: 'nnUNetPlans.json' } };
};

test.each(PLANNED_BY_NNUNET)('written plans are read as the settings that were planned: $name', (request) => {
  const { plan, fingerprint, named } = written(request, ['CT']);
  const own = channelSettings(preset, plannedNormalisations(['CT'], fingerprint));
  const { config } = settingsOfNnunet({ ...preset, ...own }, plan, request.planner);
  const read = parseConfig(settingsOfPlans(preset, named), 'read');
  expect(read).toEqual({ ...config, transposedBias: true });
  expect(read).toMatchObject({ channels: null, intensityLowHu: -160, intensityHighHu: 240 });
  // A deviation is 90 HU in a window of 400, in the preset 100 in one of 600.
  const noise = ({ augmentations }: Config) => augmentations.find(({ kind }) => kind === 'noise');
  expect(noise(preset)).toMatchObject({ std: [0, 0.05] });
  expect(noise(read)).toMatchObject({ std: [0, 0.0675] });
  // The student fits the grid too.
  const student = studentConfig(config);
  expect(student).toMatchObject({
    patch: config.patch,
    spacingMm: config.spacingMm,
    strides: config.strides,
  });
  expect(student.filters[0]).toBe(16);
});

test('plans of MR or several channels are read with their normalisations, augmentations in deviations', () => {
  const { plan, fingerprint, named } = written(PLANNED_BY_NNUNET[0]!, ['CT', 'MRI']);
  const own = channelSettings(preset, plannedNormalisations(['CT', 'MRI'], fingerprint));
  const { config } = settingsOfNnunet({ ...preset, ...own }, plan, PLANNED_BY_NNUNET[0]!.planner);
  const read = parseConfig(settingsOfPlans(preset, named), 'read');
  expect(read).toEqual({ ...config, transposedBias: true });
  expect(read.channels).toEqual([
    { scheme: 'CTNormalization', low: -160, high: 240, mean: 60, std: 90 },
    { scheme: 'ZScoreNormalization', useMask: false },
  ]);
  expect(read.augmentations.find(({ kind }) => kind === 'noise')).toMatchObject({ std: [0, 0.3] });
});

test('plans of MR that resample scans otherwise than a run does are refused', () => {
  const { named } = written(PLANNED_BY_NNUNET[0]!, ['MRI']);
  const configuration = named.json.configurations['3d_fullres'];
  configuration.resampling_fn_data_kwargs.order = 1;
  expect(() => settingsOfPlans(preset, named)).toThrow(
    /^nnUNetPlans\.json: configuration 3d_fullres: training resamples .*, not by order 1, force_separate_z null/,
  );
  // Of one channel of CT a run resamples in its own way, whatever the plans say.
  configuration.normalization_schemes = ['CTNormalization'];
  expect(settingsOfPlans(preset, named).channels).toBeNull();
});

const project = golden('nnunet-plans/FLARE23_blackbean/plans.json');
test.skipIf(!project)('plans of a real project (skipped where ../shared is not there)', () => {
  const named = { json: JSON.parse(readFileSync(project!, 'utf8')), path: project! };
  expect(parseConfig(settingsOfPlans(preset, named), project!)).toMatchObject({
    architecture: 'PlainConvUNet',
    patch: [48, 128, 160],
    batch: 2,
    spacingMm: [1.5, 1.5, 2.5],
    intensityLowHu: -969,
    intensityHighHu: 277,
  });
});
