/** Safetensors files by path: read whole, or in parts, so that the whole need not be in memory. */
import { decodeSafetensors, type SafeTensors } from '@organseg/core/network/safetensors.ts';
import { OpenFile } from './openFile.ts';
import { OpenSafetensors } from './openSafetensors.ts';
import { readBytes } from './read.ts';

/** A safetensors file, whole. Throws InputError. */
export async function readSafetensorsFile(path: string): Promise<SafeTensors> {
  return decodeSafetensors(await readBytes(path), path);
}

/** An open file, read as it was when it was opened, even where another has taken its name since. Close it. */
export class SafetensorsFile extends OpenSafetensors {
  /** Throws InputError. */
  constructor(path: string) {
    super(new OpenFile(path));
  }
}
