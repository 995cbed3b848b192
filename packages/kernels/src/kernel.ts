/**
 * From WGSL to work on the GPU: bindings and their declarations, dispatch.
 *
 * A kernel is WGSL that names its tensors; the declarations come from the tensors themselves. For
 * `read: { x }, write: { y }, params: { n: u32(7) }` the code sees
 *   x: array<x_t>, y: array<y_t>   (x_t is f32, f16, or u32 that packs four u8)
 *   p.n                            (a uniform, so that one pipeline serves every size)
 *   invocation(id)                 (the number of this invocation, for `fn main(id: Id)`)
 */
import type { Gpu } from './device.ts';
import type { Pipeline } from './pipeline.ts';
import { align4, type DType, elementBytes, elementCount, type Tensor } from './tensor.ts';

/** Elements [start, start + count) of a tensor, as one binding shows them. */
export interface View {
  readonly tensor: Tensor;
  readonly start: number;
  readonly count: number;
  /** Seen as vec4 of the dtype: start and count are then multiples of 4. */
  readonly vec4?: boolean;
  /** Eight f16 seen as vec4<u32>, 16 bytes: start and count are then multiples of 8. */
  readonly vec8?: boolean;
}

/** A parameter's value. */
export interface Scalar {
  readonly type: 'u32' | 'i32' | 'f32';
  readonly value: number;
}
export const u32 = (value: number): Scalar => ({ type: 'u32', value });
export const i32 = (value: number): Scalar => ({ type: 'i32', value });
export const f32 = (value: number): Scalar => ({ type: 'f32', value });

/** A kernel and what it runs on. */
export interface KernelCall {
  readonly name: string;
  /** Tensors that are read. A tensor bound whole must fit a binding; see `views.ts` for the rest. */
  readonly read: Readonly<Record<string, Tensor | View>>;
  /** Tensors that are written, or read and written. */
  readonly write: Readonly<Record<string, Tensor | View>>;
  /** Weights bound as `var<uniform>`: arrays of vec4<f32> of a fixed length. */
  readonly uniform?: Readonly<Record<string, { view: View; vec4Count: number }>>;
  readonly params: Readonly<Record<string, Scalar>>;
  /** Functions, then `@compute @workgroup_size(W) fn main(id: Id)`. */
  readonly code: string;
  /** The invocations of a workgroup; 64 unless given. */
  readonly workgroupSize?: number;
  readonly invocations: number;
  /** WGSL directives besides `enable f16`, which tensors of f16 bring. */
  readonly directives?: readonly string[];
}

/** One dispatch, ready to be encoded any number of times. */
export interface Launch {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number];
  readonly params: GPUBuffer;
  /** What the parameters' buffer holds, in its order; `setParams` changes it. */
  readonly values: Map<string, Scalar>;
}

/** Launches in order, and the tensors that they alone use: release those once later work is recorded behind. */
export interface Work {
  readonly launches: Launch[];
  readonly scratch: Tensor[];
}

export const joinWork = (...parts: Work[]): Work => ({
  launches: parts.flatMap((part) => part.launches),
  scratch: parts.flatMap((part) => part.scratch),
});

const WORKGROUP = 64;
const WGSL_TYPE: Record<DType, string> = { f32: 'f32', f16: 'f16', u8: 'u32', u32: 'u32' };

/** Makes a kernel call ready to run. */
export function prepare(gpu: Gpu, call: KernelCall): Launch {
  const workgroupSize = call.workgroupSize ?? WORKGROUP;
  const declarations: string[] = [];
  const entries: GPUBindGroupEntry[] = [];
  let kinds = '';
  const directives = new Set(call.directives);
  const declare = (name: string, space: string, kind: string, type: string, resource: GPUBufferBinding) => {
    const binding = entries.length;
    declarations.push(`@group(0) @binding(${binding}) var<${space}> ${name}: ${type};`);
    entries.push({ binding, resource });
    kinds += kind;
  };
  const storage = (tensors: KernelCall['read'], space: string, kind: string) => {
    for (const [name, source] of Object.entries(tensors)) {
      const view = asView(source);
      const { dtype } = view.tensor;
      if (dtype === 'f16') directives.add('enable f16;');
      const scalar = WGSL_TYPE[dtype];
      const seenAs = view.vec8 ? 'vec4<u32>' : view.vec4 ? `vec4<${scalar}>` : scalar;
      declarations.push(`alias ${name}_t = ${seenAs};`);
      declare(name, space, kind, `array<${name}_t>`, bind(gpu, call.name, name, view));
    }
  };
  storage(call.read, 'storage, read', 'r');
  storage(call.write, 'storage, read_write', 'w');
  for (const [name, { view, vec4Count }] of Object.entries(call.uniform ?? {})) {
    const offset = view.tensor.offsetBytes + view.start * 4;
    const resource = { buffer: view.tensor.buffer, offset, size: vec4Count * 16 };
    declare(name, 'uniform', 'u', `array<vec4<f32>, ${vec4Count}>`, resource);
  }
  const values = new Map(Object.entries(call.params));
  const params = uniforms(gpu, values);
  const fields = [...values].map(([name, { type }]) => `${name}: ${type}`);
  declarations.push(`struct Params { ${fields.join(', ')} }`);
  declare('p', 'uniform', 'u', 'Params', { buffer: params });

  const code = [...directives, ...declarations, header(workgroupSize), call.code].join('\n');
  const layout = gpu.pipelines.layout(kinds);
  return {
    name: call.name,
    pipeline: gpu.pipelines.pipeline(call.name, code, layout),
    bindGroup: gpu.device.createBindGroup({ layout, entries }),
    workgroups: grid(gpu, Math.ceil(call.invocations / workgroupSize)),
    params,
    values,
  };
}

