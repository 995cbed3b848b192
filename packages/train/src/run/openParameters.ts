/** The parameters in a checkpoint that is open, wherever its bytes lie. */
import {
  assertFinite,
  assertParameters,
  type NamedArrays,
  type ParameterSpec,
  type ParameterValues,
} from '@organseg/core/network/parameters.ts';
import { asFloats, encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import { OpenSafetensors } from '@organseg/files/openSafetensors.ts';

/** The checkpoint that a run's predictions use. */
export const BEST = 'checkpoint-best.safetensors';

/** The bytes of the checkpoint that a run's predictions use. */
export const encodeParameters = (
  specs: readonly ParameterSpec[],
  values: NamedArrays,
): Iterable<Uint8Array> =>
  encodeSafetensors({ metadata: { format: 'pt' }, tensors: new Map(namedTensors(specs, values, '')) });

/** The values of parameters as tensors, under their names behind a prefix. */
export const namedTensors = (
  specs: readonly ParameterSpec[],
  values: NamedArrays,
  prefix: string,
): [string, SafeTensor][] =>
  specs.map(({ name, shape }) => [`${prefix}${name}`, { shape, values: values.get(name)! }]);

/** The tensors of a checkpoint that are the network's parameters. */
export const parametersOf = <T>(tensors: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map([...tensors].filter(([name]) => !name.startsWith('optimizer.')));

/** The parameters of an open checkpoint, each read when it is asked for. Whoever opens it closes it. */
export class OpenParameters implements ParameterValues {
  readonly #path: string;
  readonly #file: OpenSafetensors;

  /** Closes the bytes where it throws. Throws InputError where the file is broken or holds other parameters. */
  constructor(bytes: OpenBytes, specs: readonly ParameterSpec[]) {
    this.#path = bytes.path;
    this.#file = new OpenSafetensors(bytes);
    try {
      assertParameters(specs, parametersOf(this.#file.tensors), '', this.#path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Throws InputError where it cannot be read, or holds what is no finite number. */
  get(name: string): Float32Array | undefined {
    if (!this.#file.tensors.has(name)) return undefined;
    const values = asFloats(this.#file.tensor(name), name, this.#path);
    assertFinite(values, name, this.#path);
    return values;
  }

  close(): void {
    this.#file.close();
  }
}
