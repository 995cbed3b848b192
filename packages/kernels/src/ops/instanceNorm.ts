/**
 * Instance normalisation with affine, the residual sum and LeakyReLU, in one op:
 *
 *   mean, var over the voxels of each (n, c);   x̂ = (input − mean) / √(var + 1e-5)
 *   output = LeakyReLU(weight[c]·x̂ + bias[c] + residual)      slope 1 leaves out the activation
 *
 * Backward, with dz = dOutput·(output > 0 ? 1 : slope), V voxels, sums over the voxels of (n, c):
 *   dBias = Σ dz    dWeight = Σ dz·x̂    dResidual = dz
 *   dInput = weight·rstd·(dz − Σdz/V − x̂·Σ(dz·x̂)/V)
 * Backward reads input, statistics (mean, rstd) and, for the activation, the output, which `forward` can make again;
 * or the affine alone, where a convolution norms what it reads (`conv/inputNorm.ts`) and there is no output.
 *
 * Sums run over strips of voxels first, an invocation a strip and channel; a workgroup then joins the strips of
 * one (n, c).
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, window } from '../windows.ts';
import { join, joinMoments, MOMENTS } from './moments.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** Voxels an invocation sums, and voxels it maps. */
const SUM_STRIP = 256;
const MAP_STRIP = 16;

export interface AffineNorm {
  /** f32 [N, C, 2] */
  readonly stats: Tensor;
  /** f32 [C] */
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export interface InstanceNormForward {
  /** [N, D, H, W, C] */
  readonly input: Tensor;
  /** f32 [C] */
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** Added before the activation; like the input. */
  readonly residual?: Tensor | undefined;
  /** The residual's own norm, where it is given before that: weight·x̂ + bias of it is added. */
  readonly residualNorm?: AffineNorm | undefined;
  readonly output: Tensor;
  /** f32 [N, C, 2]: mean and 1/√(var + ε). */
  readonly stats: Tensor;
  /** LeakyReLU's slope for negative values; 1 for none. */
  readonly slope: number;
}

/** Writes `stats`; a convolution can do so with its output at once, see `conv3d.ts`. */
export function statistics(gpu: Gpu, { input, stats }: Pick<InstanceNormForward, 'input' | 'stats'>): Work {
  const { batch, channels, strips } = sizes(input);
  const shares = empty(gpu, [batch, strips, channels, MOMENTS]);
  const launches: Launch[] = [];
  eachRange(gpu, input, [input], SUM_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.sum',
        read: { x: view(input) },
        write: { shares },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          firstStrip: u32(n * strips + start / SUM_STRIP),
        },
        code: `${STRIP_START(SUM_STRIP)}
  let centre = f32(x[at]); // sums of differences from any one value lose no digits to a large mean
  var sum = 0.0;
  var squares = 0.0;
  for (var v = first; v < last; v++) {
    let d = f32(x[at]) - centre;
    sum += d;
    squares += d * d;
    at += p.channels;
  }
  let n = f32(last - first);
  let share = ((p.firstStrip + strip) * p.channels + c) * ${MOMENTS}u;
  shares[share] = n;
  shares[share + 1u] = centre + sum / n;
  shares[share + 2u] = squares - sum * sum / n;
}`,
        invocations: Math.ceil((end - start) / SUM_STRIP) * channels,
      }),
    );
  });
  launches.push(joinMoments(gpu, shares, stats));
  return { launches, scratch: [shares] };
}

