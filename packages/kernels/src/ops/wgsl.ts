/** Small pieces for building WGSL text. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

const PER_INVOCATION = 16;

/**
 * A kernel that runs `body` for every i below `count`. A workgroup takes 1024 neighbours: on a CPU that plays
 * GPU, many small workgroups cost more than such work itself.
 */
export const mapElements = (body: string, count = 'p.count'): string => `
@compute @workgroup_size(64) fn main(id: Id) {
  let first = groupIndex(id) * ${64 * PER_INVOCATION}u + id.lane;
  for (var i = first; i < min(${count}, first + ${64 * PER_INVOCATION}u); i += 64u) {
    ${body}
  }
}`;

/** The invocations that `mapElements` takes for so many elements. */
export const mapInvocations = (count: number): number => Math.ceil(count / (64 * PER_INVOCATION)) * 64;
