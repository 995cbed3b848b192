/**
 * A real CT through the whole way, shortly: the right shape, place and files. Whether enough training gives good
 * labels is what `docs/real-ct.md` has a command for.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cliJsonHere, shared, temporaryFolder } from '../cli.ts';

const image = shared('data/ct-abdomen-3mm/image.nii.gz');
const labels = shared('data/ct-abdomen-3mm/labels.nii.gz');

interface Info {
  shape: number[];
  affine: number[][];
  orientation: string;
}

test.skipIf(!image)(
  'a real CT is trained on, predicted and scored (skipped where ../shared is not there)',
  async () => {
    const folder = temporaryFolder();
    const [data, run, out] = ['data', 'run', 'out'].map((name) => join(folder, name));
    for (const name of ['imagesTr', 'labelsTr']) mkdirSync(join(data, name), { recursive: true });
    copyFileSync(image!, join(data, 'imagesTr', 'abdomen_0000.nii.gz'));
    copyFileSync(labels!, join(data, 'labelsTr', 'abdomen.nii.gz'));
    const organs = [
      'liver',
      'right kidney',
      'spleen',
      'pancreas',
      'aorta',
      'inferior vena cava',
      'right adrenal gland',
    ]
      .concat(['left adrenal gland', 'gallbladder', 'esophagus', 'stomach', 'duodenum', 'left kidney'])
      .map((name, i) => [name, i + 1]);
    const description = {
      channel_names: { 0: 'CT' },
      labels: { background: 0, ...Object.fromEntries(organs) },
    };
    writeFileSync(
      join(data, 'dataset.json'),
      JSON.stringify({ ...description, numTraining: 1, file_ending: '.nii.gz' }),
    );

    const short = [
      '--preset',
      'small',
      '--set',
      'initial.epochs=4',
      'spacingMm=[12,12,12]',
      'patch=[16,24,24]',
    ];
    await cliJsonHere(['train', '--data', data, '--out', run, ...short]);
    const losses = readFileSync(join(run, 'training.jsonl'), 'utf8').match(/"loss":[\d.]+/g)!;
    expect(losses).toHaveLength(4);

    const input = join(data, 'imagesTr', 'abdomen_0000.nii.gz');
    await cliJsonHere(['predict', '--model', run, '--input', input, '--out', out]);
    const prediction = join(out, 'abdomen.nii.gz');
    const [scan, made] = [
      await cliJsonHere<Info>(['info', input]),
      await cliJsonHere<Info>(['info', prediction]),
    ];
    for (const key of ['shape', 'affine', 'orientation'] as const) expect(made[key], key).toEqual(scan[key]);

    const reference = join(data, 'labelsTr', 'abdomen.nii.gz');
    const scores = await cliJsonHere<{ cases: object[]; mean: { dsc: number } }>([
      'evaluate',
      '--prediction',
      prediction,
      '--reference',
      reference,
    ]);
    expect(scores.cases).toHaveLength(1);
    expect(scores.mean.dsc).toBeGreaterThanOrEqual(0);
    const itself = await cliJsonHere<{ mean: object }>([
      'evaluate',
      '--prediction',
      reference,
      '--reference',
      reference,
    ]);
    expect(itself.mean).toEqual({ dsc: 1, nsd: 1 });
  },
);