/** The output, from statistics that are there. */
export function forward(gpu: Gpu, call: InstanceNormForward): Launch[] {
  const { input, weight, bias, residual, residualNorm, output, stats, slope } = call;
  const { channels } = sizes(input);
  const launches: Launch[] = [];
  const tensors = [input, output, ...(residual ? [residual] : [])];
  eachRange(gpu, input, tensors, MAP_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.apply',
        read: {
          x: view(input),
          stats,
          weight,
          bias,
          ...(residual && { r: view(residual) }),
          ...(residualNorm && {
            rStats: residualNorm.stats,
            rWeight: residualNorm.weight,
            rBias: residualNorm.bias,
          }),
        },
        write: { y: view(output) },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          n: u32(n),
          slope: f32(slope),
        },
        code: `${STRIP_START(MAP_STRIP)}
  let s = (p.n * p.channels + c) * 2u;
  let scale = weight[c] * stats[s + 1u];
  ${residualNorm ? 'let rScale = rWeight[c] * rStats[s + 1u];' : ''}
  let offset = bias[c] - stats[s] * scale${residualNorm ? ' + rBias[c] - rStats[s] * rScale' : ''};
  for (var v = first; v < last; v++) {
    let z = f32(x[at]) * scale + offset${residual ? ` + f32(r[at])${residualNorm ? ' * rScale' : ''}` : ''};
    y[at] = y_t(select(z * p.slope, z, z > 0.0));
    at += p.channels;
  }
}`,
        invocations: Math.ceil((end - start) / MAP_STRIP) * channels,
      }),
    );
  });
  return launches;
}

/** scale = weight·rstd and offset = bias − mean·scale of each (n, c), as one [N, C, 2]. */
export function affine(
  gpu: Gpu,
  { stats, weight, bias, affine: output }: AffineNorm & { readonly affine: Tensor },
): Launch {
  const [batch, channels] = stats.shape as [number, number];
  return prepare(gpu, {
    name: 'instanceNorm.affine',
    read: { stats, weight, bias },
    write: { affine: output },
    params: { count: u32(batch * channels), channels: u32(channels) },
    code: mapElements(`
    let scale = weight[i % p.channels] * stats[i * 2u + 1u];
    affine[i * 2u] = scale;
    affine[i * 2u + 1u] = bias[i % p.channels] - stats[i * 2u] * scale;`),
    invocations: mapInvocations(batch * channels),
  });
}

export interface InstanceNormBackward {
  readonly input: Tensor;
  /** One of the two, where the slope is not 1. */
  readonly output?: Tensor | undefined;
  readonly affine?: Tensor | undefined;
  readonly stats: Tensor;
  readonly weight: Tensor;
  readonly slope: number;
  readonly dOutput: Tensor;
  /** Assigned. */
  readonly dInput: Tensor;
  /** f32 [C], accumulated. */
  readonly dWeight: Tensor;
  readonly dBias: Tensor;
  /** Assigned, or accumulated where the residual has other gradients too. */
  readonly dResidual?: { readonly tensor: Tensor; readonly accumulate: boolean } | undefined;
}

