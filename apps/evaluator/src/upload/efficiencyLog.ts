/** Efficiency logs: JSON lines, one sample each. */
import {
  type Efficiency,
  type EfficiencySample,
  efficiencyOf,
  STUCK,
} from '@organseg/core/metrics/efficiency.ts';
import { Problem } from '../http/problem.ts';
import { Sample, StuckLine } from '../schema/efficiency.ts';

export interface EfficiencyRun {
  readonly figures: Efficiency;
  /** The samples in order of time; empty where a run got stuck before the first. */
  readonly samples: readonly EfficiencySample[];
}

/** Reads a log. Throws Problem 422 that names the line at fault. */
export function readLog(bytes: Uint8Array, name: string): EfficiencyRun {
  const { samples, isStuck } = readSamples(bytes, name);
  if (isStuck) return { figures: STUCK, samples };
  if (samples.length === 0) throw new Problem(422, `${name}: holds no sample`);
  return { figures: efficiencyOf(samples), samples };
}

function readSamples(bytes: Uint8Array, name: string): { samples: EfficiencySample[]; isStuck: boolean } {
  const samples: EfficiencySample[] = [];
  let isStuck = false;
  for (const [i, line] of textOf(bytes, name).split('\n').entries()) {
    if (line.trim() === '') continue;
    const fault = (what: string) => new Problem(422, `${name}: line ${i + 1}: ${what}`);
    if (isStuck) throw fault('follows the end of a stuck run');
    const value = jsonOf(line, fault);
    if (StuckLine.safeParse(value).success) {
      isStuck = true;
      continue;
    }
    const sample = Sample.safeParse(value);
    if (!sample.success) {
      const [{ path, message }] = sample.error.issues;
      throw fault([...path, message].join(': '));
    }
    const last = samples[samples.length - 1];
    if (last && sample.data.t <= last.t) throw fault('t does not grow');
    samples.push(sample.data);
  }
  return { samples, isStuck };
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(422, `${name}: is not UTF-8 text`);
  }
}

function jsonOf(line: string, fault: (what: string) => Problem): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw fault('is not JSON');
  }
}
