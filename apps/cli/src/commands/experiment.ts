/** `organseg experiment`: all arms of an experiment, and what came of it. */
import { execFileSync } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import type { BootstrapMean } from '@organseg/core/metrics/bootstrap.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { type Design, readDesign } from '../experiment/design.ts';
import { differences, experimentHtml } from '../experiment/page.ts';
import { type ArmResult, type ArmRun, resultsOf } from '../experiment/results.ts';
import { openState, runExperiment } from '../experiment/run.ts';
import { openSource } from '../experiment/source.ts';
import { type OwnedGpu, tuneOption, withGpu } from '../gpu/withGpu.ts';
import { modelPath } from '../model/box.ts';
import { checkpointOption, foldsOption } from '../predict/modelOptions.ts';
import { labelMapOption, type TeacherOptions, teacherOf } from '../predict/teacherOptions.ts';
import { points } from '../report/words.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { OUT_OF_TIME, orAfter } from '../terminal/interruptible.ts';
import { positive } from '../terminal/optionValues.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions, TeacherOptions {
  data?: string;
  out?: string;
  resume?: boolean;
  minutes?: number;
  tune: TuneMode;
}

export const experiment = command('experiment', 'Run all arms of an experiment, and say what came of it')
  .argument('<file>', 'the design, such as experiments/small.json')
  .option('--data <dir>', 'data set in nnU-Net’s layout, for a design without phantoms')
  .option('--teacher <path>', 'a model from elsewhere in the place of each seed’s teacher', modelPath)
  .addOption(labelMapOption())
  .addOption(foldsOption())
  .addOption(checkpointOption())
  .option('--out <dir>', 'folder of the runs, results and figures (default: runs/FILE’s name)')
  .option('--resume', 'go on where the folder was; without it the folder must be new')
  .option('--minutes <n>', 'stop cleanly after so long with exit code 124; --resume continues', positive)
  .addOption(tuneOption())
  .action(async (file: string, options: Options) => {
    const { folds, checkpoint } = options;
    const choice = folds || checkpoint ? { folds, checkpoint } : undefined;
    const design = await readDesign(file, options.teacher, choice);
    const out = options.out ?? join('runs', basename(file, '.json'));
    const source = await openSource(design, options.data, file);
    const planned = await teacherOf(options, source);
    const teacher = planned && { path: resolve(options.teacher!), choice, planned };
    const work = async (owner: OwnedGpu, stop: AbortSignal) => {
      const signal = options.minutes ? orAfter(options.minutes, stop) : stop;
      const facts = {
        commit: commit(),
        adapter: owner.gpu.adapter.name,
        date: new Date().toISOString().slice(0, 10),
      };
      const write = async (runs: readonly ArmRun[]) => {
        const results = resultsOf(runs, design.baseline);
        const origin = { data: source.data ?? null, teacher: teacher?.path ?? null };
        const content = { ...facts, ...origin, design, results, runs };
        await writeWhole(join(out, 'results.json'), `${JSON.stringify(content, null, 2)}\n`);
        await writeWhole(
          join(out, 'results.html'),
          await experimentHtml({ design, source, teacher: teacher?.path, results, out, ...facts }),
        );
        for (const [labelled, own] of Map.groupBy(results, (result) => result.labelled)) {
          const figure = differences(design.baseline, own);
          if (figure)
            await writeWhole(join(out, `differences-${labelled}-labelled.svg`), String(await figure));
        }
      };
      try {
        const how = { path: file, source, teacher, out, signal, onRun: write };
        const runs = await runExperiment(owner, design, how);
        const results = resultsOf(runs, design.baseline);
        print(options, { out, results }, table(design, results, out));
      } catch (error) {
        if (stop.aborted || !signal.aborted) throw error;
        say(`stopped after ${options.minutes} minutes; --resume continues`);
        process.exitCode = OUT_OF_TIME;
      }
    };
    await whileLocked(out, async () => {
      await openState(design, { out, source, teacher }, options.resume ?? false);
      await withGpu({ tune: options.tune }, work);
    });
  });

/** Of the sources that run; null where they are no git checkout. */
function commit(): string | null {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: import.meta.dirname,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const changed = git('status', '--porcelain').trim() ? ' with changes' : '';
    return git('rev-parse', '--short', 'HEAD').trim() + changed;
  } catch {
    return null;
  }
}

function table({ baseline }: Design, results: readonly ArmResult[], out: string): string {
  const width = Math.max(...results.map(({ arm }) => arm.length)) + 2;
  const withInterval = ({ mean, low, high }: BootstrapMean) =>
    points(mean) + (Number.isNaN(low) ? '' : ` [${points(low)}, ${points(high)}]`);
  const rows = results.map(({ labelled, arm, mean, difference }) => {
    const change = difference ? withInterval(difference.dsc) : '';
    return `${String(labelled).padStart(8)}  ${arm.padEnd(width)}${mean.dsc.toFixed(4)}  ${mean.nsd.toFixed(4)}  ${change}`;
  });
  return [
    `labelled  ${'arm'.padEnd(width)}DSC     NSD     DSC points over “${baseline}”, 95 % over cases`,
    ...rows,
    '',
    `page: ${join(out, 'results.html')}`,
  ].join('\n');
}
