/** How much the service takes on. Every limit can be set by an environment variable of the name beside it. */
import { z } from 'zod';

const count = z.coerce.number().int().positive();
const MIB = 2 ** 20;

const SETTINGS = {
  /** Bytes of a request's body: a zip of all masks is the largest. */
  maxBodyBytes: ['EVALUATOR_MAX_BODY_BYTES', count.default(2048 * MIB)],
  /** Bytes of one mask as it is sent. */
  maxMaskBytes: ['EVALUATOR_MAX_MASK_BYTES', count.default(256 * MIB)],
  /** Bytes of one mask when unpacked. */
  maxDecompressedBytes: ['EVALUATOR_MAX_DECOMPRESSED_BYTES', count.default(1024 * MIB)],
  maxVoxels: ['EVALUATOR_MAX_VOXELS', count.default(2 ** 27)],
  maxZipEntries: ['EVALUATOR_MAX_ZIP_ENTRIES', count.default(2000)],
  maxCases: ['EVALUATOR_MAX_CASES', count.default(1000)],
  /** Bytes of one efficiency log: an hour at 0.1 s is about 2 MB. */
  maxLogBytes: ['EVALUATOR_MAX_LOG_BYTES', count.default(16 * MIB)],
  /** Voxels of a box in which surface distances are measured on request, 17 bytes a voxel. */
  maxDistanceVoxels: ['EVALUATOR_MAX_DISTANCE_VOXELS', count.default(2 ** 25)],
  /** Requests by one key, or by one address without a key. */
  requestsPerMinute: ['EVALUATOR_REQUESTS_PER_MINUTE', count.default(600)],
} as const;

export type Limits = { readonly [Name in keyof typeof SETTINGS]: number };

/** Reads the limits that are set and fills in the others. Throws with the name of the one that is no whole number. */
export function limitsFrom(environment: Readonly<Record<string, unknown>>): Limits {
  const entries = Object.entries(SETTINGS).map(([name, [variable, schema]]) => {
    const parsed = schema.safeParse(environment[variable]);
    if (!parsed.success) throw new Error(`${variable}: expected a positive whole number`);
    return [name, parsed.data];
  });
  return Object.fromEntries(entries);
}
