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
 * Sums run over strips of voxels first (`strips.ts`); a workgroup then joins the strips of one (n, c).
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32, type Work } from '../kernel.ts';
import { empty, type Tensor } from '../tensor.ts';
import { joinGroupSums } from './groupNorm.ts';
import { join, joinMoments, MOMENTS } from './moments.ts';
import { eachRange, lanesOf, MAP_STRIP, type Range, sizes, stripStart } from './strips.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** A norm without activation. */
export interface AffineNorm {
  /** f32 [N, C, 2]: mean and 1/√(var + ε). */
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
  /** The tensor that is added before the activation, of the input's shape. */
  readonly residual?: Tensor | undefined;
  /** The residual's own norm, where that is not applied yet: weight·x̂ + bias of the residual is added. */
  readonly residualNorm?: AffineNorm | undefined;
  readonly output: Tensor;
  /** f32 [N, C, 2]: mean and 1/√(var + ε). */
  readonly stats: Tensor;
  /** LeakyReLU's slope for negative values; 1 for none. */
  readonly slope: number;
}

/** The work that writes `stats`; a convolution can do so with its output at once, see `conv3d.ts`. */
export function statistics(gpu: Gpu, { input, stats }: Pick<InstanceNormForward, 'input' | 'stats'>): Work {
  const { batch, channels, strip, strips } = sizes(input);
  const { type, each, perChannel, component } = lanesOf(channels);
  const shares = empty(gpu, [batch, strips, channels, MOMENTS]);
  const launches: Launch[] = [];
  eachRange(gpu, input, [input], strip, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.sum',
        read: { x: view(input) },
        write: { shares },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          firstStrip: u32(n * strips + start / strip),
        },
        code: `${stripStart(strip, each)}
  let centre = ${type}(x[at]); // sums of differences from any one value lose no digits to a large mean
  var sum = ${type}(0);
  var squares = ${type}(0);
  for (var v = first; v < last; v++) {
    let d = ${type}(x[at]) - centre;
    sum += d;
    squares += d * d;
    at += step;
  }
  let n = f32(last - first);
  let mean = centre + sum / n;
  squares -= sum * sum / n;
  let share = ((p.firstStrip + strip) * p.channels + c) * ${MOMENTS}u;
  ${perChannel(
    (k) => `shares[share + ${k * MOMENTS}u] = n;
  shares[share + ${k * MOMENTS + 1}u] = ${component('mean', k)};
  shares[share + ${k * MOMENTS + 2}u] = ${component('squares', k)};`,
  ).join('\n  ')}
}`,
        invocations: (Math.ceil((end - start) / strip) * channels) / each,
      }),
    );
  });
  launches.push(joinMoments(gpu, shares, stats));
  return { launches, scratch: [shares] };
}

/** The launches that compute the output from statistics that are there. */
export function forward(gpu: Gpu, call: InstanceNormForward): Launch[] {
  const { input, weight, bias, residual, residualNorm, output, stats, slope } = call;
  const { channels } = sizes(input);
  const { type, each, values } = lanesOf(channels);
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
        code: `${stripStart(MAP_STRIP, each)}
  let s = (p.n * p.channels + c) * 2u;
  let scale = ${values((k) => `weight[c + ${k}u] * stats[s + ${2 * k + 1}u]`)};
  ${residualNorm ? `let rScale = ${values((k) => `rWeight[c + ${k}u] * rStats[s + ${2 * k + 1}u]`)};` : ''}
  let offset = ${values((k) => `bias[c + ${k}u]`)} - ${values((k) => `stats[s + ${2 * k}u]`)} * scale
    ${residualNorm ? `+ ${values((k) => `rBias[c + ${k}u]`)} - ${values((k) => `rStats[s + ${2 * k}u]`)} * rScale` : ''};
  for (var v = first; v < last; v++) {
    let z = ${type}(x[at]) * scale + offset${residual ? ` + ${type}(r[at])${residualNorm ? ' * rScale' : ''}` : ''};
    y[at] = y_t(select(z * p.slope, z, z > ${type}(0)));
    at += step;
  }
}`,
        invocations: (Math.ceil((end - start) / MAP_STRIP) * channels) / each,
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
  /** The output, which tells the sign before the activation where the slope is not 1, and there is no `affine`. */
  readonly output?: Tensor | undefined;
  readonly affine?: Tensor | undefined;
  readonly stats: Tensor;
  readonly weight: Tensor;
  readonly slope: number;
  readonly dOutput: Tensor;
  /** The input's gradient. */
  readonly dInput: Tensor;
  /** Add to dInput instead of assigning it. */
  readonly accumulate?: boolean | undefined;
  /** The number of groups of channels that share statistics, see `groupNorm.ts`; each has its own where undefined. */
  readonly groups?: number | undefined;
  /** Whether the statistics are told rather than the input's, so that its gradient has no part by them. */
  readonly isTold?: boolean | undefined;
  /** f32 [C]: the parameters' gradients; they are added to. */
  readonly dWeight: Tensor;
  readonly dBias: Tensor;
  /** The residual's gradient, and whether it is added to, as where the residual has others; it is assigned otherwise. */
  readonly dResidual?: { readonly tensor: Tensor; readonly accumulate: boolean } | undefined;
}

