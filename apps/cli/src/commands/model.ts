import { elementCount } from '@organseg/kernels/tensor.ts';
import type { PresetName } from '@organseg/train/presets.ts';
import { parameterLayout } from '@organseg/train/run.ts';
import { type CommonOptions, command, print } from '../command.ts';
import { configOption, presetOption, setOption, settings } from './train.ts';

interface Options extends CommonOptions {
  preset: PresetName;
  config?: string;
  set?: string[];
}

export const model = command('model', 'Print the network’s parameters: names, shapes and their number')
  .addOption(presetOption().default('gao2022'))
  .addOption(configOption())
  .addOption(setOption())
  .action(async (options: Options) => {
    const { specs, count } = parameterLayout(await settings(options));
    const parameters = Object.fromEntries(specs.map(({ name, shape }) => [name, shape]));
    const width = Math.max(...specs.map(({ name }) => name.length));
    const lines = specs.map(
      ({ name, shape }) =>
        `${name.padEnd(width)}  ${String(elementCount(shape)).padStart(9)}  ${shape.join(' × ')}`,
    );
    print(options, { total: count, parameters }, [...lines, `${count} parameters`].join('\n'));
  });
