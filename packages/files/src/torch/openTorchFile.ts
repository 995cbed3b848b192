/** PyTorch's files by path. */
import { OpenFile } from '../openFile.ts';
import { readTorchFile, type TorchFile } from './torchFile.ts';

/** Opens a file. Throws InputError that names the file and the fault. */
export const openTorchFile = (path: string): Promise<TorchFile> => readTorchFile(new OpenFile(path));
