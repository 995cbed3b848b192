/**
 * Whole cases from process start to file written, over numbers of slices: `pnpm bench predict [options]`.
 *   --slices 50,100,200,400   --size 512,512   --spacing 0.8,0.8,1      the generated scans
 *   --preset NAME  --set key=value     the network, a setting for each --set, with random weights: time and memory do
 *                                      not depend on them
 *   --model FOLDER                     a run, or a model of nnU-Net or MONAI
 *   --folds 0,1  --checkpoint best     of a model of nnU-Net, as predict takes them
 *   --totalsegmentator                 a model of nnU-Net of the size of TotalSegmentator's, with random weights
 *   --dtype f32|f16  --memory-cap MiB  --resample labels|logits  --skip-early
 *   --peer  --python PROGRAM   the same cases by PyTorch too, with the logits of the whole volume at once
 *   --svg FILE  --json
 *   --plan                     how each case would be done and what memory it would take, without doing it
 * The preset is gao2022 on a GPU; on a CPU that plays GPU, small with a network and a patch that finish in minutes.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '@organseg/core/inputError.ts';
import { fastestActivation } from '@organseg/core/network/program.ts';
import { type Xyz, xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { assertNew } from '@organseg/files/outputs.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { findAdapter, openGpu } from '@organseg/kernels/open/dawn.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { DEFAULT_CAP_BYTES } from '@organseg/train/predict/predictor.ts';
import type { CaseProfile } from '../src/predict/caseFiles.ts';
import { choiceInText } from '../src/predict/modelOptions.ts';
import type { ScanReport } from '../src/predict/predictions.ts';
import { inWords, writeRun } from './benchModel.ts';
import { changedVoxels } from './changedVoxels.ts';
import { generatedScan } from './generatedScan.ts';
import { type GrowthPoint, growthSvg } from './growthSvg.ts';
import { presetNamed } from './options.ts';
import { type PeerCase, peerCase } from './peers/peerCase.ts';
import { plansOf } from './predictPlans.ts';
import { writeLikeTotalSegmentator } from './randomNnunet.ts';
import { type TimedProcess, timedProcess } from './timedProcess.ts';

/** For two CPU cores: what is measured there is memory. */
const SOFTWARE_SETTINGS = [
  'filters=[4,8]',
  'kernels=[[3,3,3],[3,3,3]]',
  'strides=[[1,1,1],[2,2,2]]',
  'patch=[32,64,64]',
];

