/**
 * Copy-paste, as BCP mixes a labelled and an unlabelled patch in both directions (Bai et al., CVPR 2023): a box of one
 * patch in another, in image and labels alike. Labels are moved byte by byte, with the weights that coded ones hold
 * (`codedLabels.ts`).
 *
 *   output[v] = inside[v] where from ≤ v < from + size, outside[v] elsewhere
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

export interface MixedPatch {
  /** f32 [D, H, W], one for each channel. */
  readonly images: readonly Tensor[];
  /** u8 [D, H, W] */
  readonly labels: Tensor;
}

export interface MixPatches {
  readonly inside: MixedPatch;
  readonly outside: MixedPatch;
  /** In voxels, D, H, W. */
  readonly box: { readonly from: Dhw; readonly size: Dhw };
  /** Of other memory than the two. */
  readonly output: MixedPatch;
}

/** The launches for three patches of one size. */
export function mixPatches(gpu: Gpu, { inside, outside, box, output }: MixPatches): Launch[] {
  const parts = ({ images, labels }: MixedPatch) => [...images, labels];
  const [a, b] = [parts(inside), parts(outside)];
  return parts(output).flatMap((part, i) => mix(gpu, { a: a[i]!, b: b[i]!, output: part }, box));
}

function mix(
  gpu: Gpu,
  { a, b, output }: Record<'a' | 'b' | 'output', Tensor>,
  { from, size }: MixPatches['box'],
): Launch[] {
  const [depth, height, width] = output.shape as [number, number, number];
  if (`${a.shape}` !== `${output.shape}` || `${b.shape}` !== `${output.shape}`) {
    throw new Error(`mixPatches: [${a.shape}] and [${b.shape}] into [${output.shape}]`);
  }
  const labels = output.dtype === 'u8';
  const rows = [{ tensor: output, rowElements: 1 }];
  return rowRanges(gpu, depth * height * width, rows, 256).map(([start, end]) => {
    const view = (tensor: Tensor) => ({ tensor, start, count: end - start });
    const count = labels ? Math.ceil((end - start) / 4) : end - start;
    return prepare(gpu, {
      name: labels ? 'mixPatches.labels' : 'mixPatches.image',
      read: { a: view(a), b: view(b) },
      write: { y: view(output) },
      params: {
        start: u32(start),
        count: u32(count),
        height: u32(height),
        width: u32(width),
        fromD: u32(from[0]),
        fromH: u32(from[1]),
        fromW: u32(from[2]),
        sizeD: u32(size[0]),
        sizeH: u32(size[1]),
        sizeW: u32(size[2]),
      },
      code: `
fn isInside(voxel: u32) -> bool {
  let at = vec3<u32>(voxel / (p.height * p.width), voxel / p.width % p.height, voxel % p.width);
  // Before the box the difference wraps to more than any size.
  return all(at - vec3<u32>(p.fromD, p.fromH, p.fromW) < vec3<u32>(p.sizeD, p.sizeH, p.sizeW));
}
${mapElements(labels ? LABELS : IMAGE)}`,
      invocations: mapInvocations(count),
    });
  });
}

const IMAGE = 'if (isInside(p.start + i)) { y[i] = a[i]; } else { y[i] = b[i]; }';

/** Four labels are in a word. */
const LABELS = `var bytes = 0u; // those from inside
    for (var k = 0u; k < 4u; k++) {
      bytes |= select(0u, 255u << (8u * k), isInside(p.start + 4u * i + k));
    }
    y[i] = (a[i] & bytes) | (b[i] & ~bytes);`;
