/** `organseg export`: a trained run in the form of another program. */
import { InputError } from '@organseg/core/inputError.ts';
import { assertOutside } from '@organseg/files/outputs.ts';
import { exportMonai } from '@organseg/train/exported/monai.ts';
import { exportNnunet } from '@organseg/train/exported/nnunet.ts';
import { exportSafetensors } from '@organseg/train/exported/safetensors.ts';
import { Option } from 'commander';
import { modelPaths } from '../model/box.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';

type Target = 'nnunet' | 'monai' | 'safetensors';

interface Options extends CommonOptions {
  model: string[];
  to: Target;
}

/** A path as a shell takes it. */
const quoted = (path: string) => (/^[\w./:\\-]+$/.test(path) ? path : `"${path}"`);

/** What was made, and what uses it. */
function described(to: Target, out: string, runs: number): string {
  if (to === 'safetensors') return `parameters and how to use them in ${out}`;
  if (to === 'monai') return `a bundle for MONAI in ${out}: configs/inference.json, models/model.pt`;
  const folds = Array.from({ length: runs }, (_, fold) => fold).join(' ');
  return `a model for nnU-Net in ${out}: nnUNetv2_predict_from_modelfolder -m ${quoted(out)} -f ${folds} -i SCANS -o LABELS`;
}

export const exportCommand = command('export', 'Write a trained run for nnU-Net, MONAI or any other program')
  .requiredOption(
    '--model <run>',
    'folder of the run; given again, the folds of nnU-Net’s model',
    modelPaths,
    undefined,
  )
  .addOption(
    new Option('--to <form>', 'nnunet: a model of nnU-Net v2; monai: a bundle; safetensors: one file')
      .choices(['nnunet', 'monai', 'safetensors'])
      .makeOptionMandatory(),
  )
  .argument('<out>', 'new folder, or with safetensors new file')
  .action(async (out: string, options: Options) => {
    const { model, to } = options;
    assertOutside(out, model, 'choose another place');
    const notes = to === 'nnunet' ? await exportNnunet(model, out) : await exportOne(model, to, out);
    for (const note of notes) say(note);
    print(options, { out, to, notes }, described(to, out, model.length));
  });

/** Throws InputError where there are several runs. */
async function exportOne(
  [run, ...others]: string[],
  to: 'monai' | 'safetensors',
  out: string,
): Promise<string[]> {
  if (others.length) throw new InputError(`--to ${to} takes one --model; --to nnunet takes several`);
  if (to === 'monai') return exportMonai(run!, out);
  await exportSafetensors(run!, out);
  return [];
}
