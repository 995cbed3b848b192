/**
 * The settings of MONAI's bundles: JSON whose texts may refer to other settings (@a, @a#b), or be Python's expressions
 * ($…) or of other files (%…), which are neither run nor read here.
 */
import { InputError } from '@organseg/core/inputError.ts';
import { check } from '@organseg/files/parseJson.ts';
import { z } from 'zod';

export interface BundleConfig {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** One of MONAI's objects: the name of its class, without its module, and the arguments that it is made with. */
export interface Component {
  readonly target: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

const MAX_REFERENCES = 20;

/**
 * A setting, references followed. Throws InputError, after the setting's name, where one leads nowhere, or to what is not
 * in the file itself.
 */
export function resolved({ path, settings }: BundleConfig, value: unknown, name: string): unknown {
  let found = value;
  for (let references = 0; typeof found === 'string' && found.startsWith('@'); references++) {
    const keys: string[] = found.slice(1).split(/#|::/);
    const isThere = references < MAX_REFERENCES && keys[0]! in settings;
    if (!isThere) throw new InputError(`${path}: the reference ${found} leads nowhere`);
    found = keys.reduce<unknown>((of, key) => (of as Record<string, unknown> | undefined)?.[key], settings);
  }
  if (typeof found === 'string' && found.startsWith('$'))
    throw new InputError(`${path}: ${name} is computed by Python, which is not run: ${found}`);
  if (typeof found === 'string' && found.startsWith('%'))
    throw new InputError(`${path}: ${name} is taken from elsewhere, which is not read: ${found}`);
  return found;
}

const object = z.looseObject({ _target_: z.string() });

/** The object that a setting describes. Throws InputError. */
export function componentOf(config: BundleConfig, value: unknown, name: string): Component {
  const { _target_, ...settings } = check(resolved(config, value, name), object, `${config.path}: ${name}`);
  // MONAI's transforms of dictionaries end in d, D or Dict.
  const target = _target_
    .split('.')
    .at(-1)!
    .replace(/(?<=[a-z])D(ict)?$/, 'd');
  return { target, settings };
}

/** The arguments of an object that this form asks for, references followed. Throws InputError that names what is wrong. */
export function argumentsOf<T extends z.ZodRawShape>(
  config: BundleConfig,
  { target, settings }: Component,
  shape: T,
): z.infer<z.ZodObject<T>> {
  const where = `${config.path}: ${target}`;
  const given = Object.keys(shape).flatMap((key): [string, unknown][] =>
    key in settings ? [[key, resolved(config, settings[key], `${target}: ${key}`)]] : [],
  );
  return check(Object.fromEntries(given), z.object(shape), where);
}