export function backward(gpu: Gpu, call: InstanceNormBackward): Work {
  const { input, output, affine, stats, weight, slope, dOutput, dInput, dWeight, dBias, dResidual } = call;
  const { batch, voxels, channels, strips } = sizes(input);
  const shares = empty(gpu, [batch, strips, channels, 2]);
  const sums = empty(gpu, [batch, channels, 2]);
  const launches: Launch[] = [];
  const linear = slope === 1;
  if (!linear && !output && !affine) {
    throw new Error('instanceNorm: backward wants the output, or the affine, where the slope is not 1');
  }
  const activated = linear || affine ? [] : [output!];
  const isPositive = affine ? 'fma(f32(x[at]), affine[s], affine[s + 1u]) > 0.0' : 'f32(y[at]) > 0.0';
  const dz = linear ? 'f32(dy[at])' : `f32(dy[at]) * select(p.slope, 1.0, ${isPositive})`;
  const sign = (view: Range['view']) => ({
    ...(!linear && affine && { affine }),
    ...(activated[0] && { y: view(activated[0]) }),
  });
  eachRange(gpu, input, [input, ...activated, dOutput], SUM_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.dSum',
        read: { x: view(input), ...sign(view), dy: view(dOutput), stats },
        write: { shares },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          firstStrip: u32(n * strips + start / SUM_STRIP),
          n: u32(n),
          slope: f32(slope),
        },
        code: `${STRIP_START(SUM_STRIP)}
  let s = (p.n * p.channels + c) * 2u;
  let mean = stats[s];
  let rstd = stats[s + 1u];
  var sum = 0.0;
  var sumX = 0.0;
  for (var v = first; v < last; v++) {
    let dz = ${dz};
    sum += dz;
    sumX += dz * (f32(x[at]) - mean) * rstd;
    at += p.channels;
  }
  let share = ((p.firstStrip + strip) * p.channels + c) * 2u;
  shares[share] = sum;
  shares[share + 1u] = sumX;
}`,
        invocations: Math.ceil((end - start) / SUM_STRIP) * channels,
      }),
    );
  });
  launches.push(
    prepare(gpu, {
      name: 'instanceNorm.dJoin',
      read: { shares },
      write: { sums },
      params: { instances: u32(batch * channels), channels: u32(channels), strips: u32(strips) },
      code: JOIN_SUMS,
      invocations: batch * channels * 64,
    }),
    prepare(gpu, {
      name: 'instanceNorm.dParameters',
      read: { sums },
      write: { dWeight, dBias },
      params: { channels: u32(channels), batch: u32(batch) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let c = invocation(id);
  if (c >= p.channels) { return; }
  for (var n = 0u; n < p.batch; n++) {
    dBias[c] += sums[(n * p.channels + c) * 2u];
    dWeight[c] += sums[(n * p.channels + c) * 2u + 1u];
  }
}`,
      invocations: channels,
    }),
  );
  const residual = dResidual?.tensor;
  const tensors = [input, ...activated, dOutput, dInput, ...(residual ? [residual] : [])];
  eachRange(gpu, input, tensors, MAP_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.dApply',
        read: {
          x: view(input),
          ...sign(view),
          dy: view(dOutput),
          stats,
          sums,
          weight,
        },
        write: { dx: view(dInput), ...(residual ? { dr: view(residual) } : {}) },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          n: u32(n),
          slope: f32(slope),
          perVoxel: f32(1 / voxels),
        },
        code: `${STRIP_START(MAP_STRIP)}
  let s = (p.n * p.channels + c) * 2u;
  let mean = stats[s];
  let rstd = stats[s + 1u];
  let scale = weight[c] * rstd;
  let sum = sums[s] * p.perVoxel;
  let sumX = sums[s + 1u] * p.perVoxel;
  for (var v = first; v < last; v++) {
    let dz = ${dz};
    dx[at] = dx_t(scale * (dz - sum - (f32(x[at]) - mean) * rstd * sumX));
    ${residual ? `dr[at] = dr_t(dz${dResidual?.accumulate ? ' + f32(dr[at])' : ''});` : ''}
    at += p.channels;
  }
}`,
        invocations: Math.ceil((end - start) / MAP_STRIP) * channels,
      }),
    );
  });
  return { launches, scratch: [shares, sums] };
}

function sizes(input: Tensor) {
  const [batch, , , , channels] = input.shape as [number, number, number, number, number];
  const voxels = elementCount(input.shape) / batch / channels;
  return { batch, channels, voxels, strips: Math.ceil(voxels / SUM_STRIP) };
}

interface Range {
  readonly n: number;
  /** Voxels [start, end) of batch item n. */
  readonly start: number;
  readonly end: number;
  /** Those voxels of a tensor of the input's shape. */
  view(tensor: Tensor): ReturnType<typeof window>;
}

/** Calls `visit` for ranges of voxels that fit a binding in all tensors, item by item. */
function eachRange(gpu: Gpu, input: Tensor, tensors: Tensor[], step: number, visit: (range: Range) => void) {
  const { batch, voxels, channels } = sizes(input);
  const rows = tensors.map((tensor) => ({ tensor, rowElements: channels }));
  for (const [start, end] of rowRanges(gpu, voxels, rows, step)) {
    for (let n = 0; n < batch; n++) {
      const view = (tensor: Tensor) =>
        window(tensor, (n * voxels + start) * channels, (n * voxels + end) * channels);
      visit({ n, start, end, view });
    }
  }
}

/** Voxels [first, last) of channel c; `at` is the first one's place. */
const STRIP_START = (strip: number) => `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let c = i % p.channels;
  let strip = i / p.channels;
  let first = strip * ${strip}u;
  if (first >= p.voxels) { return; }
  let last = min(p.voxels, first + ${strip}u);
  var at = p.shift + first * p.channels + c;`;

const JOIN_SUMS = join('vec2<f32>', 2, {
  zero: 'vec2<f32>(0)',
  load: 'vec2(shares[at], shares[at + 1u])',
  add: 'total + part',
  store: 'sums[nc * 2u] = total.x; sums[nc * 2u + 1u] = total.y;',
});
