/** A run's network over whole prepared scans: in validation, in labelling, and in what is told of their memory. */
import { SlidingWindow } from '@organseg/core/inference/slidingWindow.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { regionLabelsOf } from '../config/regions.ts';
import type { Config } from '../config/schema.ts';

/** Windows are placed and weighed by nnU-Net's rules where scans are prepared by them. The signal stops the work. */
export function slidingWindow(
  gpu: Gpu,
  config: Config,
  memory: NetworkMemory,
  signal?: AbortSignal,
): SlidingWindow {
  const { patch, windowStep, channels } = config;
  return new SlidingWindow(gpu, networkConfig(config), memory, {
    patch,
    windowStep,
    windowWay: channels ? 'nnunet' : 'organseg',
    regions: regionLabelsOf(config),
    signal,
  });
}
