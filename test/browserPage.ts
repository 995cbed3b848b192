/** What a page in a browser might do: read a scan, lay out a network, look for a GPU to run it on. */
import { Networks } from '../packages/core/src/inference/networks.ts';
import { SlabStream } from '../packages/core/src/inference/slabStream.ts';
import { recordNetwork } from '../packages/core/src/network/network.ts';
import type { NetworkConfig } from '../packages/core/src/network/networkConfig.ts';
import { ParameterLayout } from '../packages/core/src/network/parameters.ts';
import { scaleAndShift } from '../packages/core/src/volume/affine.ts';
import { readNifti } from '../packages/core/src/volume/niftiRead.ts';
import { encodeNifti } from '../packages/core/src/volume/niftiWrite.ts';
import type { Volume } from '../packages/core/src/volume/volume.ts';
import type { Dhw } from '../packages/kernels/src/axes.ts';
import { openGpu } from '../packages/kernels/src/open/browser.ts';

const NETWORK: NetworkConfig = {
  architecture: 'DynUNet',
  residual: true,
  transposedBias: false,
  inputChannels: 1,
  classes: 2,
  filters: [4, 8],
  kernels: [
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [2, 2, 2],
  ],
};
const PATCH: Dhw = [8, 8, 8];
const SCAN: Volume<Int16Array> = {
  shape: [3, 2, 1],
  affine: scaleAndShift([1, 1, 2], [0, 0, 0]),
  data: Int16Array.of(-1000, 0, 40, 60, 80, 1200),
};

/** As JSON: values that a scan has after it was written and read, what the network gives, why there is no GPU. */
export async function visit(): Promise<string> {
  const { data } = await readNifti({ name: 'scan.nii.gz', bytes: encodeNifti(SCAN) });
  const { tape, logits } = recordNetwork(NETWORK, 1, PATCH);
  const layout = new ParameterLayout(tape.parameters);
  const segmented = openGpu().then((gpu) => {
    const memory = { layout, parameters: layout.allocate(gpu), activation: 'f32' as const };
    const networks = new Networks(gpu, NETWORK, memory, { patch: PATCH });
    return new SlabStream(gpu, networks, { size: PATCH, windowStep: 0.5 }, { logits: 'f32', strips: 1 });
  });
  const fault = await segmented.then(
    () => null,
    (error: Error) => error.message,
  );
  return JSON.stringify({ hu: [...data], logits: logits.shape, fault });
}
