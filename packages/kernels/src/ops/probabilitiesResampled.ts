/**
 * Probabilities on another grid, for one plane, in 255ths: of the logits interpolated there, softmax over the channels,
 * or each channel's sigmoid where channels are regions that may overlap.
 *
 *   out[c, h, w] = round(255 · exp(z_c) / Σ_k exp(z_k))        z interpolated as in `argmaxResampled.ts`
 *   out[c, h, w] = round(255 / (1 + exp(−z_c)))                of regions
 *
 * Where all logits are 0 no window was: that is background, except where channels are regions.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { type LogitsPlane, logitsPlane } from './argmaxResampled.ts';

export interface ProbabilitiesResampled extends LogitsPlane {
  /** Whether channels are regions. */
  readonly areRegions?: boolean;
  /** u8 [C, classStride]; the stride is a multiple of 4. */
  readonly probabilities: Tensor;
}

export function probabilitiesResampled(gpu: Gpu, call: ProbabilitiesResampled): Launch {
  const { size, probabilities, areRegions = false } = call;
  const [classes, classStride] = probabilities.shape as [number, number];
  const voxels = size[0] * size[1];
  if (classStride % 4 || classStride < voxels || classes !== call.logits.shape[3]) {
    throw new Error(
      `probabilitiesResampled: [${probabilities.shape}] does not hold [${size}] of [${call.logits.shape}]`,
    );
  }
  const { read, params, interpolated } = logitsPlane(call);
  return prepare(gpu, {
    name: 'probabilitiesResampled',
    read,
    write: { probabilities },
    params: { ...params, words: u32(classStride / 4) },
    code: `${interpolated}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let count = p.height * p.width;
  if (4u * i >= count) { return; }${areRegions ? SIGMOIDS : SOFTMAX}
}`,
    invocations: Math.ceil(voxels / 4),
  });
}

const SIGMOIDS = `
  for (var c = 0u; c < p.classes; c++) {
    var word = 0u; // four voxels
    for (var k = 0u; k < 4u; k++) {
      let at = place(min(4u * i + k, count - 1u));
      word |= u32(round(255.0 / (1.0 + exp(-interpolated(at, c))))) << (8u * k);
    }
    probabilities[c * p.words + i] = word;
  }`;

const SOFTMAX = `
  var top: vec4<f32>;
  var total: vec4<f32>;
  for (var k = 0u; k < 4u; k++) {
    let at = place(min(4u * i + k, count - 1u));
    var most = interpolated(at, 0u);
    for (var c = 1u; c < p.classes; c++) { most = max(most, interpolated(at, c)); }
    var sum = 0.0;
    for (var c = 0u; c < p.classes; c++) { sum += exp(interpolated(at, c) - most); }
    top[k] = most;
    total[k] = sum;
  }
  for (var c = 0u; c < p.classes; c++) {
    var word = 0u; // four voxels
    for (var k = 0u; k < 4u; k++) {
      let at = place(min(4u * i + k, count - 1u));
      var share = exp(interpolated(at, c) - top[k]) / total[k];
      if (top[k] == 0.0 && total[k] == f32(p.classes)) { share = select(0.0, 1.0, c == 0u); }
      word |= u32(round(255.0 * share)) << (8u * k);
    }
    probabilities[c * p.words + i] = word;
  }`;
