/**
 * Dice after softmax + cross entropy, as MONAI's DiceCELoss(to_onehot_y, softmax): background included,
 * N items, C classes, V voxels an item, p = softmax(logits), t the target as one-hot:
 *
 *   I = Σ p·t    U = Σ p + Σ t                                  sums over the voxels of (n, c)
 *   loss = 1/(N·C)·Σ_nc (1 − (2I + ε)/(U + ε)) − 1/(N·V)·Σ log p_target          ε = 1e-5
 *
 * Backward, times `scale` (for f16 gradients):
 *   dp = −2t/(N·C·(U + ε)) + (2I + ε)/(N·C·(U + ε)²)
 *   dLogits = p·(dp − Σ_k dp_k·p_k) + (p − t)/(N·V)
 *
 * Where voxels have weights w (codedLabels.ts), I = Σ w·p·t, U = Σ w·p + Σ w·t, the cross entropy is
 * −1/(N·V)·Σ w·log p_target, divided by all V voxels still, and dLogits is w times the above. Logits of voxels of weight
 * 0 are not read. That truth and pseudo-labels of one mixed patch have two weights is from BCP (Bai et al., CVPR 2023).
 *
 * Where channels are regions, each of which holds several classes and may overlap others, p = sigmoid(logits), t_c is 1
 * where the target's class is in region c, and binary cross entropy takes the place of the other, as in nnU-Net:
 *
 *   −1/(N·V·C)·Σ w·(t·log p + (1 − t)·log(1 − p))      dLogits = w·(p·(1 − p)·dp + (p − t)/(N·V·C))
 *
 * Cached for backward: the logits, the target and two coefficients for each (n, c); p is computed anew.
 */
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, type Scalar, setParams, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, type ShiftedView, viewOf } from '../views.ts';
import { sumOfShares } from './reduce.ts';
import { softmaxOf } from './softmax.ts';
import { lines, range } from './wgsl.ts';

const SMOOTH = 1e-5;
/** The number of voxels that an invocation sums. */
const STRIP = 64;

/** WGSL of the target's class at voxel v of the binding; a word holds four elements of u8. */
const TARGET = `
fn target_of(v: u32) -> u32 { return (t[v / 4u] >> (8u * (v % 4u))) & 255u; }`;

/**
 * WGSL in which targets are the plain classes: `read` sets the class `truth` of voxel v, and does `skip` where the
 * voxel counts for nothing; `weighted` multiplies a term by the voxel's weight.
 */
const PLAIN = {
  read: (_skip: string) => 'let truth = target_of(p.targetShift + v);',
  weighted: (term: string) => term,
};

/** The same in which targets are coded labels, and p.pseudoWeight is the weight of pseudo-labels. */
const CODED: typeof PLAIN = {
  read: (skip) => `let code = target_of(p.targetShift + v);
    let weight = select(select(1.0, p.pseudoWeight, (code & ${PSEUDO}u) != 0u), 0.0, code == ${IGNORED}u);
    if (weight == 0.0) { ${skip} }
    let truth = code & ${PSEUDO - 1}u;`,
  weighted: (term) => `weight * (${term})`,
};

/** WGSL of what the logits say: of one class, or of regions. */
interface Meaning {
  /** Declarations of the module. */
  readonly declared: string;
  /** Probabilities p0, p1, … of voxel v, whose logits begin at z[at], and what the others need besides. */
  readonly probabilities: string;
  /** Whether voxel v, of class `truth`, is in channel c. */
  isTrue(c: number): string;
  /** Minus the voxel's cross entropy. */
  readonly logs: string;
  /** What the gradients need besides the gradients g0, g1, … of the probabilities. */
  readonly prepared: string;
  /** The gradient of the logit of channel c. */
  gradient(c: number): string;
}

const ofClasses = (classes: number): Meaning => ({
  declared: '',
  probabilities: softmaxOf(classes, 'z'),
  isTrue: (c) => `truth == ${c}u`,
  logs: 'f32(z[at + truth]) - top - log(total)',
  prepared: `let mean = ${range(classes)
    .map((c) => `p${c} * g${c}`)
    .join(' + ')};`,
  gradient: (c) =>
    `p.scale * p${c} * (g${c} - mean) + p.perVoxel * (p${c} - select(0.0, 1.0, truth == ${c}u))`,
});