const header = (workgroupSize: number) => `const WORKGROUP = ${workgroupSize}u;
struct Id {
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
}
fn groupIndex(id: Id) -> u32 { return id.group.y * id.groups.x + id.group.x; }
fn invocation(id: Id) -> u32 { return groupIndex(id) * WORKGROUP + id.lane; }`;

const asView = (source: Tensor | View): View =>
  'tensor' in source ? source : { tensor: source, start: 0, count: elementCount(source.shape) };

/** Storage bindings begin at multiples of this; `viewOf` sees to it. */
const STORAGE_ALIGNMENT_BYTES = 256;

function bind(gpu: Gpu, kernel: string, name: string, { tensor, start, count }: View): GPUBufferBinding {
  const offset = tensor.offsetBytes + start * elementBytes(tensor.dtype);
  const size = align4(count * elementBytes(tensor.dtype));
  if (offset % STORAGE_ALIGNMENT_BYTES) {
    throw new Error(`${kernel}: ${name} begins at byte ${offset}, not a multiple of 256`);
  }
  if (size > gpu.maxBindingBytes) {
    throw new Error(`${kernel}: ${name} binds ${size} bytes, the adapter allows ${gpu.maxBindingBytes}`);
  }
  return { buffer: tensor.buffer, offset, size };
}

function uniforms(gpu: Gpu, values: ReadonlyMap<string, Scalar>): GPUBuffer {
  const bytes = packScalars(values);
  const buffer = gpu.arena.create({
    size: Math.max(16, bytes.byteLength),
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    mappedAtCreation: true,
  });
  new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(bytes));
  buffer.unmap();
  return buffer;
}

function packScalars(values: ReadonlyMap<string, Scalar>): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(Math.ceil(values.size / 4) * 16));
  [...values.values()].forEach(({ type, value }, i) => {
    if (type === 'f32') view.setFloat32(4 * i, value, true);
    else view.setInt32(4 * i, value, true); // u32 and i32 have the same bits
  });
  return view.buffer;
}

/**
 * Gives a prepared launch other parameters, for those that change from step to step; those not named keep their values.
 * Throws where the launch has none of a name and type.
 */
export function setParams(gpu: Gpu, { name, params, values }: Launch, changed: KernelCall['params']): void {
  for (const [key, scalar] of Object.entries(changed)) {
    if (values.get(key)?.type !== scalar.type)
      throw new Error(`${name}: has no parameter ${key}: ${scalar.type}`);
    values.set(key, scalar);
  }
  gpu.device.queue.writeBuffer(params, 0, packScalars(values));
}

function grid(gpu: Gpu, workgroups: number): [number, number] {
  const most = gpu.device.limits.maxComputeWorkgroupsPerDimension;
  if (workgroups <= most) return [workgroups, 1];
  const y = Math.ceil(workgroups / most);
  return [Math.ceil(workgroups / y), y];
}

/** Begins to compile what launches will run, while others are prepared. See also `PipelineCache.ready`. */
export function compile(launches: readonly Launch[]): void {
  for (const { pipeline } of launches) pipeline.compile();
}

/** Launches submitted at once: a GPU works on them while the next are encoded. */
const PORTION = 64;

/** Submits launches in order; as one pass where it is timed. They can be submitted again. */
export function submit(
  gpu: Gpu,
  launches: readonly Launch[],
  timestampWrites?: GPUComputePassTimestampWrites,
) {
  const portion = timestampWrites ? launches.length : PORTION;
  let first = 0;
  do {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    for (const { pipeline, bindGroup, workgroups } of launches.slice(first, first + portion)) {
      pass.setPipeline(pipeline.compiled);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    first += portion;
  } while (first < launches.length);
}

/** Submits launches once and frees what they alone use. */
export function runOnce(gpu: Gpu, launches: readonly Launch[]): void {
  submit(gpu, launches);
  discard(gpu, launches);
}

/** Frees what prepared launches hold. */
export function discard(gpu: Gpu, launches: readonly Launch[]): void {
  for (const { params } of launches) gpu.arena.destroy(params);
  gpu.dropped(launches.length);
}
