/** Labels from logits: the channel of the largest value, the first of equals. */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, window } from '../windows.ts';

/** Logits [..., C], labels u8 with as many elements as there are voxels. */
export function argmax(gpu: Gpu, { logits, labels }: { logits: Tensor; labels: Tensor }): Launch[] {
  const classes = logits.shape.at(-1)!;
  const voxels = elementCount(labels.shape);
  const rows = [
    { tensor: logits, rowElements: classes },
    { tensor: labels, rowElements: 1 },
  ];
  return rowRanges(gpu, voxels, rows, 256).map(([start, end]) => {
    const z = window(logits, start * classes, end * classes);
    return prepare(gpu, {
      name: 'argmax',
      read: { z },
      write: { labels: { tensor: labels, start, count: end - start } },
      params: { voxels: u32(end - start), classes: u32(classes), shift: u32(z.shift) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (4u * i >= p.voxels) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = p.shift + min(4u * i + k, p.voxels - 1u) * p.classes;
    var best = f32(z[at]);
    var label = 0u;
    for (var c = 1u; c < p.classes; c++) {
      let value = f32(z[at + c]);
      if (value > best) { best = value; label = c; }
    }
    word |= label << (8u * k);
  }
  labels[i] = word;
}`,
      invocations: Math.ceil((end - start) / 4),
    });
  });
}
