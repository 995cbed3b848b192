/**
 * nnU-Net's way from a scan to its network and back, on whole arrays in float64 and step by step as nnU-Net does it:
 * what the stream of slabs is tested against.
 */
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import type { NnunetPreprocessing, Normalisation, Resampler } from '../src/inference/nnunet/preprocessing.ts';
import { toRas } from '../src/volume/orientation.ts';
import type { Volume } from '../src/volume/volume.ts';

type Triple = [number, number, number];

/** Values at each index of an array of a shape, in C order. */
function filled(shape: readonly number[], at: (index: Triple) => number): Reference {
  const array = reference(shape);
  const [, H, W] = shape as Triple;
  for (let i = 0; i < array.data.length; i++)
    array.data[i] = at([Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W]);
  return array;
}

const valueAt = ({ shape, data }: Reference, [d, h, w]: Triple): number =>
  data[(d * shape[1]! + h) * shape[2]! + w]!;

/** `array.transpose(axes)`: axis i of the result is axis axes[i]. */
function transposed(array: Reference, axes: readonly number[]): Reference {
  return filled(
    axes.map((axis) => array.shape[axis]!),
    (index) => {
      const from: Triple = [0, 0, 0];
      axes.forEach((axis, i) => {
        from[axis] = index[i]!;
      });
      return valueAt(array, from);
    },
  );
}

/** A scan's channels as the network sees them, and how to bring labels back to the scan. */
export interface Prepared {
  /** [D, H, W], by channel. */
  readonly inputs: readonly Reference[];
  /** The label map of the scan's array from logits [D, H, W] by output channel. */
  labelsOf(logits: readonly Reference[], regions?: readonly number[]): Uint8Array;
}

export function prepared(
  channels: readonly Volume[],
  spacing: { readonly ofScan: Triple; readonly ofRas: Triple },
  preprocessing: NnunetPreprocessing,
): Prepared {
  const { reorient, transposeForward } = preprocessing;
  const arrays = channels.map((channel) => {
    const { shape, data } = reorient ? toRas(channel) : channel;
    return transposed(reference([...shape].reverse(), data), transposeForward);
  });
  const xyz = reorient ? spacing.ofRas : spacing.ofScan;
  const spacingMm = transposeForward.map((axis) => xyz[2 - axis]!) as Triple;
  const mask = filledMask(arrays);
  const box = boxOf(mask);
  const cropped = arrays.map((array) => cut(array, box));
  const size = cropped[0]!.shape.map((n, axis) =>
    Math.max(1, pythonRound((spacingMm[axis]! / preprocessing.spacingMm[axis]!) * n)),
  );
  const inputs = cropped.map((array, i) =>
    resampled(
      normalised(array, cut(mask, box), preprocessing.channels[i]!),
      size,
      preprocessing.dataResampling,
      spacingMm,
      preprocessing.spacingMm,
    ),
  );
  return {
    inputs,
    labelsOf(logits, regions) {
      const { logitsResampling, spacingMm: networkMm } = preprocessing;
      const back = logits.map((channel) =>
        resampled(channel, cropped[0]!.shape, logitsResampling, networkMm, spacingMm),
      );
      const whole = filled(arrays[0]!.shape, (index) => {
        const inBox = index.map((at, axis) => at - box[axis]![0]) as Triple;
        if (inBox.some((at, axis) => at < 0 || at >= cropped[0]!.shape[axis]!)) return 0;
        const values = back.map((channel) => valueAt(channel, inBox));
        if (regions) return regions[values.findLastIndex((value) => value > 0)] ?? 0;
        return values.indexOf(Math.max(...values));
      });
      const backward = [0, 1, 2].map((axis) => transposeForward.indexOf(axis));
      const labels = transposed(whole, backward).data;
      if (!reorient) return Uint8Array.from(labels);
      // The voxel of the array that each voxel of the turned one was.
      const first = channels[0]!;
      const places = { ...first, data: Uint32Array.from(first.data, (_, i) => i) };
      const turned = toRas(places).data;
      const result = new Uint8Array(labels.length);
      labels.forEach((label, i) => {
        result[turned[i]!] = label;
      });
      return result;
    },
  };
}

