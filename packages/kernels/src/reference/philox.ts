/** Twin of `ops/philox.ts`: Philox4x32-10 in exact integers, and the inverse normal distribution. */
const mulHigh = (a: number, b: number) => Number((BigInt(a) * BigInt(b)) >> 32n);

export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [a, b, c, d] = counter as [number, number, number, number];
  let [k0, k1] = key as [number, number];
  for (let round = 0; round < 10; round++) {
    [a, b, c, d] = [
      (mulHigh(0xcd9e8d57, c) ^ b ^ k0) >>> 0,
      Math.imul(0xcd9e8d57, c) >>> 0,
      (mulHigh(0xd2511f53, a) ^ d ^ k1) >>> 0,
      Math.imul(0xd2511f53, a) >>> 0,
    ];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The normal number whose distribution function is the bits' uniform number, by Newton's method on erf. */
export function normal(bits: number): number {
  const u = ((bits | 0) >> 8) / 2 ** 24 + 2 ** -25; // (x of the kernel) / 2, in (−1/2, 1/2)
  let z = 0;
  for (let i = 0; i < 60; i++) {
    const step = (centredDistribution(z) - u) / (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI));
    z -= Math.max(-1, Math.min(1, step));
    if (Math.abs(step) < 1e-14) break;
  }
  return z;
}

/** Φ(z) − 1/2 by its series Σ z^(2k+1)/(1·3·5…(2k+1)) times the density, exact enough for |z| < 6. */
function centredDistribution(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 1; k < 200; k++) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}
