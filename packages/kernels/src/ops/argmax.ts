/**
 * Labels from logits: the channel of the largest value, the first of equals. Or, where channels are regions that may
 * overlap, the label of the last channel whose logit is above 0 (whose probability is above a half); 0 where none is.
 *
 * Pseudo-labels are the first kind, coded for training (`codedLabels.ts`): label + PSEUDO, but IGNORED where the
 * label's probability, softmax(logits)[label], is below the least that counts for the label. Logits that are all 0
 * belong to air, which no sliding window looked at: that is background, whatever the probability.
 */
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';

/**
 * WGSL that finds a voxel's `label` among its p.classes channels, given the expression of channel c's value. `regions`
 * are the labels of channels that are regions.
 */
export const labelCode = (value: (c: string) => string, regions?: readonly number[]): string =>
  regions
    ? `
    const regions = array<u32, ${regions.length}>(${regions.map((label) => `${label}u`).join(', ')});
    var label = 0u;
    for (var c = 0u; c < p.classes; c++) { if (${value('c')} > 0.0) { label = regions[c]; } }`
    : `
    var best = ${value('0u')};
    var label = 0u;
    for (var c = 1u; c < p.classes; c++) {
      let value = ${value('c')};
      if (value > best) { best = value; label = c; }
    }`;

/** WGSL, behind `labelCode`, that codes the label as a pseudo-label; `least` is bound. */
export const pseudoCode = (value: (c: string) => string): string => `
    var total = 0.0; // 1 / the label's probability
    var isSeen = false;
    for (var c = 0u; c < p.classes; c++) {
      total += exp(${value('c')} - best);
      isSeen = isSeen || ${value('c')} != 0.0;
    }
    label = select(label | ${PSEUDO}u, ${IGNORED}u, isSeen && total * least[label] > 1.0);`;

export interface Argmax {
  /** [..., C] */
  readonly logits: Tensor;
  /** u8, an element for each voxel; those of `voxels` voxels are written, from the first element on. */
  readonly labels: Tensor;
  /** The first voxel of the logits, and the number of voxels; all of them unless given. */
  readonly first?: number;
  readonly voxels?: number;
  /** The labels of the channels, where those are regions. */
  readonly regions?: readonly number[] | undefined;
  /** f32 [C]: the least probability that counts for each label, where labels are to be pseudo-labels; 0 for any. */
  readonly least?: Tensor | undefined;
}

export function argmax(gpu: Gpu, call: Argmax): Launch[] {
  const { logits, labels, first = 0, voxels = elementCount(labels.shape), regions, least } = call;
  if (regions && least) throw new Error('argmax: regions have no pseudo-labels');
  const classes = logits.shape.at(-1)!;
  const rows = [
    { tensor: logits, rowElements: classes },
    { tensor: labels, rowElements: 1 },
  ];
  const value = (c: string) => `f32(z[at + ${c}])`;
  return rowRanges(gpu, voxels, rows, 256).map(([start, end]) => {
    const z = viewOf(logits, (first + start) * classes, (first + end) * classes);
    return prepare(gpu, {
      name: 'argmax',
      read: { z, ...(least && { least }) },
      write: { labels: { tensor: labels, start, count: end - start } },
      params: { voxels: u32(end - start), classes: u32(classes), shift: u32(z.shift) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (4u * i >= p.voxels) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = p.shift + min(4u * i + k, p.voxels - 1u) * p.classes;${labelCode(value, regions)}${least ? pseudoCode(value) : ''}
    word |= label << (8u * k);
  }
  labels[i] = word;
}`,
      invocations: Math.ceil((end - start) / 4),
    });
  });
}