/** 1 where a channel is not 0, and where no path of zeros leads out. */
function filledMask(arrays: readonly Reference[]): Reference {
  const { shape } = arrays[0]!;
  const outside = new Set<number>();
  const isZero = (index: Triple) => arrays.every((array) => valueAt(array, index) === 0);
  const [, H, W] = shape as Triple;
  const reach = (index: Triple) => {
    const queue = [index];
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [d, h, w] = next;
      const place = (d * H + h) * W + w;
      if (next.some((at, axis) => at < 0 || at >= shape[axis]!) || outside.has(place) || !isZero(next))
        continue;
      outside.add(place);
      for (const axis of [0, 1, 2])
        for (const step of [-1, 1]) queue.push(next.map((at, i) => (i === axis ? at + step : at)) as Triple);
    }
  };
  filled(shape, (index) => {
    if (index.some((at, axis) => at === 0 || at === shape[axis]! - 1)) reach(index);
    return 0;
  });
  return filled(shape, ([d, h, w]) => (outside.has((d * H + h) * W + w) ? 0 : 1));
}

function boxOf(mask: Reference): [number, number][] {
  const ends = mask.shape.map((n): [number, number] => [n, 0]);
  filled(mask.shape, (index) => {
    if (valueAt(mask, index))
      index.forEach((at, axis) => {
        ends[axis] = [Math.min(ends[axis]![0], at), Math.max(ends[axis]![1], at + 1)];
      });
    return 0;
  });
  return ends.map(([low, high], axis) => (high === 0 ? [0, mask.shape[axis]!] : [low, high]));
}

const cut = (array: Reference, box: readonly [number, number][]): Reference =>
  filled(
    box.map(([low, high]) => high - low),
    (index) => valueAt(array, index.map((at, axis) => at + box[axis]![0]) as Triple),
  );

function normalised({ shape, data }: Reference, mask: Reference, scheme: Normalisation): Reference {
  const isMasked = scheme.scheme === 'ZScoreNormalization' && scheme.useMask;
  const inside = isMasked ? data.filter((_, i) => mask.data[i] === 1) : data;
  const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
  const std = Math.sqrt(inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length);
  const least = data.reduce((a, b) => Math.min(a, b));
  const greatest = data.reduce((a, b) => Math.max(a, b));
  const become = (value: number, i: number): number => {
    switch (scheme.scheme) {
      case 'CTNormalization':
        return (
          (Math.min(Math.max(value, scheme.low), scheme.high) - scheme.mean) / Math.max(scheme.std, 1e-8)
        );
      case 'ZScoreNormalization':
        return isMasked && mask.data[i] === 0 ? value : (value - mean) / Math.max(std, 1e-8);
      case 'RescaleTo01Normalization':
        return (value - least) / Math.max(greatest - least, 1e-8);
      case 'RGBTo01Normalization':
        return value / 255;
      case 'NoNormalization':
        return value;
    }
  };
  return reference(shape, data.map(become));
}

function pythonRound(value: number): number {
  const [below, above] = [Math.floor(value), Math.ceil(value)];
  if (value - below !== above - value) return value - below < above - value ? below : above;
  return below % 2 === 0 ? below : above;
}

/** `resample_data_or_seg_to_shape`. */
function resampled(
  array: Reference,
  size: readonly number[],
  { order, orderZ, forceSeparateZ, separateZThreshold }: Resampler,
  fromMm: readonly number[],
  toMm: readonly number[],
): Reference {
  if (array.shape.every((n, axis) => n === size[axis])) return array;
  const isCoarse = (mm: readonly number[]) => Math.max(...mm) / Math.min(...mm) > separateZThreshold;
  const mm = forceSeparateZ ? fromMm : forceSeparateZ === false ? undefined : [fromMm, toMm].find(isCoarse);
  const coarsest = mm?.flatMap((value, axis) => (value === Math.max(...mm) ? [axis] : [])) ?? [];
  if (coarsest.length !== 1) {
    const whole = [0, 1, 2].reduce((result, axis) => along(result, axis, size[axis]!, order), array);
    return clipped(whole, array);
  }
  const [coarse] = coarsest as [number];
  const slices = Array.from({ length: array.shape[coarse]! }, (_, i) => {
    const box = array.shape.map((n, axis): [number, number] => (axis === coarse ? [i, i + 1] : [0, n]));
    const slice = cut(array, box);
    const planes = [0, 1, 2].filter((axis) => axis !== coarse);
    return clipped(
      planes.reduce((result, axis) => along(result, axis, size[axis]!, order), slice),
      slice,
    );
  });
  const shape = size.map((n, axis) => (axis === coarse ? array.shape[axis]! : n));
  const stacked = filled(shape, (index) =>
    valueAt(slices[index[coarse]!]!, index.map((at, axis) => (axis === coarse ? 0 : at)) as Triple),
  );
  return along(stacked, coarse, size[coarse]!, orderZ);
}

