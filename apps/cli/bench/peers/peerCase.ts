/** The same case by plain PyTorch, `pytorch_predict.py` beside this file, which holds the whole volume's logits. */
import { fileURLToPath } from 'node:url';
import type { Config } from '@organseg/train/config/schema.ts';
import { bestCheckpoint } from '@organseg/train/run/runFolder.ts';
import { changedVoxels } from '../changedVoxels.ts';
import { type TimedProcess, timedProcess } from '../timedProcess.ts';

export interface PeerCase extends Omit<TimedProcess, 'stdout'> {
  readonly torch: string;
  readonly device: string;
  readonly windows: number;
  readonly stages: Readonly<Record<string, number>>;
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
  /** Folder of the run. */
  readonly run: string;
  readonly config: Config;
  readonly resample: 'labels' | 'logits';
  /** Whether precision is mixed. */
  readonly amp: boolean;
  readonly scan: string;
  /** Path of our label map, and below that of the peer's. */
  readonly ours: string;
  readonly out: string;
}

export async function peerCase(request: PeerRequest): Promise<PeerCase> {
  const { python, run, config, resample, amp, scan, ours, out } = request;
  const { filters, kernels, strides, classes, patch, windowStep: step, spacingMm: spacing } = config;
  const { intensityLowHu: low, intensityHighHu: high, intensityOutside: outside } = config;
  const network = { filters, kernels, strides, classes, patch };
  const settings = { ...network, step, spacing, low, high, outside, resample, amp };
  const script = fileURLToPath(new URL('./pytorch_predict.py', import.meta.url));
  const files = ['--weights', bestCheckpoint(run), '--scan', scan, '--out', out];
  const args = [script, '--settings', JSON.stringify(settings), ...files];
  const { stdout, ...timed } = await timedProcess(python, args);
  const { changed, of } = await changedVoxels(ours, out);
  return { ...timed, ...JSON.parse(stdout), sameLabels: 1 - changed / of };
}
