/** The program of a thread that makes phantoms; see writePhantoms.ts. */
import { doJobs } from '@organseg/files/threads/threadJobs.ts';
import { writePhantom } from './writePhantom.ts';

doJobs(writePhantom);
