/**
 * Subgroup matrices as WGSL text: fragments of 16×16, f16 operands, f32 accumulators.
 *
 * `hardware` is chromium_experimental_subgroup_matrix. `emulated` does the same by plain arithmetic, so that the
 * kernels around it can be proved on adapters without tensor cores; it is for tests. There an accumulator's element
 * e lies in lane e % LANES of its subgroup.
 */

import type { Gpu } from '../../../device.ts';
import { rolled } from './text.ts';

/** Rows, columns and depth of a fragment. */
export const FRAGMENT = 16;
/** Lanes of a subgroup, on every adapter with such fragments. */
export const LANES = 32;

/** Whether the adapter multiplies f16 fragments of 16×16×16 into f32. */
export const hasMatrices = (gpu: Gpu): boolean =>
  gpu.hasF16 && gpu.adapter.subgroupMatrices.includes(`${FRAGMENT}×${FRAGMENT}×${FRAGMENT} f16→f32`);

/**
 * A fragment of an array of vec4<f16>, all as WGSL expressions; offset and stride count vec4s. Element (row, column) is
 * component `column` of what lies from offset + row·stride on; where the fragment is transposed, component `row` of what
 * lies from offset + column·stride on.
 */
export interface Operand {
  /** The variable that `load` declares. */
  readonly name: string;
  readonly array: string;
  readonly offset: string;
  readonly stride: string;
  readonly transposed?: boolean;
}

/** Statements about fragments. Emulated, they want the invocation's `lane` in the workgroup. */
export interface MatrixText {
  readonly directives: readonly string[];
  /** The type of an accumulator. */
  readonly accumulator: string;
  /** Declares an operand. */
  load(side: 'left' | 'right', operand: Operand): string;
  /** accumulator += left · right */
  multiplyAdd(accumulator: string, left: Operand, right: Operand): string;
  /** Writes an accumulator row by row to a workgroup array of vec4<f32>. */
  store(accumulator: string, array: string, offset: string, stride: string): string;
}

const N = FRAGMENT;

const hardware: MatrixText = {
  directives: [
    'diagnostic(off, chromium.subgroup_matrix_uniformity);',
    'enable f16;',
    'enable subgroups;',
    'enable chromium_experimental_subgroup_matrix;',
  ],
  accumulator: `subgroup_matrix_result<f32, ${N}, ${N}>`,
  load: (side, { name, array, offset, stride, transposed }) =>
    `let ${name} = subgroupMatrixLoad<subgroup_matrix_${side}<f16, ${N}, ${N}>, ${transposed ? 'col_major' : 'row_major'}>(&${array}, ${offset}, ${stride});`,
  multiplyAdd: (accumulator, left, right) =>
    `${accumulator} = subgroupMatrixMultiplyAccumulate(${left.name}, ${right.name}, ${accumulator});`,
  store: (accumulator, array, offset, stride) =>
    `subgroupMatrixStore<row_major>(&${array}, ${offset}, ${accumulator}, ${stride});`,
};

const element = ({ name, array, stride, transposed }: Operand, row: string, column: string) => {
  const [major, minor] = transposed ? [column, row] : [row, column];
  return `f32(${array}[${name} + ${major} * ${stride} + ${minor} / 4u][${minor} % 4u])`;
};

const ELEMENTS = (N * N) / LANES;

const emulated: MatrixText = {
  directives: ['enable f16;'],
  accumulator: `array<f32, ${ELEMENTS}>`,
  load: (_, { name, offset }) => `let ${name} = ${offset};`,
  multiplyAdd: (accumulator, left, right) => `for (var i = 0u; i < ${rolled(ELEMENTS)}; i++) {
  let row = (lane % ${LANES}u + i * ${LANES}u) / ${N}u;
  let column = (lane % ${LANES}u + i * ${LANES}u) % ${N}u;
  for (var k = 0u; k < ${rolled(N)}; k++) {
    ${accumulator}[i] += ${element(left, 'row', 'k')} * ${element(right, 'k', 'column')};
  }
}`,
  store: (accumulator, array, offset, stride) => `for (var i = 0u; i < ${rolled(ELEMENTS)}; i++) {
  let e = lane % ${LANES}u + i * ${LANES}u;
  ${array}[${offset} + e / ${N}u * ${stride} + e % ${N}u / 4u][e % 4u] = ${accumulator}[i];
}`,
};

export const matrixText = (gpu: Gpu): MatrixText => (hasMatrices(gpu) ? hardware : emulated);
