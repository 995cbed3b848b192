/**
 * Whole cases from process start to file written, over numbers of slices: `pnpm bench predict [options]`.
 *   --slices 50,100,200,400   --size 512,512   --spacing 0.8,0.8,1      the generated scans
 *   --preset NAME  --set key=value …  --dtype f32|f16  --memory-cap MiB  --resample labels|logits  --skip-early
 *   --peer  --python PROGRAM   the same cases by PyTorch too, with the logits of the whole volume at once
 *   --svg FILE  --json
 *   --plan                     how each case would be done and what memory it would take, without doing it
 * The network has random weights: time and memory do not depend on them. The preset is gao2022 on a GPU; on a CPU that
 * plays GPU, small with a network and a patch that finish in minutes.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { caseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import { MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import { caseRequest } from '@organseg/core/inference/scanStream.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { fastestActivation } from '@organseg/core/network/program.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { Random } from '@organseg/core/random.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { type Xyz, xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { assertNew } from '@organseg/files/outputs.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { findAdapter, openGpu } from '@organseg/kernels/open/dawn.ts';
import { parameterLayout, preprocessingOf } from '@organseg/train/config/network.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { DEFAULT_CAP_BYTES } from '@organseg/train/predict/predictor.ts';
import { saveBest } from '@organseg/train/run/checkpoint.ts';
import { createRun } from '@organseg/train/run/runFolder.ts';
import type { CaseProfile } from '../src/predict/caseFiles.ts';
import type { ScanReport } from '../src/predict/predictions.ts';
import { changedVoxels } from './changedVoxels.ts';
import { bodyBox, generatedScan } from './generatedScan.ts';
import { type GrowthPoint, growthSvg } from './growthSvg.ts';
import { type PeerCase, peerCase } from './peers/peerCase.ts';
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

async function writeRun(folder: string, config: Config): Promise<void> {
  await createRun(folder, {
    phase: 'initial',
    data: folder,
    init: null,
    initWeights: null,
    pseudo: null,
    fold: null,
    prepared: null,
    labelNames: ['background', ...FLARE22_ORGANS.map(({ longName }) => longName)],
    trainingCases: [],
    validationCases: [],
    sources: null,
    config,
  });
  const layout = parameterLayout(config);
  await saveBest(folder, layout.specs, initialise(layout, new Random(1)));
}

/** The commands: beside this program where it is bundled. */
function mainProgram(): string {
  const bundled = join(dirname(process.argv[1]!), 'cli.mjs');
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('../src/main.ts', import.meta.url));
}

async function predict(run: string, scan: string, out: string, extra: readonly string[]) {
  const args = ['predict', '--model', run, '--input', scan, '--out', out, '--profile', '--json', ...extra];
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

async function measured(folder: string, run: string, slices: number): Promise<CaseRun> {
  const [nx, ny] = sizeOf();
  const scan = join(folder, `scan${slices}.nii.gz`);
  await writeNiftiFile(scan, generatedScan([nx, ny, slices], spacingOf()));
  const passed = (['dtype', 'memory-cap', 'resample'] as const).flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}`, options[name]],
  );
  const plain = options['skip-early'] ? join(folder, 'plain') : undefined;
  if (plain) await predict(run, scan, plain, passed);
  const out = join(folder, 'out');
  const { seconds, smiPeakMb, report, profile } = await predict(run, scan, out, [
    ...passed,
    ...(plain ? ['--skip-early'] : []),
  ]);
  const { networkShape, plannedGpuBytes, peakGpuBytes, windows } = report;
  const { stages, cpuSeconds, peakHostBytes } = profile;
  const labelMap = (from: string) => join(from, `scan${slices}.nii.gz`);
  const peer = options.peer
    ? await peerCase({
        python: options.python,
        run,
        config,
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

/** What predict may take of the host: 500 MB, and twice the scan of 16-bit voxels. */
const hostBoundBytes = (slices: number) => 500e6 + 2 * sizeOf().reduce((a, b) => a * b, 2 * slices);

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

function asText(adapter: string, config: Config, runs: readonly CaseRun[]): string {
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
    mib(hostBoundBytes(run.slices)),
  ]);
  const line = (cells: readonly (string | number)[]) =>
    cells.map((cell) => String(cell).padStart(9)).join('');
  return [
    `${adapter}; ${parameterLayout(config).count} parameters, patches of ${config.patch.join('×')}, ${config.spacingMm.join('×')} mm`,
    `${options.size} voxels at ${options.spacing} mm; seconds from process start to end, of CPU, and by stage; MiB of GPU memory planned and counted, MB over idle by nvidia-smi, MiB of the host and the most it may be`,
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
${run.slices} slices, PyTorch ${peer.torch} on ${peer.device} / organseg: s ${pair(peer.seconds, run.seconds, (x) => x.toFixed(1))}; ${memory}${smi}
  there ${peer.windows} windows${peer.logitsOnHost ? ', logits on the host' : ''}; s by stage: ${stages.join(', ')}; ${(100 * peer.sameLabels).toFixed(3)} % of the voxels have the same label`;
}

