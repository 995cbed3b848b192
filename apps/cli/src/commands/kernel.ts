/** `kernel`: the WGSL of the kernels of a training step, or of one convolution, as the GPU gets it. */
import { InputError } from '@organseg/core/inputError.ts';
import { recordNetwork } from '@organseg/core/network/network.ts';
import { trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Launch } from '@organseg/kernels/kernel.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { KERNELS, oneKernel } from '@organseg/kernels/ops/conv/choice/tile.ts';
import * as conv3d from '@organseg/kernels/ops/conv3d.ts';
import * as convTranspose3d from '@organseg/kernels/ops/convTranspose3d.ts';
import { MAKES, type Make, paperGpu } from '@organseg/kernels/paper.ts';
import { empty } from '@organseg/kernels/tensor.ts';
import { parameterLayout, precisionOf } from '@organseg/train/config/network.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import type { PresetName } from '@organseg/train/config/presets.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { Optimizer } from '@organseg/train/step/optimizer.ts';
import { InvalidArgumentError, Option } from 'commander';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { configOption, presetOption, setOption, settings } from '../train/settings.ts';

interface Options extends CommonOptions {
  on: Make;
  kernel?: (typeof KERNELS)[number];
  dtype?: 'f32' | 'f16';
  channels?: Channels;
  size: Dhw;
  taps: Dhw;
  stride: Dhw;
  transposed?: boolean;
  preset: PresetName;
  config?: string;
  set?: string[];
}

interface Channels {
  /** Of each input. */
  readonly inputs: readonly number[];
  readonly output: number;
}

export const kernel = command('kernel', 'List kernels, or print their WGSL as the GPU gets it; needs no GPU')
  .argument('[name...]', 'names or numbers of the list; without any, all are listed')
  .addOption(new Option('--on <GPU>', 'what the kernels are made for').choices(MAKES).default('tensor-cores'))
  .addOption(new Option('--kernel <kind>', 'one for all convolutions that it can compute').choices(KERNELS))
  .addOption(new Option('--dtype <type>', 'what activations are stored in').choices(['f32', 'f16']))
  .option('--channels <from,to>', 'of one convolution, such as 32,64 or, with two inputs, 32+32,64', channels)
  .option('--size <D,H,W>', 'of its input', triple, [16, 32, 32])
  .option('--taps <D,H,W>', 'of its kernel, or one number for all', triple, [3, 3, 3])
  .option('--stride <D,H,W>', 'or one number for all', triple, [1, 1, 1])
  .option('--transposed', 'a transposed convolution, whose taps are its stride')
  .addOption(presetOption().default('gao2022'))
  .addOption(configOption())
  .addOption(setOption())
  .addHelpText(
    'after',
    '\nThe kernels are those of a training step of the settings or, with --channels, of a convolution.',
  )
  .action(async (names: string[], options: Options) => {
    const dawn = await openGpu({ backend: 'null' });
    try {
      const tileChoice = options.kernel && oneKernel(options.kernel);
      const gpu = paperGpu(options.on, dawn.device, { ...(tileChoice && { tileChoice }) });
      const uses = options.channels
        ? convolution(gpu, options, options.channels)
        : trainingStep(gpu, await settings(withDtype(options)));
      const listed = list(gpu, uses);
      const chosen = choose(listed, names);
      print(options, { kernels: chosen }, names.length ? chosen.map(asCode).join('\n') : asTable(chosen));
    } finally {
      dawn.close();
    }
  });

interface Listed {
  readonly number: number;
  readonly name: string;
  /** What runs it. */
  readonly usedBy: readonly string[];
  readonly code: string;
}

/** What runs launches. */
interface Use {
  readonly what: string;
  readonly launches: readonly Launch[];
}

/** All kernels that were made, each once. */
function list(gpu: Gpu, uses: readonly Use[]): Listed[] {
  return [...gpu.pipelines].map((pipeline, i) => {
    const users = uses.filter(({ launches }) => launches.some((launch) => launch.pipeline === pipeline));
    const usedBy = [...new Set(users.map(({ what }) => what))];
    return { number: i + 1, name: pipeline.name, usedBy, code: pipeline.code };
  });
}

function choose(listed: readonly Listed[], names: readonly string[]): readonly Listed[] {
  if (names.length === 0) return listed;
  return names.flatMap((wanted) => {
    const found = listed.filter(({ name, number }) => name === wanted || String(number) === wanted);
    if (found.length > 0) return found;
    const known = [...new Set(listed.map(({ name }) => name))];
    throw new InputError(`no kernel ${wanted} here; there are ${known.join(', ')}`);
  });
}

const asCode = ({ number, name, usedBy, code }: Listed): string =>
  `// ${number}: ${name}, ${shortened(usedBy)}\n${code}`;

