/**
 * The distance of two networks' predictions (Tarvainen & Valpola 2017): over N items of V voxels and C classes, p =
 * softmax(logits), q = softmax(teacher), which is held fixed:
 *
 *   loss = 1/(N·V·C)·Σ (p − q)²
 *   dLogits = weight·2/(N·V·C)·p·((p − q) − Σ_k p_k·(p_k − q_k))
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, setParams, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
import { sumOfShares } from './reduce.ts';
import { softmaxOf } from './softmax.ts';
import { lines } from './wgsl.ts';

/** The number of voxels that an invocation sums. */
const STRIP = 64;

export interface Consistency {
  /** [N, D, H, W, C] */
  readonly logits: Tensor;
  readonly teacher: Tensor;
  /** f32 [1]: the loss without the weight; it is assigned. */
  readonly loss: Tensor;
  /** The loss's gradient times `weight`; it is assigned. */
  readonly dLogits: Tensor;
  readonly weight: number;
}

/** The work that computes both, and the setter of its weight. */
export function consistency(gpu: Gpu, call: Consistency): Work & { setWeight(weight: number): void } {
  const { logits, teacher, loss, dLogits } = call;
  const classes = logits.shape.at(-1)!;
  const voxels = elementCount(logits.shape) / classes;
  const perValue = 1 / (voxels * classes);
  const strips = Math.ceil(voxels / STRIP);
  const shares = empty(gpu, [strips]);
  const rows = [logits, teacher, dLogits].map((tensor) => ({ tensor, rowElements: classes }));
  const setters: ((weight: number) => void)[] = [];
  const launches = rowRanges(gpu, voxels, rows, STRIP * 4).map(([start, end]): Launch => {
    const view = (tensor: Tensor) => viewOf(tensor, start * classes, end * classes);
    const z = view(logits);
    const params = (weight: number) => ({
      voxels: u32(end - start),
      shift: u32(z.shift),
      firstStrip: u32(start / STRIP),
      scale: f32(2 * weight * perValue),
    });
    const launch = prepare(gpu, {
      name: 'consistency',
      read: { z, y: view(teacher) },
      write: { dz: view(dLogits), shares },
      params: params(call.weight),
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let strip = invocation(id);
  let first = strip * ${STRIP}u;
  if (first >= p.voxels) { return; }
  var sum = 0.0;
  for (var v = first; v < min(p.voxels, first + ${STRIP}u); v++) {
    let at = p.shift + v * ${classes}u;
    ${lines(classes, (c) => `var d${c}: f32;`)}
    { ${softmaxOf(classes, 'y')}
      ${lines(classes, (c) => `d${c} = -p${c};`)} }
    ${softmaxOf(classes, 'z')}
    var mean = 0.0;
    ${lines(classes, (c) => `d${c} += p${c}; sum += d${c} * d${c}; mean += p${c} * d${c};`)}
    ${lines(classes, (c) => `dz[at + ${c}u] = dz_t(p.scale * p${c} * (d${c} - mean));`)}
  }
  shares[p.firstStrip + strip] = sum;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    });
    setters.push((weight) => setParams(gpu, launch, params(weight)));
    return launch;
  });
  const total = prepare(gpu, {
    name: 'consistency.sum',
    read: { shares },
    write: { loss },
    params: { strips: u32(strips), perValue: f32(perValue) },
    code: sumOfShares('shares[s]', 'loss[0] = lanes[0] * p.perValue;'),
    invocations: 64,
  });
  return {
    launches: [...launches, total],
    scratch: [shares],
    setWeight: (weight) => {
      for (const set of setters) set(weight);
    },
  };
}
