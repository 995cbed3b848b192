/**
 * The same case by plain PyTorch, which holds the whole volume's logits: `pytorch_predict.py` for runs,
 * `pytorch_nnunet.py` for nnU-Net's models, beside this file.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InputError } from '@organseg/core/inputError.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { changedVoxels } from '../changedVoxels.ts';
import { type TimedProcess, timedProcess } from '../timedProcess.ts';

export interface PeerCase extends Omit<TimedProcess, 'stdout'> {
  readonly torch: string;
  readonly device: string;
  readonly windows: number;
  readonly stages: Readonly<Record<string, number>>;
  /** Of all cores. */
  readonly cpuSeconds: number;
  /** Peak of PyTorch's allocator; null without a GPU. */
  readonly peakGpuBytes: number | null;
  readonly peakHostBytes: number;
  /** Whether the GPU's memory did not hold the logits. */
  readonly logitsOnHost: boolean;
  /** Share of the voxels that have the same label here and there. */
  readonly sameLabels: number;
}

export interface PeerRequest {
  readonly python: string;
  readonly model: Model;
  readonly resample: 'labels' | 'logits';
  /** Whether precision is mixed; nnU-Net's always is on a GPU. */
  readonly amp: boolean;
  /** The channels' files. */
  readonly scan: readonly string[];
  /** Path of our label map, and below that of the peer's. */
  readonly ours: string;
  readonly out: string;
}

/** Throws InputError where there is no such peer for the model, or the peer fails. */
export async function peerCase(request: PeerRequest): Promise<PeerCase> {
  const { python, model, scan, ours, out } = request;
  const { program, settings } = peerOf(request);
  const script = fileURLToPath(new URL(`./${program}`, import.meta.url));
  const files = ['--weights', ...model.weights.map(({ path }) => path), '--scan', ...scan, '--out', out];
  const args = [script, '--settings', JSON.stringify(settings), ...files];
  const { stdout, ...timed } = await timedProcess(python, args);
  const { changed, of } = await changedVoxels(ours, out);
  return { ...timed, ...JSON.parse(stdout), sameLabels: 1 - changed / of };
}

function peerOf({ model, resample, amp }: PeerRequest): { program: string; settings: object } {
  const { network, patch, windowStep: step, preprocessing, mirrorAxes, regions, weights } = model;
  const isNnunets =
    network.architecture === 'PlainConvUNet' || network.architecture === 'ResidualEncoderUNet';
  if (preprocessing.by === 'nnU-Net' && isNnunets) {
    const packed = weights.find(({ path }) => !existsSync(path));
    if (packed) throw new InputError(`${packed.path}: PyTorch reads no zip; unpack the model for --peer`);
    const settings = {
      network,
      patch,
      step,
      preprocessing,
      mirrorAxes,
      regionLabels: regions?.map(({ label }) => label) ?? null,
    };
    return { program: 'pytorch_nnunet.py', settings };
  }
  const isOurs = weights.length === 1 && weights[0]!.path.endsWith('.safetensors');
  if (
    !isOurs ||
    preprocessing.by === 'nnU-Net' ||
    network.architecture !== 'DynUNet' ||
    !network.residual ||
    network.transposedBias
  )
    throw new InputError(
      `${model.paths[0]}: --peer takes nnU-Net's models, and runs whose network is a residual DynUNet`,
    );
  const { filters, kernels, strides, classes } = network;
  const { low, high, outside } = preprocessing.intensity;
  const form = { filters, kernels, strides, classes, patch };
  const settings = { ...form, step, spacing: preprocessing.spacingMm, low, high, outside, resample, amp };
  return { program: 'pytorch_predict.py', settings };
}