function asTable(listed: readonly Listed[]): string {
  const width = Math.max(...listed.map(({ name }) => name.length));
  const row = (number: string, name: string, lines: string, usedBy: string) =>
    `${number.padStart(3)}  ${name.padEnd(width)}  ${lines.padStart(5)}  ${usedBy}`;
  return [
    row('', 'kernel', 'lines', 'runs in'),
    ...listed.map(({ number, name, usedBy, code }) =>
      row(String(number), name, String(code.split('\n').length - 1), shortened(usedBy)),
    ),
  ].join('\n');
}

const SHOWN = 2;
const shortened = (names: readonly string[]): string =>
  names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '');

const withDtype = ({ dtype, set = [], ...options }: Options) => ({
  ...options,
  set: dtype ? [...set, `precision=${dtype}`] : set,
});

/** Forward, loss, backward and the optimiser. */
function trainingStep(gpu: Gpu, config: Config): Use[] {
  const recorded = recordNetwork(networkConfig(config), config.batch, config.patch);
  const layout = parameterLayout(config);
  const activation = precisionOf(config, gpu);
  const [parameters, gradients] = [layout.allocate(gpu), layout.allocate(gpu)];
  const memory = { layout, parameters, gradients, activation, lossScale: 1 };
  const { parts } = trainingProgram(gpu, recorded, memory);
  const before = gpu.pipelines.size;
  new Optimizer(gpu, config, layout, parameters, gradients, { skipsOverflow: activation === 'f16' });
  const optimizer = [...gpu.pipelines].slice(before).map((pipeline) => ({ pipeline }) as Launch);
  return [
    ...parts.map(({ layer, pass, launches }) => ({ what: `${layer} ${pass}`, launches })),
    { what: 'optimizer', launches: optimizer },
  ];
}

/** Forward, with the statistics of a norm that follows, and both gradients. */
function convolution(gpu: Gpu, options: Options, { inputs: counts, output: out }: Channels): Use[] {
  const { dtype = 'f32', size, taps, stride, transposed } = options;
  const inputs = counts.map((c) => empty(gpu, [1, ...size, c], dtype));
  const total = counts.reduce((a, b) => a + b, 0);
  const dInput = empty(gpu, [1, ...size, counts[0]!], dtype);
  if (transposed) {
    if (counts.length > 1) throw new InputError('--transposed: a transposed convolution has one input');
    const weight = empty(gpu, [total, out, ...stride]);
    const y = empty(gpu, [1, ...size.map((n, i) => n * stride[i]!), out], dtype);
    const [input] = inputs as [(typeof inputs)[number]];
    const { packed, launches } = convTranspose3d.pack(gpu, { weight, output: y.shape, dtype });
    const forward = convTranspose3d.forward(gpu, { input, weights: packed, output: y, stride });
    const toInput = convTranspose3d.inputGradient(gpu, { weight, dOutput: y, dInput });
    const toWeight = convTranspose3d.parameterGradient(gpu, { input, dOutput: y, dWeight: weight });
    return named([...launches, ...forward.launches], toInput.launches, toWeight.launches);
  }
  const shape = { kernel: taps, stride };
  const weight = empty(gpu, [out, total, ...taps]);
  const y = empty(gpu, [1, ...conv3d.outputSize(size, shape), out], dtype);
  const pack = { weight, inputChannels: counts, shape, output: y.shape, dtype };
  const { packed, launches } = conv3d.pack(gpu, pack);
  const stats = empty(gpu, [1, out, 2]);
  const forward = conv3d.forward(gpu, { inputs, weights: packed, output: y, stats, shape });
  const toInput = { dOutput: y, weight, dInput, firstChannel: 0, shape, accumulate: false };
  const inputGradient = conv3d.inputGradient(gpu, toInput);
  const weightGradient = conv3d.parameterGradient(gpu, { inputs, dOutput: y, dWeight: weight, shape });
  return named([...launches, ...forward.launches], inputGradient.launches, weightGradient.launches);
}

const named = (forward: Launch[], inputGradient: Launch[], weightGradient: Launch[]): Use[] => [
  { what: 'forward', launches: forward },
  { what: 'input gradient', launches: inputGradient },
  { what: 'weight gradient', launches: weightGradient },
];

function channels(text: string): Channels {
  const [, inputs, output] = /^(\d{1,4}(?:\+\d{1,4})?),(\d{1,4})$/.exec(text) ?? [];
  const numbers = inputs?.split('+').map(Number) ?? [];
  if (numbers.length === 0 || [...numbers, Number(output)].includes(0))
    throw new InvalidArgumentError('Expected channels from and to, such as 32,64 or 32+32,64.');
  return { inputs: numbers, output: Number(output) };
}

function triple(text: string): Dhw {
  if (!/^[1-9]\d{0,3}(,[1-9]\d{0,3}){2}$|^[1-9]\d{0,3}$/.test(text))
    throw new InvalidArgumentError('Expected D,H,W, such as 3,3,3, or one number for all.');
  const numbers = text.split(',').map(Number);
  return dhw((i) => numbers[i] ?? numbers[0]!);
}
