/** A run as one safetensors file: its parameters under the names of its network's library, and how it is used. */
import { dirname, resolve } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import { assertNew } from '@organseg/files/outputs.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { openRuns } from './runModel.ts';

/**
 * Writes the parameters, and as the texts of the metadata, in JSON, the network, the preprocessing, the patch (D, H, W),
 * the step between windows and the labels' names. Throws InputError where there is anything under the name `out`.
 */
export async function exportSafetensors(run: string, out: string): Promise<void> {
  const { network, preprocessing, patch, windowStep, labelNames, weights } = await openRuns([run]);
  assertNew(out);
  const { specs } = networkLayout(network);
  const values = await weights[0]!.open(specs);
  try {
    const facts = Object.entries({ network, preprocessing, patch, windowStep, labelNames });
    const texts = facts.map(([key, fact]) => [key, JSON.stringify(fact)]);
    const metadata = { format: 'pt', ...Object.fromEntries(texts) };
    const tensors = new Map(
      specs.map(({ name, shape }): [string, SafeTensor] => [name, { shape, values: values.get(name)! }]),
    );
    await makeFolder(dirname(resolve(out)));
    await writeWhole(out, encodeSafetensors({ metadata, tensors }));
  } finally {
    values.close();
  }
}