export function backward(gpu: Gpu, call: InstanceNormBackward): Work {
  const { input, output, affine, stats, weight, slope, dOutput, dInput, dWeight, dBias, dResidual } = call;
  const { accumulate, groups, isTold } = call;
  const { batch, voxels, channels, strip, strips } = sizes(input);
  const { type, each, perChannel, component, values } = lanesOf(channels);
  const shares = empty(gpu, [batch, strips, channels, 2]);
  const sums = empty(gpu, [batch, channels, 2]);
  const launches: Launch[] = [];
  const linear = slope === 1;
  if (!linear && !output && !affine) {
    throw new Error('instanceNorm: backward wants the output, or the affine, where the slope is not 1');
  }
  const activated = linear || affine ? [] : [output!];
  const sign = affine ? `fma(${type}(x[at]), scaleY, offsetY)` : `${type}(y[at])`;
  const dz = linear
    ? `${type}(dy[at])`
    : `${type}(dy[at]) * select(${type}(p.slope), ${type}(1), ${sign} > ${type}(0))`;
  const ofInstance = `let s = (p.n * p.channels + c) * 2u;
  let mean = ${values((k) => `stats[s + ${2 * k}u]`)};
  let rstd = ${values((k) => `stats[s + ${2 * k + 1}u]`)};
  ${
    !linear && affine
      ? `let scaleY = ${values((k) => `affine[s + ${2 * k}u]`)};
  let offsetY = ${values((k) => `affine[s + ${2 * k + 1}u]`)};`
      : ''
  }`;
  const signRead = (view: Range['view']) => ({
    ...(!linear && affine && { affine }),
    ...(activated[0] && { y: view(activated[0]) }),
  });
  eachRange(gpu, input, [input, ...activated, dOutput], strip, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.dSum',
        read: { x: view(input), ...signRead(view), dy: view(dOutput), stats },
        write: { shares },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          firstStrip: u32(n * strips + start / strip),
          n: u32(n),
          slope: f32(slope),
        },
        code: `${stripStart(strip, each)}
  ${ofInstance}
  var sum = ${type}(0);
  var sumX = ${type}(0);
  for (var v = first; v < last; v++) {
    let dz = ${dz};
    sum += dz;
    sumX += dz * (${type}(x[at]) - mean) * rstd;
    at += step;
  }
  let share = ((p.firstStrip + strip) * p.channels + c) * 2u;
  ${perChannel(
    (k) => `shares[share + ${2 * k}u] = ${component('sum', k)};
  shares[share + ${2 * k + 1}u] = ${component('sumX', k)};`,
  ).join('\n  ')}
}`,
        invocations: (Math.ceil((end - start) / strip) * channels) / each,
      }),
    );
  });
  launches.push(
    prepare(gpu, {
      name: 'instanceNorm.dJoin',
      read: { shares },
      write: { sums },
      ...join({
        strips,
        batch,
        channels,
        type: 'vec2<f32>',
        values: 2,
        zero: 'vec2<f32>(0)',
        load: 'vec2(shares[at], shares[at + 1u])',
        add: 'total + part',
        store: 'sums[nc * 2u] = total.x; sums[nc * 2u + 1u] = total.y;',
      }),
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
    ...(groups ? [joinGroupSums(gpu, sums, weight, groups)] : []),
  );
  const residual = dResidual?.tensor;
  const tensors = [input, ...activated, dOutput, dInput, ...(residual ? [residual] : [])];
  eachRange(gpu, input, tensors, MAP_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'instanceNorm.dApply',
        read: {
          x: view(input),
          ...signRead(view),
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
          perVoxel: f32(isTold ? 0 : 1 / voxels / (groups ? channels / groups : 1)),
        },
        code: `${stripStart(MAP_STRIP, each)}
  ${ofInstance}
  ${
    groups
      ? `let weights = ${values((k) => `weight[c + ${k}u]`)};
  let scale = rstd;`
      : `let scale = ${values((k) => `weight[c + ${k}u]`)} * rstd;`
  }
  let sum = ${values((k) => `sums[s + ${2 * k}u]`)} * p.perVoxel;
  let sumX = ${values((k) => `sums[s + ${2 * k + 1}u]`)} * p.perVoxel;
  for (var v = first; v < last; v++) {
    let dz = ${dz};
    dx[at] = dx_t(${accumulate ? `${type}(dx[at]) + ` : ''}scale * (${groups ? 'weights * ' : ''}dz - sum - (${type}(x[at]) - mean) * rstd * sumX));
    ${residual ? `dr[at] = dr_t(dz${dResidual?.accumulate ? ` + ${type}(dr[at])` : ''});` : ''}
    at += step;
  }
}`,
        invocations: (Math.ceil((end - start) / MAP_STRIP) * channels) / each,
      }),
    );
  });
  return { launches, scratch: [shares, sums] };
}
