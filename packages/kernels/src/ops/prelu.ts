/**
 * PReLU: an activation whose slope below 0 is learnt, one for all channels or one for each.
 *
 *   z = input, or scale[n, c]·input + offset[n, c] where a norm is applied to what is read
 *   output = z > 0 ? z : slope[c]·z
 *   dZ (+)= dOutput·(z > 0 ? 1 : slope[c])        dSlope[c] += Σ dOutput·min(z, 0)
 *
 * The slopes' sums run over strips of voxels first (`strips.ts`), then over the strips.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { empty, type Tensor } from '../tensor.ts';
import { addShares } from './reduce.ts';
import { eachRange, lanesOf, MAP_STRIP, sizes, stripStart } from './strips.ts';

export interface PreluForward {
  /** [N, D, H, W, C] */
  readonly input: Tensor;
  /** f32 [N, C, 2]: scale and offset of the norm that is applied to the input, see `instanceNorm.ts`. */
  readonly affine?: Tensor | undefined;
  /** f32 [1] or [C] */
  readonly slope: Tensor;
  readonly output: Tensor;
}

/** Throws where the slopes are neither one nor one for each channel. */
export function forward(gpu: Gpu, { input, affine, slope, output }: PreluForward): Launch[] {
  const launches: Launch[] = [];
  const { channels } = sizes(input);
  const { each, type, constants, z } = textOf({ input, affine, slope });
  eachRange(gpu, input, [input, output], MAP_STRIP, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'prelu',
        read: { x: view(input), slope, ...(affine && { affine }) },
        write: { y: view(output) },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          n: u32(n),
        },
        code: `${stripStart(MAP_STRIP, each)}
  ${constants}
  for (var v = first; v < last; v++) {
    let z = ${z};
    y[at] = y_t(select(z * slopes, z, z > ${type}(0)));
    at += step;
  }
}`,
        invocations: (Math.ceil((end - start) / MAP_STRIP) * channels) / each,
      }),
    );
  });
  return launches;
}

export interface PreluBackward extends Omit<PreluForward, 'output'> {
  readonly dOutput: Tensor;
  /** The gradient of z, and whether it is added to; it is assigned otherwise. */
  readonly dZ: Tensor;
  readonly accumulate: boolean;
  /** f32 [1] or [C]; it is added to. */
  readonly dSlope: Tensor;
}

export function backward(gpu: Gpu, call: PreluBackward): Work {
  const { input, affine, slope, dOutput, dZ, accumulate, dSlope } = call;
  const { batch, channels, strip, strips } = sizes(input);
  const { each, type, perChannel, component, constants, z } = textOf(call);
  const shares = empty(gpu, [batch * strips, channels]);
  const launches: Launch[] = [];
  eachRange(gpu, input, [input, dOutput, dZ], strip, ({ n, start, end, view }) => {
    launches.push(
      prepare(gpu, {
        name: 'prelu.dZ',
        read: { x: view(input), slope, ...(affine && { affine }), dy: view(dOutput) },
        write: { dz: view(dZ), shares },
        params: {
          channels: u32(channels),
          voxels: u32(end - start),
          shift: u32(view(input).shift),
          firstStrip: u32(n * strips + start / strip),
          n: u32(n),
        },
        code: `${stripStart(strip, each)}
  ${constants}
  var sum = ${type}(0);
  for (var v = first; v < last; v++) {
    let z = ${z};
    let g = ${type}(dy[at]);
    sum += g * min(z, ${type}(0));
    dz[at] = dz_t(${accumulate ? `${type}(dz[at]) + ` : ''}select(g * slopes, g, z > ${type}(0)));
    at += step;
  }
  let share = (p.firstStrip + strip) * p.channels + c;
  ${perChannel((k) => `shares[share + ${k}u] = ${component('sum', k)};`).join('\n  ')}
}`,
        invocations: (Math.ceil((end - start) / strip) * channels) / each,
      }),
    );
  });
  // One slope for all channels has the sum of all of them.
  const count = dSlope.shape[0] === 1 ? batch * strips * channels : batch * strips;
  launches.push(addShares(gpu, 'prelu.dSlope', { shares, count, output: dSlope, accumulate: true }));
  return { launches, scratch: [shares] };
}

/** WGSL of what both passes begin with. */
function textOf({ input, affine, slope }: Omit<PreluForward, 'output'>) {
  const { channels } = sizes(input);
  const [slopes] = slope.shape;
  if (slopes !== 1 && slopes !== channels)
    throw new Error(`prelu: slope expects [1] or [${channels}], got [${slope.shape}]`);
  const lanes = lanesOf(channels);
  const { type, values } = lanes;
  const constants = [
    `let slopes = ${slopes === 1 ? `${type}(slope[0])` : values((k) => `slope[c + ${k}u]`)};`,
    ...(affine
      ? [
          'let s = (p.n * p.channels + c) * 2u;',
          `let scale = ${values((k) => `affine[s + ${2 * k}u]`)};`,
          `let offset = ${values((k) => `affine[s + ${2 * k + 1}u]`)};`,
        ]
      : []),
  ];
  return {
    ...lanes,
    constants: constants.join('\n  '),
    z: affine ? `fma(${type}(x[at]), scale, offset)` : `${type}(x[at])`,
  };
}
