/** What the operating system refuses, in words. */
import { InputError } from '@organseg/core/inputError.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is a file',
  ELOOP: 'a symbolic link that leads round in a circle',
  ENAMETOOLONG: 'the name is too long',
  EISDIR: 'is a directory',
  EEXIST: 'is there already, and is no directory',
  ENOTEMPTY: 'the directory is not empty',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'no space left in the quota',
  EFBIG: 'larger than the file system or a limit allows',
  EROFS: 'read-only file system',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EBUSY: 'in use',
  EIO: 'the device reports an error',
};

/** What the operating system refused of a path, in one line; any other error as it is. */
export function asInputError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  return new InputError(`${path}: ${REASONS[String(error.code)] ?? String(error.code)}`);
}
