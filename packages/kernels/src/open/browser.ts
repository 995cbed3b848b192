/** Opening the GPU of a browser, on a page or in a worker. */
import { Gpu, type GpuOptions } from '../device.ts';
import { adapterFacts, requestDevice } from './adapter.ts';

/** Opens the GPU. Throws where the browser has no WebGPU, or no adapter. */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no WebGPU adapter found: this browser has none, or it is switched off');
  const facts = adapterFacts(adapter);
  return new Gpu(await requestDevice(adapter, facts), facts, options);
}
