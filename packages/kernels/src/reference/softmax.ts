/** Twin of `ops/softmax.ts`. */
import { type Reference, reference } from './array.ts';

export function forward(input: Reference): Reference {
  const classes = input.shape.at(-1)!;
  const output = reference(input.shape);
  for (let at = 0; at < input.data.length; at += classes) {
    const z = input.data.subarray(at, at + classes);
    const top = Math.max(...z);
    const total = z.reduce((sum, x) => sum + Math.exp(x - top), 0);
    z.forEach((x, c) => {
      output.data[at + c] = Math.exp(x - top) / total;
    });
  }
  return output;
}

export function backward(output: Reference, dOutput: Reference): Reference {
  const classes = output.shape.at(-1)!;
  const dInput = reference(output.shape);
  for (let at = 0; at < output.data.length; at += classes) {
    let mean = 0;
    for (let i = at; i < at + classes; i++) mean += output.data[i]! * dOutput.data[i]!;
    for (let i = at; i < at + classes; i++) dInput.data[i] = output.data[i]! * (dOutput.data[i]! - mean);
  }
  return dInput;
}
