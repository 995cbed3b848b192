/**
 * The network here and in PyTorch, on the same machine one after the other: `pnpm bench compare [options]`.
 * `pytorch_unet.py` beside this file is the peer. Ratios above 1 mean that PyTorch takes longer, or more memory.
 * `--short`: less long, channels-last alone, nothing compiled, no single layers.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '@organseg/core/inputError.ts';
import { findAdapter } from '@organseg/kernels/open/dawn.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import { type LayerBench, layerTitle } from '../layerTitle.ts';
import { presetNamed } from '../options.ts';
import { outputOf } from '../timedProcess.ts';
import type { UnetBench } from '../unet.ts';

interface PeerTime {
  readonly ms: number;
  readonly peakBytes?: number;
}

interface PeerRun {
  readonly mode: 'f32' | 'tf32' | 'amp f16' | 'amp bf16';
  readonly channelsLast: boolean;
  readonly compiled: boolean;
  readonly forward: PeerTime;
  readonly 'forward + backward': PeerTime;
  readonly step: PeerTime;
}

/** One convolution, at the training batch; milliseconds. */
interface PeerLayer {
  readonly op: LayerBench['op'];
  readonly from: number;
  readonly to: number;
  readonly kernel: LayerBench['kernel'];
  readonly stride: LayerBench['stride'];
  readonly size: LayerBench['size'];
  readonly forward: number;
  readonly dInput: number;
  readonly dWeight: number;
}

/** Relative, against the golden file; the gradient's is that of all parameters together. */
interface PeerErrors {
  readonly logits: number;
  readonly loss: number;
  readonly gradient: number;
}

interface Peer {
  readonly torch: string;
  readonly device: string;
  readonly cudnn: number | null;
  readonly parameters: number;
  /** AMP's roundings alone where PyTorch has no GPU. */
  readonly golden: { readonly f32: PeerErrors; readonly 'amp f16': PeerErrors } | null;
  readonly runs: readonly PeerRun[];
  readonly failed: readonly { mode: string; error: string }[];
  readonly layers: Readonly<Record<string, readonly PeerLayer[]>>;
}

const { values: options } = parseArgs({
  options: {
    preset: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    golden: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    tune: { type: 'string', default: 'cached' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

/** What a program prints as one JSON object. */
const runJson = async <T>(program: string, args: readonly string[]): Promise<T> =>
  JSON.parse(await outputOf(program, args));

function asText(ours: readonly UnetBench[], peer: Peer): string {
  const lines = [
    `PyTorch ${peer.torch} on ${peer.device}${peer.cudnn ? `, cuDNN ${peer.cudnn}` : ''}; organseg on ${ours[0].adapter.name}`,
    `${peer.parameters} parameters there, ${ours[0].parameters} here`,
    ...(peer.golden ? goldenAsText(peer.golden) : []),
    '',
    `${'PyTorch / organseg'.padEnd(60)}${'ms'.padStart(19)}${'ratio'.padStart(8)}${'MiB'.padStart(16)}${'ratio'.padStart(8)}`,
  ];
  for (const { dtype, batch, runs } of ours) {
    for (const run of peer.runs.filter(({ mode }) => mode.includes('f16') === (dtype === 'f16'))) {
      const how = `${run.mode}${run.channelsLast ? ', channels-last' : ''}${run.compiled ? ', compiled' : ''}`;
      for (const { name, ms, peakBytes } of runs) {
        const there = run[name];
        const label = `${name}, batch ${name === 'forward' ? 1 : batch}: ${how} / ${dtype}`;
        const memory = there.peakBytes
          ? `${mib(there.peakBytes)} / ${mib(peakBytes)}`.padStart(16) +
            (there.peakBytes / peakBytes).toFixed(2).padStart(8)
          : '';
        lines.push(
          `${label.padEnd(60)}${`${there.ms.toFixed(1)} / ${ms.toFixed(1)}`.padStart(19)}${(there.ms / ms).toFixed(2).padStart(8)}${memory}`,
        );
      }
    }
  }
  for (const { mode, error } of peer.failed) lines.push(`PyTorch ${mode} did not run: ${error}`);
  return lines.join('\n');
}

/** How far off PyTorch itself is: what `parity` tells of ours is to be read beside it. */
const goldenAsText = (golden: NonNullable<Peer['golden']>): string[] =>
  Object.entries(golden).map(
    ([mode, { logits, gradient }]) =>
      `PyTorch ${mode} on the golden file: logits within ${logits.toExponential(1)}, gradient ${gradient.toExponential(1)}`,
  );

interface OurLayers {
  readonly dtype: 'f32' | 'f16';
  readonly layers: readonly LayerBench[];
}

/** Each convolution: PyTorch's time over ours. */
function layersAsText({ dtype, layers }: OurLayers, peer: Peer): string {
  const mode = dtype === 'f16' ? 'amp f16' : 'f32';
  const there = new Map((peer.layers[mode] ?? []).map((layer) => [layerTitle(layer), layer]));
  const cell = (theirs: number, own: number) =>
    `${theirs.toFixed(3)} / ${own.toFixed(3)}`.padStart(20) + (theirs / own).toFixed(2).padStart(7);
  const rows = layers.flatMap((own) => {
    const theirs = there.get(layerTitle(own));
    if (!theirs) return [];
    const passes = (['forward', 'dInput', 'dWeight'] as const).map((pass) => cell(theirs[pass], own[pass]));
    return [layerTitle(own).padEnd(64) + passes.join('')];
  });
  const head = ['forward', 'dInput', 'dWeight'].map(
    (pass) => `${pass} ms`.padStart(20) + 'ratio'.padStart(7),
  );
  return [`${`PyTorch ${mode} / organseg ${dtype}`.padEnd(64)}${head.join('')}`, ...rows].join('\n');
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

const found = await findAdapter();
if (!found) throw new InputError('no WebGPU adapter found: `pnpm cli doctor` tells what to install');
const preset = options.preset ?? (found.facts.software ? 'small' : 'gao2022');
const config = resolveConfig(presetNamed(preset), undefined, options.set);
const { filters, kernels, strides, classes, patch, batch } = config;
const network = { filters, kernels, strides, classes, patch, batch, layers: !options.short };
const script = fileURLToPath(new URL('./pytorch_unet.py', import.meta.url));
const peer = await runJson<Peer>(options.python, [
  script,
  '--network',
  JSON.stringify(network),
  '--seconds',
  options.short ? '0.5' : '3',
  ...(options.short ? ['--channels-last'] : []),
  ...(options.golden ? ['--golden', options.golden] : []),
]);
const dtypes = found.facts.features.includes('shader-f16') ? ['f32', 'f16'] : ['f32'];
const bench = <T>(subject: string, dtype: string) =>
  runJson<T>(process.execPath, [
    process.argv[1]!,
    subject,
    '--json',
    '--dtype',
    dtype,
    '--preset',
    preset,
    '--tune',
    options.tune,
    ...options.set.flatMap((setting) => ['--set', setting]),
    ...(options.short ? ['--short'] : []),
  ]);
const ours: UnetBench[] = [];
const layers: OurLayers[] = [];
for (const dtype of dtypes) {
  ours.push(await bench<UnetBench>('unet', dtype));
  if (!options.short) layers.push(await bench<OurLayers>('layers', dtype));
}
process.stdout.write(
  options.json
    ? `${JSON.stringify({ peer, ours, layers })}\n`
    : `${[asText(ours, peer), ...layers.map((own) => layersAsText(own, peer))].join('\n\n')}\n`,
);
