/** The contract, kept by the node entry. */
import { describe } from 'vitest';
import { contract } from './contract.ts';
import { startNode } from './servers.ts';

describe('the node entry', () => contract(startNode));
