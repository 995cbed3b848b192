/**
 * A model's folder with what PyTorch made of it: each stage compared. Beside an nnU-Net model: network_input.npy,
 * patch_input.npy with patch_logits.npy of its first fold, network_logits.npy (the mean over windows, mirrorings and
 * folds, at every second voxel of each axis) and expected_labels_f32.nii.gz of input.nii.gz (further channels
 * input_0001.nii.gz, …). Beside a network alone (meta.json): input.npy and logits.npy.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dhwOf } from '@organseg/core/inference/axes.ts';
import { NnunetScan } from '@organseg/core/inference/nnunet/nnunetScan.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { inferenceProgram } from '@organseg/core/network/inferenceProgram.ts';
import { networkLayout, recordNetwork } from '@organseg/core/network/network.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import type { ParameterValues } from '@organseg/core/network/parameters.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import { readNiftiFile } from '@organseg/files/nifti.ts';
import { type NpyArray, readNpy } from '@organseg/files/npy.ts';
import { type Dhw, dhwOfList } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { relativeError } from '@organseg/kernels/reference/array.ts';
import { downloadF32, release, upload } from '@organseg/kernels/tensor.ts';
import { openReference } from '@organseg/train/imported/reference.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { Predictor } from '@organseg/train/predict/predictor.ts';

/** How far one stage is from PyTorch's. */
export interface Stage {
  readonly name: string;
  /** Of the input: the largest difference. Of logits: ‖a − b‖/‖b‖. Of labels: the share of voxels that differ. */
  readonly error: number;
  readonly tolerance: number;
}

const INPUT_TOLERANCE = 1e-5;
const LOGITS_TOLERANCE = { f32: 1e-5, f16: 5e-2 };
const LABELS_TOLERANCE = { f32: 0, f16: 1e-3 };

/** The stages that the folder has files of. Throws InputError. */
export async function folderParity(gpu: Gpu, folder: string, dtype: ActivationType): Promise<Stage[]> {
  const stages =
    existsSync(join(folder, 'meta.json')) && !existsSync(join(folder, 'plans.json'))
      ? [await referenceStage(gpu, folder, dtype)]
      : await modelStages(gpu, folder, dtype);
  if (stages.length === 0) throw new InputError(`${folder}: holds nothing of PyTorch's to compare with`);
  return stages;
}

async function referenceStage(gpu: Gpu, folder: string, dtype: ActivationType): Promise<Stage> {
  const { network, weights } = await openReference(folder);
  try {
    return await logitsStage(gpu, network, weights, folder, dtype, '');
  } finally {
    weights.close();
  }
}

async function modelStages(gpu: Gpu, folder: string, dtype: ActivationType): Promise<Stage[]> {
  const model = await openModel(folder);
  const stages: Stage[] = [];
  if (existsSync(join(folder, 'network_input.npy'))) stages.push(await inputStage(gpu, folder, model));
  if (existsSync(join(folder, 'patch_logits.npy'))) {
    const weights = await model.weights[0]!.open(networkLayout(model.network).specs);
    try {
      stages.push(await logitsStage(gpu, model.network, weights, folder, dtype, 'patch_'));
    } finally {
      weights.close();
    }
  }
  if (existsSync(join(folder, 'expected_labels_f32.nii.gz')))
    stages.push(...(await predictionStages(gpu, folder, model, dtype)));
  return stages;
}

/** The scan's channels, and the voxel size that it states. */
async function scanIn(folder: string, { channelNames }: Model) {
  const names = channelNames.map((_, i) =>
    i === 0 ? 'input.nii.gz' : `input_${String(i).padStart(4, '0')}.nii.gz`,
  );
  const channels = await Promise.all(names.map((name) => readNiftiFile(join(folder, name))));
  return { channels, spacingMm: statedSpacingMm(channels[0]!.header.space) };
}

async function inputStage(gpu: Gpu, folder: string, model: Model): Promise<Stage> {
  if (model.preprocessing.by !== 'nnU-Net') throw new InputError(`${folder}: is no model of nnU-Net`);
  const { channels, spacingMm } = await scanIn(folder, model);
  const scan = new NnunetScan(channels, spacingMm, model.preprocessing);
  const { shape, data } = await readNpy(join(folder, 'network_input.npy'));
  const own = [channels.length, ...scan.geometry.network];
  if (shape.join() !== own.join())
    throw new InputError(`${folder}/network_input.npy: is [${shape}], the scan becomes [${own}]`);
  let error = 0;
  await scan.prepare(gpu, (first, values, channel) => {
    const at = first + (channel * data.length) / channels.length;
    for (let i = 0; i < values.length; i++) error = Math.max(error, Math.abs(values[i]! - data[at + i]!));
  });
  return { name: 'input', error, tolerance: INPUT_TOLERANCE };
}

