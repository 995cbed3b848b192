/** Rounding as Python and NumPy do it. */

/** The nearest whole number, the even one of two. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const isUp = value - below > 0.5 || (value - below === 0.5 && below % 2 !== 0);
  return isUp ? below + 1 : below;
}
