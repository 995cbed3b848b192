/** What a checkpoint of nnU-Net says besides its weights. */
import { InputError } from '@organseg/core/inputError.ts';
import { check } from '@organseg/files/parseJson.ts';
import type { PickleValue } from '@organseg/files/torch/pickle.ts';
import { plainValue } from '@organseg/files/torch/plainValue.ts';
import { z } from 'zod';

const schema = z.object({
  trainer_name: z.string(),
  init_args: z.object({
    configuration: z.string(),
    plans: z.unknown(),
    dataset_json: z.unknown(),
  }),
  /** Axes of D, H, W. */
  inference_allowed_mirroring_axes: z.array(z.int().min(0).max(2)).nullable().default(null),
});

export interface NnunetCheckpoint {
  readonly configuration: string;
  readonly plans: unknown;
  readonly dataset: unknown;
  readonly mirrorAxes: readonly number[];
  /** Its state dict. */
  readonly weights: PickleValue;
}

/** Trainers of nnU-Net that change the network without changing its plans. */
const CHANGES_NETWORK =
  /BN|Primus|[Pp]retrained|Mamba|UNETR|Transformer|MedNeXt|STUNet|(?<!Leaky)ReLU|GELU|Mish|SiLU|Swish/;

/** Throws InputError where it is none of nnU-Net v2, or its trainer makes networks of its own. */
export function readCheckpoint(value: PickleValue, path: string): NnunetCheckpoint {
  if (!(value instanceof Map && value.has('network_weights') && value.has('init_args')))
    throw new InputError(`${path}: is no checkpoint of nnU-Net v2`);
  const { trainer_name, init_args, inference_allowed_mirroring_axes } = check(
    plainValue(
      new Map(Object.keys(schema.shape).flatMap((key) => (value.has(key) ? [[key, value.get(key)!]] : []))),
      path,
    ),
    schema,
    path,
  );
  if (CHANGES_NETWORK.test(trainer_name.replace(/^nnUNetTrainer/, '')))
    throw new InputError(
      `${path}: the trainer ${trainer_name} makes a network of its own, which is not known`,
    );
  return {
    configuration: init_args.configuration,
    plans: init_args.plans,
    dataset: init_args.dataset_json,
    mirrorAxes: inference_allowed_mirroring_axes ?? [],
    weights: value.get('network_weights')!,
  };
}
