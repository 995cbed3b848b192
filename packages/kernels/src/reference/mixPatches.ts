/** Twin of `ops/mixPatches.ts`, for one tensor of a patch: [D, H, W, …], its channels last. */
import { type Reference, reference } from './array.ts';

export function mixPatches(
  inside: Reference,
  outside: Reference,
  from: readonly number[],
  size: readonly number[],
): Reference {
  const [D, H, W] = inside.shape as [number, number, number];
  const output = reference(inside.shape, outside.data);
  const channels = output.data.length / (D * H * W);
  for (let d = from[0]!; d < from[0]! + size[0]!; d++)
    for (let h = from[1]!; h < from[1]! + size[1]!; h++) {
      const at = ((d * H + h) * W + from[2]!) * channels;
      output.data.set(inside.data.subarray(at, at + size[2]! * channels), at);
    }
  return output;
}
