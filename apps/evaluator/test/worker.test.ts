/** The contract, kept by the worker. */
import { describe } from 'vitest';
import { contract } from './contract.ts';
import { startWorker } from './servers.ts';

describe('the worker in Cloudflare’s local runtime', () => contract(startWorker));