/** The classes of each region; a bit of a class's mask says whether it is in a region. */
const ofRegions = (regions: Regions): Meaning => {
  const masks = range(1 + Math.max(...regions.flat())).map((label) =>
    regions.reduce((mask, of, c) => (of.includes(label) ? mask | (1 << c) : mask), 0),
  );
  const isTrue = (c: number) => `(region_masks[truth] & ${2 ** c}u) != 0u`;
  const perChannel = 1 / regions.length;
  return {
    declared: `
const region_masks = array<u32, ${masks.length}>(${masks.map((mask) => `${mask >>> 0}u`).join(', ')});
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))); }
// log(1 + exp(x))
fn softplus(x: f32) -> f32 { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }`,
    probabilities: lines(
      regions.length,
      (c) => `let z${c} = f32(z[at + ${c}u]); let p${c} = sigmoid(z${c});`,
    ),
    isTrue,
    logs: range(regions.length)
      .map((c) => `${perChannel} * (select(0.0, z${c}, ${isTrue(c)}) - softplus(z${c}))`)
      .join(' + '),
    prepared: '',
    gradient: (c) =>
      `p.scale * p${c} * (1.0 - p${c}) * g${c} + ${perChannel} * p.perVoxel * (p${c} - select(0.0, 1.0, ${isTrue(c)}))`,
  };
};

const meaningOf = (classes: number, regions: Regions | undefined): Meaning =>
  regions ? ofRegions(regions) : ofClasses(classes);

const targetsOf = (pseudoWeight: number | undefined) => (pseudoWeight === undefined ? PLAIN : CODED);
const weightParams = (pseudoWeight: number | undefined): Record<string, Scalar> =>
  pseudoWeight === undefined ? {} : { pseudoWeight: f32(pseudoWeight) };

/** The classes that each channel stands for; at most 32 channels, since a word holds a bit for each. */
export type Regions = readonly (readonly number[])[];

/** What is compared. */
interface Compared {
  /** [N, D, H, W, C] */
  readonly logits: Tensor;
  /** u8 [N, D, H, W, 1], classes below C; coded labels where `pseudoWeight` is given. */
  readonly target: Tensor;
  /** The weight of voxels whose coded label is a pseudo-label. */
  readonly pseudoWeight?: number | undefined;
  /** Given where channels are regions: the classes of each; all classes but 0 are in some. */
  readonly regions?: Regions | undefined;
}

export interface DiceCrossEntropyForward extends Compared {
  /** f32 [3]: the loss, its Dice part, its cross-entropy part; it is assigned. */
  readonly loss: Tensor;
  /** f32 [N, C, 2]: the coefficients that backward needs; it is assigned. */
  readonly coefficients: Tensor;
}

