/** What the operating system refuses, in words. */
import { InputError } from '@organseg/core/inputError.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'no such file or directory',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
  ENOSPC: 'no space left on the device',
  EROFS: 'read-only file system',
};

/** What the operating system refused, in one line; any other error as it is. */
export function asInputError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  return new InputError(`${path}: ${REASONS[String(error.code)] ?? error.message}`);
}
