/**
 * `pnpm evaluator:load [--clients 20] [--raw]`: so many clients upload 512×424×224 masks at once to one node process,
 * each as a submission of its own; `--raw` without gzip. Reports whether every one was scored right, how fast /health
 * answered meanwhile, and the process's memory.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { labelMap } from '@organseg/core/metrics/labelMap.ts';
import { RULE_SETS, scoreCase } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { concatenate, niftiHeader } from '@organseg/core/volume/niftiFixture.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { Client, challengeWith } from '../test/client.ts';
import { end, spawnNode } from '../test/servers.ts';

const SHAPE: Xyz = [512, 424, 224];
const SPACING: Xyz = [Math.fround(0.715), Math.fround(0.715), 1.5];
/** Different masks; clients beyond them send the same again. */
const SHIFTS = [0, 1, 2, 3, 5];

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '20' }, raw: { type: 'boolean', default: false } },
});
const clients = Number(values.clients);
const say = (text: string) => process.stdout.write(`${text}\n`);

say(`making ${SHIFTS.length} masks of ${SHAPE.join('×')}`);
const reference = labels(0);
const masks = SHIFTS.map((shift) => {
  const data = labels(shift);
  const maps = [labelMap(SHAPE, reference, 'reference'), labelMap(SHAPE, data, 'mask')] as const;
  const { mean } = scoreCase(...maps, SPACING, FLARE22_ORGANS, RULE_SETS.flare22);
  return { file: asFile(data, values.raw), mean };
});

const data = mkdtempSync(join(tmpdir(), 'organseg-load-'));
const node = await spawnNode(data, { EVALUATOR_REQUESTS_PER_MINUTE: '1000000' });
try {
  const owner = new Client(node, node.ownerKey);
  const referenceFile = masks[0].file;
  const challenge = await challengeWith(owner, { one: referenceFile });
  const teams = await Promise.all(Array.from({ length: clients }, (_, i) => challenge.team(`Team ${i}`)));

  const watch = watchProcess(node.url, node.child.pid!);
  const start = performance.now();
  const uploadedMs: number[] = [];
  const right = await Promise.all(
    teams.map(async ({ client }, i) => {
      const { file, mean } = masks[i % masks.length];
      const opened = await client.post(`/v1/challenges/${challenge.id}/submissions/open`);
      const path = `/v1/submissions/${opened.body.id}`;
      const put = await client.put(`${path}/cases/one`, file);
      if (put.status !== 201) throw new Error(put.text);
      await client.call('POST', `${path}/complete`);
      uploadedMs.push(performance.now() - start);
      await client.watch(opened.body.id);
      const { body } = await client.get(path);
      return body.mean.dsc === mean.dsc && body.mean.nsd === mean.nsd;
    }),
  );
  const totalMs = performance.now() - start;
  const { latenciesMs, peakBytes } = await watch.stop();
  const at = (share: number) =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(share * latenciesMs.length))];
  const isRight = right.every(Boolean);
  const p99 = at(0.99);
  say(
    `clients            ${clients}, ${(masks[1].file.length / 1e6).toFixed(1)} MB each${values.raw ? ', not gzipped' : ''}`,
  );
  say(`scored right       ${right.filter(Boolean).length} of ${clients}`);
  say(`uploaded, checked  all within ${(Math.max(...uploadedMs) / 1000).toFixed(1)} s`);
  say(`scored             all within ${(totalMs / 1000).toFixed(1)} s`);
  say(
    `/health            ${latenciesMs.length} asked; median ${at(0.5).toFixed(1)} ms, 99th percentile ${p99.toFixed(1)} ms, slowest ${at(1).toFixed(1)} ms`,
  );
  say(`resident memory    at most ${(peakBytes / 1e6).toFixed(0)} MB`);
  process.exitCode = isRight && p99 <= 100 && peakBytes < 1e9 ? 0 : 1;
  say(process.exitCode === 0 ? 'passed' : 'FAILED: wanted all right, 100 ms at the 99th percentile, 1 GB');
} finally {
  await end(node.child, 'SIGKILL');
  rmSync(data, { recursive: true });
}

/** Has /health asked from another thread, and reads the process's highest resident memory at the end. */
function watchProcess(url: string, pid: number) {
  const probe = new Worker(new URL('./healthProbe.ts', import.meta.url), { workerData: url });
  return {
    async stop() {
      probe.postMessage('stop');
      const [latenciesMs] = (await once(probe, 'message')) as [number[]];
      const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
      return { latenciesMs: latenciesMs.sort((a, b) => a - b), peakBytes: 1024 * Number(kilobytes) };
    },
  };
}

/** Thirteen balls of 25 to 85 mm across, with ragged surfaces so that gzip has something to do. */
function labels(shift: number): Uint8Array {
  const [nx, ny, nz] = SHAPE;
  const data = new Uint8Array(nx * ny * nz);
  for (let organ = 1; organ <= 13; organ++) {
    const [cx, cy, cz] = [70 + 120 * ((organ - 1) % 4) + shift, 60 + 95 * Math.floor((organ - 1) / 4), 112];
    const radiusMm = 42 - 2.4 * organ;
    const [rx, ry, rz] = SPACING.map((spacing) => radiusMm / spacing);
    for (let z = Math.max(0, Math.ceil(cz - rz)); z <= Math.min(nz - 1, cz + rz); z++) {
      for (let y = Math.max(0, Math.ceil(cy - ry)); y <= Math.min(ny - 1, cy + ry); y++) {
        const rest = 1 - ((z - cz) / rz) ** 2 - ((y - cy) / ry) ** 2;
        if (rest <= 0) continue;
        const ragged = ((y * 7 + z * 13) % 5) - 2;
        const reach = Math.max(0, rx * Math.sqrt(rest) + ragged);
        const row = nx * (y + ny * z);
        data.fill(
          organ,
          row + Math.max(0, Math.ceil(cx - reach)),
          row + Math.min(nx, Math.floor(cx + reach) + 1),
        );
      }
    }
  }
  return data;
}

function asFile(values: Uint8Array, isRaw: boolean): Uint8Array<ArrayBuffer> {
  const header = niftiHeader({ shape: [...SHAPE], datatype: 2, bitpix: 8, pixdim: [1, ...SPACING] });
  const whole = concatenate(header, values);
  return isRaw ? whole : Uint8Array.from(gzipSync(whole));
}
