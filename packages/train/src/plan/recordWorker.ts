/** The program of a thread that reads cases for a fingerprint; see recordPool.ts. */
import { doJobs } from '@organseg/files/threads/threadJobs.ts';
import { type KeptRecord, recordCase } from './caseRecord.ts';
import type { RecordJob } from './recordPool.ts';

doJobs<RecordJob, KeptRecord>(({ source, channelNames }) => recordCase(source, channelNames));
