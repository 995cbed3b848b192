/** Twin of `ops/ema.ts`, in place. */
export function ema(average: Float64Array, parameters: Float64Array, decay: number): void {
  for (let i = 0; i < average.length; i++) average[i] = decay * average[i]! + (1 - decay) * parameters[i]!;
}
