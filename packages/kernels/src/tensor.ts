/**
 * A tensor is a buffer with a shape and a dtype. Activations are [N, D, H, W, C], C innermost.
 */
import type { Gpu } from './device.ts';

export type DType = 'f32' | 'f16' | 'u8' | 'u32';

/** u8 tensors are packed four to a 32-bit word. */
const BYTES: Record<DType, number> = { f32: 4, f16: 2, u8: 1, u32: 4 };

export type HostArray = Float32Array | Float16Array | Uint8Array | Uint32Array;

export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly buffer: GPUBuffer;
  /** The byte of the buffer that the tensor begins at. */
  readonly offsetBytes: number;
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
export const byteLength = (shape: readonly number[], dtype: DType): number =>
  elementCount(shape) * BYTES[dtype];
export const elementBytes = (dtype: DType): number => BYTES[dtype];

/** A tensor with undefined content. `release` it when done. */
export function empty(gpu: Gpu, shape: readonly number[], dtype: DType = 'f32'): Tensor {
  if (dtype === 'f16' && !gpu.hasF16) throw new Error(`${gpu.adapter.name} has no shader-f16`);
  return { shape, dtype, buffer: gpu.arena.allocate(byteLength(shape, dtype)), offsetBytes: 0 };
}

/** A tensor of zeros. */
export function zeros(gpu: Gpu, shape: readonly number[], dtype: DType = 'f32'): Tensor {
  const tensor = empty(gpu, shape, dtype);
  clear(gpu, tensor);
  return tensor;
}

/** Fills a tensor with zeros. */
export function clear(gpu: Gpu, tensor: Tensor): void {
  const encoder = gpu.device.createCommandEncoder();
  encoder.clearBuffer(tensor.buffer, tensor.offsetBytes, align4(byteLength(tensor.shape, tensor.dtype)));
  gpu.device.queue.submit([encoder.finish()]);
}

/** A tensor with the values of a host array. */
export function fromArray(gpu: Gpu, values: HostArray, shape: readonly number[], dtype?: DType): Tensor {
  const tensor = empty(gpu, shape, dtype ?? dtypeOf(values));
  upload(gpu, tensor, values);
  return tensor;
}

/** The most bytes of one writeBuffer: longer ones make Dawn hold as much staging memory. */
export const UPLOAD_BYTES = 32 * 2 ** 20;

/** Copies host values into a tensor, converting float32 to f16 where the tensor is f16. */
export function upload(gpu: Gpu, tensor: Tensor, values: HostArray): void {
  const count = elementCount(tensor.shape);
  if (values.length !== count) {
    throw new Error(`upload: tensor [${tensor.shape}] takes ${count} values, got ${values.length}`);
  }
  const host = tensor.dtype === 'f16' && values instanceof Float32Array ? new Float16Array(values) : values;
  if (dtypeOf(host) !== tensor.dtype) {
    throw new Error(`upload: a ${tensor.dtype} tensor cannot take ${values.constructor.name}`);
  }
  let bytes = new Uint8Array(host.buffer, host.byteOffset, host.byteLength);
  if (bytes.length % 4) {
    const padded = new Uint8Array(align4(bytes.length));
    padded.set(bytes);
    bytes = padded;
  }
  for (let start = 0; start < bytes.length; start += UPLOAD_BYTES) {
    const size = Math.min(UPLOAD_BYTES, bytes.length - start);
    gpu.device.queue.writeBuffer(tensor.buffer, tensor.offsetBytes + start, bytes, start, size);
    // Without a submit Dawn keeps every staging copy.
    if (size === UPLOAD_BYTES) gpu.device.queue.submit([]);
  }
}

/** Reads a tensor back; f16 comes as Float16Array. Throws what the GPU reported until then. */
export async function download(gpu: Gpu, tensor: Tensor): Promise<HostArray> {
  const bytes = await readBytes(gpu, tensor);
  const count = elementCount(tensor.shape);
  if (tensor.dtype === 'f32') return new Float32Array(bytes, 0, count);
  if (tensor.dtype === 'f16') return new Float16Array(bytes, 0, count);
  if (tensor.dtype === 'u32') return new Uint32Array(bytes, 0, count);
  return new Uint8Array(bytes, 0, count);
}

/** Reads a tensor of floats back as float32. */
export async function downloadF32(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  const values = await download(gpu, tensor);
  return values instanceof Float32Array ? values : new Float32Array(values);
}

/** Staging memory of one read. */
const DOWNLOAD_BYTES = 32 * 2 ** 20;

async function readBytes(gpu: Gpu, tensor: Tensor): Promise<ArrayBuffer> {
  const total = align4(byteLength(tensor.shape, tensor.dtype));
  const result = new Uint8Array(total);
  const size = Math.min(total, DOWNLOAD_BYTES);
  const staging = gpu.arena.create({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  try {
    for (let start = 0; start < total; start += size) {
      const part = Math.min(size, total - start);
      const encoder = gpu.device.createCommandEncoder();
      encoder.copyBufferToBuffer(tensor.buffer, tensor.offsetBytes + start, staging, 0, part);
      gpu.device.queue.submit([encoder.finish()]);
      try {
        await staging.mapAsync(GPUMapMode.READ, 0, part);
      } catch (error) {
        gpu.check();
        throw error;
      }
      result.set(new Uint8Array(staging.getMappedRange(0, part)), start);
      staging.unmap();
    }
  } finally {
    gpu.arena.destroy(staging);
  }
  gpu.check();
  return result.buffer;
}

/** Copies a tensor into a part of another of its dtype; both begin and end at multiples of four bytes. */
export function copyInto(gpu: Gpu, source: Tensor, target: Tensor, firstElement: number): void {
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(
    source.buffer,
    source.offsetBytes,
    target.buffer,
    target.offsetBytes + firstElement * BYTES[target.dtype],
    byteLength(source.shape, source.dtype),
  );
  gpu.device.queue.submit([encoder.finish()]);
}

export function release(gpu: Gpu, ...tensors: Tensor[]): void {
  for (const tensor of tensors) gpu.arena.release(tensor.buffer);
}

export const align4 = (bytes: number): number => Math.ceil(bytes / 4) * 4;

function dtypeOf(values: HostArray): DType {
  if (values instanceof Float32Array) return 'f32';
  if (values instanceof Float16Array) return 'f16';
  return values instanceof Uint32Array ? 'u32' : 'u8';
}
