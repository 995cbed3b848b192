/** How a run's settings come about: a preset, a file over it, `key=value` settings over both. */
import { InputError } from '@organseg/core/inputError.ts';
import { PRESETS, type PresetName } from './presets.ts';
import { type Config, parseConfig } from './schema.ts';

/** The settings of a pipeline's student of a round, from 0. */
export function studentConfig(config: Config, round = 0): Config {
  const { student } = config;
  const value = Array.isArray(student) ? student[Math.min(round, student.length - 1)] : student;
  return resolveConfig({ ...config, student: {} }, { path: 'student', value }, []);
}

/**
 * The settings that a preset or other settings give, with the file's keys over them and `key=value` settings over both.
 * Dots in keys reach inside, into lists by the entry's place. Throws InputError that names the key or the file.
 */
export function resolveConfig(
  base: PresetName | Config,
  file: { path: string; value: unknown } | undefined,
  set: string[],
): Config {
  const merged: Record<string, unknown> = structuredClone(typeof base === 'string' ? PRESETS[base] : base);
  if (file) {
    if (typeof file.value !== 'object' || file.value === null || Array.isArray(file.value)) {
      throw new InputError(`${file.path}: expects a JSON object of settings`);
    }
    for (const [key, value] of Object.entries(file.value)) assign(merged, key.split('.'), value, file.path);
  }
  for (const setting of set) {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (!key) throw new InputError(`--set ${setting}: expects key=value`);
    assign(merged, key.split('.'), jsonOrText(text!), `--set ${key}`);
  }
  return parseConfig(merged, file?.path ?? '--set');
}

function assign(
  target: Record<string, unknown>,
  [key, ...rest]: string[],
  value: unknown,
  source: string,
): void {
  if (!Object.hasOwn(target, key!)) throw new InputError(`${source}: unknown key ${key}`);
  if (key === 'student' && !rest.length) {
    target[key] = value; // its keys are checked where they are put over the teacher's
    return;
  }
  const inner = target[key!];
  const isObject = (x: unknown): x is Record<string, unknown> =>
    typeof x === 'object' && x !== null && !Array.isArray(x);
  if (rest.length) {
    if (!isObject(inner) && !Array.isArray(inner))
      throw new InputError(`${source}: ${key} has no key ${rest.join('.')}`);
    assign(inner as Record<string, unknown>, rest, value, source);
  } else if (isObject(inner) && isObject(value)) {
    for (const [k, v] of Object.entries(value)) assign(inner, [k], v, source);
  } else {
    target[key!] = value;
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
