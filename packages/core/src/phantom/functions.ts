/** Small functions that shapes and tissues are written with. */

export const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value));

export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

/** 0 below `from`, 1 above `to`, smooth between. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from), 0, 1);
  return t * t * (3 - 2 * t);
}

/** The greater of two distances, the edge rounded over k mm: the intersection of two shapes. */
export function smoothMax(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.max(a, b) + (h * h * k) / 4;
}

/** The lesser of two distances, the crease filled over k mm: the union of two shapes. */
export const smoothMin = (a: number, b: number, k: number): number => -smoothMax(-a, -b, k);

/** A smooth curve through knots (ascending in the first number), constant beyond the ends. */
export function profile(knots: readonly (readonly [number, number])[]): (at: number) => number {
  const step = 2;
  const first = knots[0][0];
  const count = Math.ceil((knots[knots.length - 1][0] - first) / step) + 1;
  const table = Float64Array.from({ length: count }, (_, i) => {
    const at = first + i * step;
    const next = clamp(
      knots.findIndex((knot) => knot[0] >= at),
      1,
      knots.length - 1,
    );
    const [from, to] = [knots[next - 1], knots[next]];
    return mix(from[1], to[1], smoothstep(from[0], to[0], at));
  });
  return (at) => {
    const position = clamp((at - first) / step, 0, count - 1.000001);
    const index = Math.floor(position);
    return mix(table[index], table[index + 1], position - index);
  };
}
