/** The report of an adaptation: each scan before and after, in one file that needs nothing else. */
import { join } from 'node:path';
import { diceByLabel } from '@organseg/core/metrics/overlap.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { readBytes } from '@organseg/files/read.ts';
import { html } from 'hono/html';
import { z } from 'zod';
import type { Html } from '../report/input.ts';
import { madeNow, pageHtml, RESEARCH_ALONE } from '../report/page.ts';
import { score } from '../report/words.ts';
import type { Segmented } from './segmentAll.ts';

const statistics = z.record(z.string(), z.object({ volumeMl: z.number() }));

export interface Adaptation {
  /** The model that was adapted. */
  readonly model: string;
  /** The folder of the scans. */
  readonly images: string;
  readonly before: Segmented;
  readonly after: Segmented;
}

export async function adaptReport({ model, images, before, after }: Adaptation): Promise<string> {
  const cases = after.cases.filter((name) => before.cases.includes(name));
  const sections: Html[] = [];
  for (const name of cases) sections.push(await section(name, before.out, after.out));
  return pageHtml({
    title: 'Adaptation',
    made: html`${madeNow()} · <code>${model}</code> · <code>${images}</code>`,
    lead: 'What the model said of each scan before and after it learnt from them. No label drawn by hand was there, so nothing here says which is right: look.',
    main: html`${sections}
${RESEARCH_ALONE}`,
  });
}

async function section(name: string, before: string, after: string): Promise<Html> {
  const read = async (folder: string) => {
    const { data } = await readLabelsFile(join(folder, `${name}.nii.gz`));
    const volumes = await readJsonFile(join(folder, `${name}_statistics.json`), statistics);
    const png = (await readBytes(join(folder, `${name}.png`))).toString('base64');
    return { data, volumes, png };
  };
  const [was, is] = [await read(before), await read(after)];
  const dice = diceByLabel(was.data, is.data, FLARE22_ORGANS.length + 1);
  const ml = ({ volumes }: typeof was, organ: string) => volumes[organ]?.volumeMl.toFixed(0) ?? '0';
  return html`<section><h2>${name}</h2>
<table class="voxels"><thead><tr><th>organ</th><th>before, ml</th><th>after, ml</th><th>DSC of the two</th></tr></thead>
<tbody>${FLARE22_ORGANS.map(
    ({
      id,
      longName,
    }) => html`<tr><td>${longName}</td><td>${ml(was, longName)}</td><td>${ml(is, longName)}</td>
<td>${score(dice[id]!)}</td></tr>`,
  )}</tbody></table>
<h3>Before</h3><img src="data:image/png;base64,${was.png}" alt="${name} before" style="max-width: 100%">
<h3>After</h3><img src="data:image/png;base64,${is.png}" alt="${name} after" style="max-width: 100%"></section>`;
}
