/** The section on what was run: the settings that matter, the adapter, the software, and the time of each task. */

import { xyzOf } from '@organseg/core/inference/axes.ts';
import { studentConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { html } from 'hono/html';
import manifest from '../../package.json' with { type: 'json' };
import { duration } from '../terminal/duration.ts';
import type { Html, ReportInput } from './input.ts';

export function settings({ preset, config, adapter, tasks, runs }: ReportInput): Html {
  const isFromElsewhere = !runs[0]!.records.length;
  const rows: [string, string][] = [
    ['settings', preset],
    ['network', `${config.architecture}, filters ${config.filters.join(', ')}, ${config.classes} classes`],
    ['grid', `${config.spacingMm.join(' × ')} mm, patches of ${xyzOf(config.patch).join(' × ')} voxels`],
    ['intensities', intensities(config)],
    ['batch', `${config.batch}, ${config.patchesPerImage} from each image`],
    ...runs.flatMap(({ name, records }, i): [string, string][] =>
      i || records.length
        ? [[name, i ? studentPhase(config, i - 1, isFromElsewhere) : phase(config.initial)]]
        : [],
    ),
    ['seed', String(config.seed)],
    ['adapter', adapter],
    ['software', `organseg ${manifest.version}, Node.js ${process.versions.node}`],
  ];
  const total = tasks.reduce((sum, { seconds }) => sum + seconds, 0);
  return html`<div class="columns">
<table><tbody>${rows.map(([name, value]) => html`<tr><th>${name}<td>${value}`)}</table>
<table><thead><tr><th>task<th>time
<tbody>${tasks.map(({ name, seconds }) => html`<tr><th>${name}<td>${duration(seconds)}`)}
<tfoot><tr><th>total<td>${duration(total)}</table>
</div>
<details><summary>All settings</summary><pre>${JSON.stringify(config, null, 2)}</pre></details>`;
}

/** What training the student of a round goes through, from 0. */
function studentPhase(config: Config, round: number, teacherIsFromElsewhere: boolean): string {
  const { initial, fineTuning, studentStart, branchAt } = studentConfig(config, round);
  if (studentStart === 'teacher' && !(teacherIsFromElsewhere && round === 0)) return phase(fineTuning);
  const isBranch = studentStart === 'branch' && !teacherIsFromElsewhere;
  return `${phase(initial)}${isBranch ? `, the first ${Math.round(100 * branchAt!)} % shared` : ''}`;
}

const intensities = ({ channels, intensityLowHu, intensityHighHu }: Config): string =>
  channels
    ? channels.map(({ scheme }) => scheme).join(', ')
    : `${minus(intensityLowHu)} to ${minus(intensityHighHu)} HU`;

const phase = ({ epochs, learningRate, augment }: Config['initial']) =>
  `${epochs} epochs, learning rate ${learningRate}, ${augment ? 'with' : 'without'} augmentation`;

const minus = (value: number) => String(value).replace('-', '−');