/** A segmentation's resampling: the mask of each label by itself, the later labels over the earlier ones. */
export function resampledLabels(
  labels: Reference,
  size: readonly number[],
  fromMm: readonly number[],
  toMm: readonly number[],
): { readonly labels: Reference; readonly isTie: readonly boolean[] } {
  const resampler = { order: 1, orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;
  const result = reference(size);
  const isTie = result.data.map(() => 0);
  for (const label of [...new Set(labels.data)].sort((a, b) => a - b)) {
    const mask = reference(
      labels.shape,
      labels.data.map((each) => Number(each === label)),
    );
    resampled(mask, size, resampler, fromMm, toMm).data.forEach((share, i) => {
      if (share >= 0.5) result.data[i] = label;
      if (Math.abs(share - 0.5) < 1e-9) isTie[i] = 1;
    });
  }
  return { labels: result, isTie: Array.from(isTie, (each) => each === 1) };
}

const clipped = ({ shape, data }: Reference, { data: source }: Reference): Reference => {
  const least = source.reduce((a, b) => Math.min(a, b));
  const greatest = source.reduce((a, b) => Math.max(a, b));
  return reference(
    shape,
    data.map((value) => Math.min(Math.max(value, least), greatest)),
  );
};

/** One axis resampled by a spline of an order. */
function along(array: Reference, axis: number, size: number, order: 0 | 1 | 3): Reference {
  const from = array.shape[axis]!;
  const lines = new Map<number, (x: number) => number>();
  const shape = array.shape.map((n, i) => (i === axis ? size : n));
  return filled(shape, (index) => {
    const others = index.map((at, i) => (i === axis ? 0 : at)) as Triple;
    const key = (others[0] * array.shape[1]! + others[1]) * array.shape[2]! + others[2];
    let spline = lines.get(key);
    if (!spline) {
      const line = Array.from({ length: from }, (_, at) =>
        valueAt(array, others.map((other, i) => (i === axis ? at : other)) as Triple),
      );
      spline = splineOf(line, order);
      lines.set(key, spline);
    }
    return spline((from / size) * (index[axis]! + 0.5) - 0.5);
  });
}

/** Samples on either side that repeat the edges, as scipy pads them and more. */
const PAD = 24;

/** The interpolating spline of samples whose edges are repeated. */
function splineOf(samples: readonly number[], order: 0 | 1 | 3): (x: number) => number {
  const last = samples.length - 1;
  const inside = (x: number) => Math.min(Math.max(x, 0), last);
  if (order === 0) return (x) => samples[Math.floor(inside(x) + 0.5)]!;
  if (order === 1)
    return (x) => {
      const lower = Math.floor(inside(x));
      const share = inside(x) - lower;
      return samples[lower]! * (1 - share) + samples[Math.min(last, lower + 1)]! * share;
    };
  // The tridiagonal system (c[i−1] + 4·c[i] + c[i+1])/6 = s[i], whose ends are where nothing changes, by elimination.
  const padded = Array.from({ length: samples.length + 2 * PAD }, (_, i) => samples[inside(i - PAD)]!);
  const count = padded.length;
  const ratios = new Float64Array(count);
  const c = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const isEnd = i === 0 || i === count - 1;
    const [low, middle, high] = isEnd ? [0, 1, 0] : [1 / 6, 4 / 6, 1 / 6];
    const pivot = middle - low * (ratios[i - 1] ?? 0);
    ratios[i] = high / pivot;
    c[i] = (padded[i]! - low * (c[i - 1] ?? 0)) / pivot;
  }
  for (let i = count - 2; i >= 0; i--) c[i]! -= ratios[i]! * c[i + 1]!;
  const basis = (x: number) => {
    const distance = Math.abs(x);
    if (distance < 1) return 2 / 3 - distance ** 2 + distance ** 3 / 2;
    return distance < 2 ? (2 - distance) ** 3 / 6 : 0;
  };
  return (x) => {
    const below = Math.floor(x) + PAD;
    return [-1, 0, 1, 2].reduce((sum, i) => sum + c[below + i]! * basis(x + PAD - below - i), 0);
  };
}