async function logitsStage(
  gpu: Gpu,
  network: NetworkConfig,
  weights: ParameterValues,
  folder: string,
  dtype: ActivationType,
  prefix: '' | 'patch_',
): Promise<Stage> {
  const [input, expected] = await Promise.all(
    ['input', 'logits'].map((name) => readNpy(join(folder, `${prefix}${name}.npy`))),
  );
  const layout = networkLayout(network);
  const parameters = layout.allocate(gpu);
  layout.upload(gpu, parameters, weights);
  const recorded = recordNetwork(network, 1, dhwOfList(input!.shape, input!.shape.length - 3));
  const program = inferenceProgram(gpu, recorded, { layout, parameters, activation: dtype });
  upload(gpu, program.image, channelsLast(input!, network.inputChannels));
  program.run();
  const logits = await downloadF32(gpu, program.logits);
  program.close();
  release(gpu, parameters);
  const error = relativeError(logits, channelsLast(expected!, network.classes));
  return { name: `${prefix.replace('_', ' ')}logits`, error, tolerance: LOGITS_TOLERANCE[dtype] };
}

/** [C, D, H, W] as [D, H, W, C]. */
function channelsLast({ data }: NpyArray, channels: number): Float32Array {
  const voxels = data.length / channels;
  return data.map((_, i) => data[(i % channels) * voxels + Math.floor(i / channels)]!);
}

/** The mean logits, where the folder has them, and the labels. */
async function predictionStages(
  gpu: Gpu,
  folder: string,
  model: Model,
  dtype: ActivationType,
): Promise<Stage[]> {
  const owner = { gpu, reopen: () => Promise.reject(new Error('the GPU device was lost')) };
  const path = join(folder, 'network_logits.npy');
  const mean = existsSync(path) ? new HalvedLogits(await readNpy(path), model.network.classes) : undefined;
  const predictor = await Predictor.open(owner, model, { dtype });
  try {
    const scan = await scanIn(folder, model);
    const { labels, report } = await predictor.predict(scan, mean && { logits: mean.take });
    const expected = await readNiftiFile(join(folder, 'expected_labels_f32.nii.gz'));
    const different = labels.data.filter((label, i) => label !== expected.data[i]).length;
    return [
      ...(mean ? [mean.stage(path, dhwOf(report.networkShape), LOGITS_TOLERANCE[dtype])] : []),
      { name: 'labels', error: different / labels.data.length, tolerance: LABELS_TOLERANCE[dtype] },
    ];
  } finally {
    predictor.close();
  }
}

/** Mean logits at every second voxel of each axis, compared with those of a file as they come. */
class HalvedLogits {
  readonly #expected: NpyArray;
  readonly #classes: number;
  readonly #made: Float32Array;

  constructor(expected: NpyArray, classes: number) {
    this.#expected = expected;
    this.#classes = classes;
    this.#made = new Float32Array(expected.data.length);
  }

  readonly take = (from: number, values: Float32Array, [H, W]: readonly [number, number]): void => {
    const [height, width] = this.#expected.shape.slice(-2) as [number, number];
    const plane = H * W * this.#classes;
    for (let z = from + (from % 2); z < from + values.length / plane; z += 2)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < this.#classes; c++)
            this.#made[(((z / 2) * height + y) * width + x) * this.#classes + c] =
              values[(z - from) * plane + (2 * y * W + 2 * x) * this.#classes + c]!;
  };

  /** Throws InputError where the file's shape is not that of the halved grid. */
  stage(path: string, size: Dhw, tolerance: number): Stage {
    const shape = [this.#classes, ...size.map((n) => Math.ceil(n / 2))];
    if (this.#expected.shape.join() !== shape.join())
      throw new InputError(`${path}: is [${this.#expected.shape}], the scan becomes [${shape}]`);
    const error = relativeError(this.#made, channelsLast(this.#expected, this.#classes));
    return { name: 'mean logits', error, tolerance };
  }
}