export function forward(gpu: Gpu, call: DiceCrossEntropyForward): Work {
  const { logits, target, pseudoWeight, regions, loss, coefficients } = call;
  const { read, weighted } = targetsOf(pseudoWeight);
  const { batch, voxels, classes } = sizes(logits, target);
  const { declared, probabilities, isTrue, logs } = meaningOf(classes, regions);
  const strips = Math.ceil(voxels / STRIP);
  const width = 3 * classes + 1; // Σpt, Σp, Σt of each class; Σ log p_target
  const shares = empty(gpu, [batch, strips, width]);
  const sums = empty(gpu, [batch, width]);
  const launches = eachRange(gpu, logits, target, STRIP, ({ n, start, end, z, t }) =>
    prepare(gpu, {
      name: 'diceCrossEntropy.sum',
      read: { z, t },
      write: { shares },
      params: {
        voxels: u32(end - start),
        shift: u32(z.shift),
        targetShift: u32(t.shift),
        firstStrip: u32(n * strips + start / STRIP),
        ...weightParams(pseudoWeight),
      },
      code: `${TARGET}${declared}
@compute @workgroup_size(64) fn main(id: Id) {
  let strip = invocation(id);
  let first = strip * ${STRIP}u;
  if (first >= p.voxels) { return; }
  ${lines(classes, (c) => `var both${c} = 0.0; var sum${c} = 0.0; var count${c} = 0.0;`)}
  var logs = 0.0;
  for (var v = first; v < min(p.voxels, first + ${STRIP}u); v++) {
    let at = p.shift + v * ${classes}u;
    ${read('continue;')}
    ${probabilities}
    logs += ${weighted(logs)};
    ${lines(classes, (c) => `sum${c} += ${weighted(`p${c}`)}; if (${isTrue(c)}) { both${c} += ${weighted(`p${c}`)}; count${c} += ${weighted('1.0')}; }`)}
  }
  let share = (p.firstStrip + strip) * ${width}u;
  ${lines(classes, (c) => `shares[share + ${3 * c}u] = both${c}; shares[share + ${3 * c + 1}u] = sum${c}; shares[share + ${3 * c + 2}u] = count${c};`)}
  shares[share + ${3 * classes}u] = logs;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    }),
  );
  launches.push(
    prepare(gpu, {
      name: 'diceCrossEntropy.join',
      read: { shares },
      write: { sums },
      params: { strips: u32(strips), count: u32(batch * width) },
      code: sumOfShares(
        `shares[(i / ${width}u * p.strips + s) * ${width}u + i % ${width}u]`,
        'sums[i] = lanes[0];',
        'let i = min(groupIndex(id), p.count - 1u);',
      ),
      invocations: batch * width * 64,
    }),
    prepare(gpu, {
      name: 'diceCrossEntropy.loss',
      read: { sums },
      write: { loss, coefficients },
      params: {
        batch: u32(batch),
        perVoxel: f32(1 / (batch * voxels)),
        perClass: f32(1 / (batch * classes)),
      },
      code: `
@compute @workgroup_size(1) fn main(id: Id) {
  var dice = 0.0;
  var entropy = 0.0;
  for (var n = 0u; n < p.batch; n++) {
    let item = n * ${width}u;
    for (var c = 0u; c < ${classes}u; c++) {
      let twice = 2.0 * sums[item + 3u * c] + ${SMOOTH};
      let union_ = sums[item + 3u * c + 1u] + sums[item + 3u * c + 2u] + ${SMOOTH};
      dice += (1.0 - twice / union_) * p.perClass;
      coefficients[(n * ${classes}u + c) * 2u] = -2.0 * p.perClass / union_;
      coefficients[(n * ${classes}u + c) * 2u + 1u] = twice * p.perClass / (union_ * union_);
    }
    entropy -= sums[item + ${3 * classes}u] * p.perVoxel;
  }
  loss[0] = dice + entropy;
  loss[1] = dice;
  loss[2] = entropy;
}`,
      workgroupSize: 1,
      invocations: 1,
    }),
  );
  return { launches, scratch: [shares, sums] };
}

export interface DiceCrossEntropyBackward extends Compared {
  readonly coefficients: Tensor;
  /** The loss's gradient times `scale`; it is assigned. */
  readonly dLogits: Tensor;
  readonly scale: number;
}

/** The work of backward, and the setter of its scale. */
export function backward(gpu: Gpu, call: DiceCrossEntropyBackward): Work & { setScale(scale: number): void } {
  const { logits, target, pseudoWeight, regions, coefficients, dLogits } = call;
  const { read, weighted } = targetsOf(pseudoWeight);
  const { batch, voxels, classes } = sizes(logits, target);
  const { declared, probabilities, isTrue, prepared, gradient } = meaningOf(classes, regions);
  const setters: ((scale: number) => void)[] = [];
  const launches = eachRange(gpu, logits, target, 1, ({ n, start, end, z, t, view }): Launch => {
    const params = (scale: number) => ({
      voxels: u32(end - start),
      shift: u32(z.shift),
      targetShift: u32(t.shift),
      n: u32(n),
      perVoxel: f32(scale / (batch * voxels)),
      scale: f32(scale),
      ...weightParams(pseudoWeight),
    });
    const launch = prepare(gpu, {
      name: 'diceCrossEntropy.dLogits',
      read: { z, t, coefficients },
      write: { dz: view(dLogits) },
      params: params(call.scale),
      code: `${TARGET}${declared}
@compute @workgroup_size(64) fn main(id: Id) {
  let v = invocation(id);
  if (v >= p.voxels) { return; }
  let at = p.shift + v * ${classes}u;
  ${read(`${lines(classes, (c) => `dz[at + ${c}u] = dz_t(0.0);`)} return;`)}
  ${probabilities}
  let k = p.n * ${2 * classes}u;
  ${lines(classes, (c) => `let g${c} = coefficients[k + ${2 * c + 1}u] + select(0.0, coefficients[k + ${2 * c}u], ${isTrue(c)});`)}
  ${prepared}
  ${lines(classes, (c) => `dz[at + ${c}u] = dz_t(${weighted(gradient(c))});`)}
}`,
      invocations: end - start,
    });
    setters.push((scale) => setParams(gpu, launch, params(scale)));
    return launch;
  });
  return {
    launches,
    scratch: [],
    setScale: (scale) => {
      for (const set of setters) set(scale);
    },
  };
}

function sizes(logits: Tensor, target: Tensor) {
  const [batch, , , , classes] = logits.shape as [number, number, number, number, number];
  const voxels = elementCount(logits.shape) / batch / classes;
  if (target.dtype !== 'u8' || elementCount(target.shape) !== batch * voxels) {
    throw new Error(
      `diceCrossEntropy: target expects u8 [${logits.shape.slice(0, 4)},1], got ${target.dtype} [${target.shape}]`,
    );
  }
  return { batch, classes, voxels };
}

interface Range {
  readonly n: number;
  readonly start: number;
  readonly end: number;
  readonly z: ShiftedView;
  readonly t: ShiftedView;
  view(tensor: Tensor): ShiftedView;
}

function eachRange<T>(
  gpu: Gpu,
  logits: Tensor,
  target: Tensor,
  step: number,
  visit: (range: Range) => T,
): T[] {
  const { batch, voxels, classes } = sizes(logits, target);
  const rows = [
    { tensor: logits, rowElements: classes },
    { tensor: target, rowElements: 1 },
  ];
  return rowRanges(gpu, voxels, rows, step).flatMap(([start, end]) =>
    range(batch).map((n) => {
      const view = (tensor: Tensor) =>
        viewOf(tensor, (n * voxels + start) * classes, (n * voxels + end) * classes);
      const t = viewOf(target, n * voxels + start, n * voxels + end);
      return visit({ n, start, end, z: view(logits), t, view });
    }),
  );
}
