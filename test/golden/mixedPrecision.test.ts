/** Training in f16 beside PyTorch's reference file, which is f32: the step of training, loss scaling included. */
import { expect, test } from 'vitest';
import { readReference } from '../../apps/cli/src/parity/parityReference.ts';
import { openGpu } from '../../packages/kernels/src/open/dawn.ts';
import { relativeError } from '../../packages/kernels/src/reference/array.ts';
import { upload } from '../../packages/kernels/src/tensor.ts';
import { PRESETS } from '../../packages/train/src/config/presets.ts';
import { parseConfig } from '../../packages/train/src/config/schema.ts';
import { TrainingStep } from '../../packages/train/src/step/trainingStep.ts';
import { shared } from '../cli.ts';

const golden = shared('golden/dynunet_iso.safetensors');

test.skipIf(!golden)(
  'ten Adam losses follow PyTorch’s to 1e-2 (skipped where ../shared is not there)',
  async () => {
    const reference = await readReference(golden!);
    const [batch, d, h, w] = reference.image.shape as [number, number, number, number];
    const gpu = await openGpu();
    const { inputChannels: _, ...network } = reference.network;
    const changes = { ...network, batch, patch: [d, h, w], precision: 'f16', gradientNorm: null };
    const step = new TrainingStep(gpu, parseConfig({ ...PRESETS.small, ...changes }, golden!));
    step.start(reference.parameters);
    upload(gpu, step.image, reference.input);
    upload(gpu, step.target, reference.target);
    const losses: number[] = [];
    while (losses.length < reference.expectedLosses.length) {
      const result = await step.run(reference.learningRate);
      if (!result.skipped) losses.push(result.losses[0]!);
    }
    expect(relativeError(losses, reference.expectedLosses)).toBeLessThan(1e-2);
    expect(step.lossScale!.goodSteps).toBeGreaterThan(0);
    step.close();
    gpu.close();
  },
);
