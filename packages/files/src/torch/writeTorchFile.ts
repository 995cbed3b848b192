/** PyTorch's files, written as `torch.save` writes them: a zip file of a pickle and of each storage's values. */
import { writeWhole } from '../write.ts';
import { pickle, type TensorToWrite, type TorchValue } from './writePickle.ts';
import { type EntryToWrite, storedZip } from './writeZip.ts';

/**
 * Writes a value with its tensors, which are read one after the other when they are written. Throws InputError where
 * the file cannot be written.
 */
export async function writeTorchFile(path: string, value: TorchValue): Promise<void> {
  await writeWhole(path, storedZip(entriesOf(value)));
}

function entriesOf(value: TorchValue): EntryToWrite[] {
  const { bytes, storages } = pickle(value);
  const entry = (name: string, content: () => Uint8Array) => ({ name: `archive/${name}`, bytes: content });
  return [
    entry('data.pkl', () => bytes),
    entry('byteorder', () => Buffer.from('little')),
    ...storages.map((tensor, number) => entry(`data/${number}`, () => valuesOf(tensor))),
    entry('version', () => Buffer.from('3\n')),
  ];
}

function valuesOf(tensor: TensorToWrite): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.read();
  return new Uint8Array(buffer, byteOffset, byteLength);
}
