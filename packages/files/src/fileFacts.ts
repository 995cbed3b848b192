/** What tells later whether a file is still the one that something was made from. */
import { z } from 'zod';

export const fileRecord = z.object({
  bytes: z.int().nonnegative(),
  /** Milliseconds since 1970, with what fractions the file system has. */
  modifiedMs: z.number(),
  /** In hexadecimal. */
  sha256: z.string(),
});
export type FileRecord = z.infer<typeof fileRecord>;

/** What can be told of a file without reading it. */
export type FileFacts = Omit<FileRecord, 'sha256'>;
