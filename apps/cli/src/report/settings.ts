/** The section on what was run: the settings that matter, the adapter, the software, and the time of each task. */

import { xyzOf } from '@organseg/core/inference/axes.ts';
import { studentConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { html } from 'hono/html';
import manifest from '../../package.json' with { type: 'json' };
import { duration } from '../terminal/duration.ts';
import type { Html, ReportInput } from './input.ts';

export function settings({ preset, config, adapter, tasks, runs }: ReportInput): Html {
  const rows: [string, string][] = [
    ['preset', preset],
    ['network', `${config.architecture}, filters ${config.filters.join(', ')}, ${config.classes} classes`],
    ['grid', `${config.spacingMm.join(' × ')} mm, patches of ${xyzOf(config.patch).join(' × ')} voxels`],
    ['intensities', `${minus(config.intensityLowHu)} to ${minus(config.intensityHighHu)} HU`],
    ['batch', `${config.batch}, ${config.patchesPerImage} from each image`],
    ...(runs[0].records.length ? ([[runs[0].name, phase(config.initial)]] as [string, string][]) : []),
    [runs[1].name, phase(runs[0].records.length ? studentPhase(config) : studentConfig(config).initial)],
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

/** The phase of training that the student goes through. */
function studentPhase(config: Config): Config['initial'] {
  const { initial, fineTuning } = studentConfig(config);
  return config.studentStart === 'teacher' ? fineTuning : initial;
}

const phase = ({ epochs, learningRate, augment }: Config['initial']) =>
  `${epochs} epochs, learning rate ${learningRate}, ${augment ? 'with' : 'without'} augmentation`;

const minus = (value: number) => String(value).replace('-', '−');