const { values: options } = parseArgs({
  options: {
    slices: { type: 'string', default: '50,100,200,400' },
    size: { type: 'string', default: '512,512' },
    spacing: { type: 'string', default: '0.8,0.8,1' },
    preset: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    model: { type: 'string' },
    folds: { type: 'string' },
    checkpoint: { type: 'string' },
    totalsegmentator: { type: 'boolean', default: false },
    dtype: { type: 'string' },
    'memory-cap': { type: 'string' },
    resample: { type: 'string' },
    'skip-early': { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3' },
    plan: { type: 'boolean', default: false },
    svg: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

interface CaseRun extends GrowthPoint, Pick<TimedProcess, 'smiPeakMb'> {
  readonly slices: number;
  readonly networkShape: Xyz;
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** Of all cores: less shaken by what else a machine does. */
  readonly cpuSeconds: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly plannedGpuBytes: number;
  readonly peakGpuBytes: number;
  /** Of the whole process: on a CPU that plays GPU, the GPU's memory is in it. */
  readonly peakHostBytes: number;
  readonly windows: ScanReport['windows'];
  /** With --skip-early: voxels whose label differs from a run without it. */
  readonly changedVoxels?: number;
  readonly peer?: PeerCase;
}

/** The commands: beside this program where it is bundled. */
function mainProgram(): string {
  const bundled = join(dirname(process.argv[1]!), 'cli.mjs');
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('../src/main.ts', import.meta.url));
}

async function predict({ paths }: Model, scan: string, out: string, extra: readonly string[]) {
  const args = [
    'predict',
    '--model',
    ...paths,
    '--input',
    scan,
    '--out',
    out,
    '--profile',
    '--json',
    ...extra,
  ];
  const { seconds, smiPeakMb } = await timedProcess(process.execPath, [mainProgram(), ...args]);
  const read = <T>(file: string) => JSON.parse(readFileSync(join(out, file), 'utf8')).cases[0] as T;
  return {
    seconds,
    smiPeakMb,
    report: read<ScanReport>('report.json'),
    profile: read<CaseProfile>('profile.json'),
  };
}

const numbers = (text: string) => text.split(',').map(Number);
const sizeOf = () => numbers(options.size) as [number, number];
const spacingOf = () => xyz((axis) => numbers(options.spacing)[axis]!);
const resampleBack = () => (options.resample === 'labels' ? 'labels' : 'logits');

function dtypeOf(text: string | undefined): 'f32' | 'f16' | undefined {
  if (text !== undefined && text !== 'f32' && text !== 'f16')
    throw new InputError(`--dtype ${text}: expects f32 or f16`);
  return text;
}

/** Writes the channels of a generated scan; returns their files. */
async function writeScan(folder: string, slices: number, channels: number): Promise<string[]> {
  const [nx, ny] = sizeOf();
  const scan = generatedScan([nx, ny, slices], spacingOf());
  const endings = Array.from({ length: channels }, (_, i) => `_${String(i).padStart(4, '0')}`);
  const files = endings.map((ending) => join(folder, `scan${slices}${channels > 1 ? ending : ''}.nii.gz`));
  for (const file of files) await writeNiftiFile(file, scan);
  return files;
}

async function measured(folder: string, model: Model, slices: number): Promise<CaseRun> {
  const scan = await writeScan(folder, slices, model.channelNames.length);
  const passed = (['folds', 'checkpoint', 'dtype', 'memory-cap', 'resample'] as const).flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}`, options[name]],
  );
  const plain = options['skip-early'] ? join(folder, 'plain') : undefined;
  if (plain) await predict(model, scan[0]!, plain, passed);
  const out = join(folder, `out${slices}`);
  const { seconds, smiPeakMb, report, profile } = await predict(model, scan[0]!, out, [
    ...passed,
    ...(plain ? ['--skip-early'] : []),
  ]);
  const { networkShape, plannedGpuBytes, peakGpuBytes, windows } = report;
  const { stages, cpuSeconds, peakHostBytes } = profile;
  const labelMap = (from: string) => join(from, `scan${slices}.nii.gz`);
  const peer = options.peer
    ? await peerCase({
        python: options.python,
        model,
        resample: resampleBack(),
        amp: report.activations === 'f16',
        scan,
        ours: labelMap(out),
        out: join(folder, 'peer.nii.gz'),
      })
    : undefined;
  const skipped = plain ? await changedVoxels(labelMap(plain), labelMap(out)) : undefined;
  return {
    slices,
    networkShape,
    seconds,
    cpuSeconds,
    stages,
    plannedGpuBytes,
    peakGpuBytes,
    smiPeakMb,
    peakHostBytes,
    windows,
    ...(skipped && { changedVoxels: skipped.changed }),
    ...(peer && { peer }),
  };
}

/** What predict may take of the host: 500 MB, and twice the scan, whose channels have 16-bit voxels. */
const hostBoundBytes = (slices: number, { channelNames }: Model) =>
  500e6 + 2 * sizeOf().reduce((a, b) => a * b, 2 * slices * channelNames.length);

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

function asText(adapter: string, model: Model, runs: readonly CaseRun[]): string {
  const stages = [...new Set(runs.flatMap(({ stages: each }) => Object.keys(each)))];
  const head = [
    'slices',
    'windows',
    'skipped',
    's',
    'cpu s',
    ...stages,
    'planned',
    'counted',
    'smi',
    'host',
    'bound',
  ];
  const rows = runs.map((run) => [
    run.slices,
    run.windows.all,
    run.windows.air + run.windows.early,
    run.seconds.toFixed(1),
    run.cpuSeconds.toFixed(1),
    ...stages.map((stage) => (run.stages[stage] ?? 0).toFixed(1)),
    mib(run.plannedGpuBytes),
    mib(run.peakGpuBytes),
    run.smiPeakMb?.toFixed(0) ?? '–',
    mib(run.peakHostBytes - (software ? run.peakGpuBytes : 0)),
    mib(hostBoundBytes(run.slices, model)),
  ]);
  const line = (cells: readonly (string | number)[]) =>
    cells.map((cell) => String(cell).padStart(9)).join('');
  return [
    `${adapter}; ${inWords(model)}`,
    `${options.size} voxels at ${options.spacing} mm; seconds from process start to end, of CPU, and by stage; MiB of GPU memory planned and counted, MB over idle by nvidia-smi, MiB of the host${software ? ', the driver’s compiler included,' : ''} and the most it may be`,
    '',
    line(head),
    ...rows.map(line),
    ...runs.flatMap(({ slices, changedVoxels }) =>
      changedVoxels === undefined
        ? []
        : [`${slices} slices: ${changedVoxels} voxels changed by skipping early`],
    ),
    ...runs.flatMap((run) => (run.peer ? [besidePeer(run, run.peer)] : [])),
  ].join('\n');
}

/** Ratios above 1: PyTorch takes longer, or more memory. */
function besidePeer(run: CaseRun, peer: PeerCase): string {
  const pair = (there: number, here: number, text: (value: number) => string) =>
    `${text(there)} / ${text(here)} = ${(there / here).toFixed(2)}`;
  const memory =
    peer.peakGpuBytes === null
      ? `MiB of the process ${pair(peer.peakHostBytes, run.peakHostBytes, mib)}`
      : `MiB of GPU memory ${pair(peer.peakGpuBytes, run.peakGpuBytes, mib)}, of the process ${pair(peer.peakHostBytes, run.peakHostBytes, mib)}`;
  const smi =
    peer.smiPeakMb === null || !run.smiPeakMb
      ? ''
      : `, MB by nvidia-smi ${pair(peer.smiPeakMb, run.smiPeakMb, (mb) => mb.toFixed(0))}`;
  const stages = Object.entries(peer.stages).map(([name, s]) => `${name} ${s.toFixed(1)}`);
  return `
${run.slices} slices, PyTorch ${peer.torch} on ${peer.device} / organseg: s ${pair(peer.seconds, run.seconds, (x) => x.toFixed(1))}, of CPU ${pair(peer.cpuSeconds, run.cpuSeconds, (x) => x.toFixed(1))}; ${memory}${smi}
  there ${peer.windows} windows${peer.logitsOnHost ? ', logits on the host' : ''}; s by stage: ${stages.join(', ')}; ${(100 * peer.sameLabels).toFixed(3)} % of the voxels have the same label`;
}

async function plans(model: Model): Promise<string> {
  const gpu = await openGpu();
  try {
    const activation = dtypeOf(options.dtype) ?? fastestActivation(gpu);
    const sizes = numbers(options.slices).map((slices): Xyz => [...sizeOf(), slices]);
    const planned = plansOf(gpu, model, sizes, {
      spacingMm: spacingOf(),
      activation,
      capBytes: Number(options['memory-cap'] ?? DEFAULT_CAP_BYTES / 2 ** 20) * 2 ** 20,
      resample: resampleBack(),
      skipEarly: options['skip-early'],
    });
    const rows = planned.map(({ plan, networkSize }, i) => {
      const slices = sizes[i]![2];
      const grid = [...networkSize].reverse().join('×');
      const { batch, strips, classesAtOnce, logits, peakBytes } = plan;
      return [
        slices,
        grid,
        batch,
        strips,
        classesAtOnce,
        logits,
        mib(peakBytes),
        mib(hostBoundBytes(slices, model)),
      ];
    });
    const line = (cells: readonly (string | number)[]) =>
      cells.map((cell) => String(cell).padStart(14)).join('');
    return [
      `${gpu.adapter.name}; ${inWords(model)}, activations in ${activation}, ${options.size} voxels at ${options.spacing} mm`,
      line([
        'slices',
        'network grid',
        'windows',
        'strips',
        'classes',
        'logits',
        'planned MiB',
        'host’s bound',
      ]),
      ...rows.map(line),
    ].join('\n');
  } finally {
    gpu.close();
  }
}

if (options.svg) assertNew(options.svg);
const found = await findAdapter();
if (!found) throw new InputError('no WebGPU adapter found: `pnpm cli doctor` tells what to install');
const { software, name: adapter } = found.facts;
const folder = mkdtempSync(join(tmpdir(), 'organseg-bench-'));
try {
  const model = await openModel(await modelFolder(), choiceInText(options));
  if (options.plan) process.stdout.write(`${await plans(model)}\n`);
  else await runs(model);
} finally {
  rmSync(folder, { recursive: true });
}

/** The model that was named, or one of random weights in the temporary folder. */
async function modelFolder(): Promise<string> {
  if (options.model !== undefined) return resolve(options.model);
  if (options.totalsegmentator) return await writeLikeTotalSegmentator(folder);
  const small = software && options.preset === undefined ? ['spacingMm=[1,1,1]', ...SOFTWARE_SETTINGS] : [];
  const preset = presetNamed(options.preset ?? (software ? 'small' : 'gao2022'));
  return await writeRun(folder, resolveConfig(preset, undefined, [...small, ...options.set]));
}

async function runs(model: Model): Promise<void> {
  const made: CaseRun[] = [];
  for (const slices of numbers(options.slices)) {
    made.push(await measured(folder, model, slices));
    if (!options.json) process.stderr.write(`${slices} slices: ${made.at(-1)!.seconds.toFixed(1)} s\n`);
  }
  if (options.svg) await writeWhole(options.svg, growthSvg(made, adapter));
  process.stdout.write(
    `${options.json ? JSON.stringify({ adapter, model: inWords(model), runs: made }) : asText(adapter, model, made)}\n`,
  );
}