async function plans(config: Config): Promise<string> {
  const gpu = await openGpu();
  try {
    const activation = dtypeOf(options.dtype) ?? fastestActivation(gpu);
    const shape = { network: networkConfig(config), patch: config.patch, activation, models: 1 };
    const planner = new MemoryPlanner(gpu, shape);
    const capBytes = Number(options['memory-cap'] ?? DEFAULT_CAP_BYTES / 2 ** 20) * 2 ** 20;
    const rows = numbers(options.slices).map((slices) => {
      const size: Xyz = [...sizeOf(), slices];
      const grid = { shape: size, affine: scaleAndShift(spacingOf(), [0, 0, 0]) };
      const geometry = caseGeometry(grid, bodyBox(size), config.spacingMm);
      const request = {
        ...caseRequest(geometry, preprocessingOf(config), resampleBack()),
        windowStep: config.windowStep,
        skipEarly: options['skip-early'],
      };
      const { batch, strips, logits, peakBytes } = planner.plan(request, capBytes);
      return [
        slices,
        geometry.network.shape.join('×'),
        batch,
        strips,
        logits,
        (peakBytes / 2 ** 20).toFixed(0),
      ];
    });
    const line = (cells: readonly (string | number)[]) =>
      cells.map((cell) => String(cell).padStart(14)).join('');
    return [
      `${gpu.adapter.name}; ${parameterLayout(config).count} parameters, patches of ${config.patch.join('×')}, activations in ${activation}, ${options.size} voxels at ${options.spacing} mm`,
      line(['slices', 'network grid', 'windows', 'strips', 'logits', 'planned MiB']),
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
const preset = options.preset ?? (software ? 'small' : 'gao2022');
if (!Object.hasOwn(PRESETS, preset)) throw new InputError(`--preset ${preset}: is none`);
const small = software && options.preset === undefined ? ['spacingMm=[1,1,1]', ...SOFTWARE_SETTINGS] : [];
const config = resolveConfig(preset as PresetName, undefined, [...small, ...options.set]);
const folder = mkdtempSync(join(tmpdir(), 'organseg-bench-'));
try {
  if (options.plan) process.stdout.write(`${await plans(config)}\n`);
  else await runs();
} finally {
  rmSync(folder, { recursive: true });
}

async function runs(): Promise<void> {
  const run = join(folder, 'run');
  await writeRun(run, config);
  const made: CaseRun[] = [];
  for (const slices of numbers(options.slices)) {
    made.push(await measured(folder, run, slices));
    if (!options.json) process.stderr.write(`${slices} slices: ${made.at(-1)!.seconds.toFixed(1)} s\n`);
  }
  if (options.svg) await writeWhole(options.svg, growthSvg(made, adapter));
  process.stdout.write(
    `${options.json ? JSON.stringify({ adapter, preset, runs: made }) : asText(adapter, config, made)}\n`,
  );
}
