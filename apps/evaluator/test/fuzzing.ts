/** Broken input of every kind, made from sound input by a seed: no answer may be 500, none may fail to come. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Random } from '@organseg/core/random.ts';
import { type Answer, Client, challengeWith } from './client.ts';
import { log, mask, zip } from './masks.ts';
import type { Server } from './servers.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const AT_ONCE = 4;
/** Far more than an answer takes on a slow and busy machine. */
const LONGEST_MS = 600_000;

/** Answers by status, of each kind of input. */
export type FuzzReport = Record<string, Record<number, number>>;

/** Sends `count` broken inputs. Throws, and keeps the input in a file, where one is answered 500 or not at all. */
export async function fuzz(server: Server, seed: number, count: number): Promise<FuzzReport> {
  const random = new Random(seed);
  const owner = new Client(server, server.ownerKey);
  const challenge = await challengeWith(owner, { one: mask(), two: mask() }, { submissionsPerDay: 1000 });
  const { client } = await challenge.team('Fuzz');
  const opened = await client.post(`/v1/challenges/${challenge.id}/submissions/open`);
  const path = `/v1/submissions/${opened.body.id}/cases/one`;
  const packed = await zip({ 'one.nii.gz': mask(1), 'two.nii.gz': mask(2), 'one.jsonl': log(2) });
  const plain = Uint8Array.from(gunzipSync(mask(1)));

  const kinds: Record<string, { sound: Bytes; send: (bytes: Bytes) => Promise<Answer> }> = {
    NIfTI: { sound: plain, send: (bytes) => owner.score({ reference: mask(), prediction: bytes }) },
    'gzipped NIfTI': {
      sound: mask(1),
      send: (bytes) => owner.score({ reference: mask(), prediction: bytes }),
    },
    'NIfTI in sound gzip': {
      sound: plain,
      send: (bytes) => client.put(path, Uint8Array.from(gzipSync(bytes))),
    },
    zip: { sound: packed, send: (bytes) => client.submit(challenge.id, bytes) },
    log: {
      sound: new TextEncoder().encode(log(2)),
      send: (bytes) => client.put(`${path}/efficiency`, bytes),
    },
    form: {
      sound: new TextEncoder().encode(FORM),
      send: (bytes) => owner.call('POST', '/v1/score', bytes, 'multipart/form-data; boundary=b'),
    },
    JSON: {
      sound: new TextEncoder().encode(
        JSON.stringify({ name: 'A', organs: [{ id: 1, name: 'x', toleranceMm: 1 }] }),
      ),
      send: (bytes) => owner.call('POST', '/v1/challenges', bytes, 'application/json'),
    },
  };

  const report: FuzzReport = {};
  let next = 0;
  const run = async () => {
    while (next < count) {
      const number = next++;
      const own = random.fork(number);
      const name = own.pick(Object.keys(kinds));
      const { sound, send } = kinds[name];
      const bytes = broken(sound, own);
      const status = await Promise.race([send(bytes).then((answer) => answer.status), silence()]).catch(
        (error) => String(error.cause ?? error),
      );
      if (typeof status !== 'number' || status >= 500) {
        const kept = join(tmpdir(), `organseg-fuzz-${seed}-${number}`);
        writeFileSync(kept, bytes);
        throw new Error(
          `input ${number} of seed ${seed}, ${name}, was answered ${status}; it is kept in ${kept}`,
        );
      }
      report[name] ??= {};
      report[name][status] = (report[name][status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return report;
}

function silence(): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('nothing'), LONGEST_MS).unref());
}

/** Some changes of a kind each, most of them small, so that what comes after the first check is reached too. */
function broken(sound: Bytes, random: Random): Bytes {
  let bytes: Bytes = sound.slice();
  for (let changes = 1 + random.int(4); changes > 0; changes--) bytes = random.pick(CHANGES)(bytes, random);
  return bytes;
}

/** Headers and directories lie at the ends: half of all changes strike there. */
function place(bytes: Bytes, random: Random): number {
  const near = Math.min(bytes.length, 400);
  const at = random.pick([
    random.int(near || 1),
    bytes.length - 1 - random.int(near || 1),
    random.int(bytes.length || 1),
  ]);
  return Math.max(0, Math.min(bytes.length - 1, at));
}

const CHANGES: ((bytes: Bytes, random: Random) => Bytes)[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[place(bytes, random)] ^= 1 << random.int(8);
    return bytes;
  },
  function setExtreme(bytes, random) {
    const value = random.pick([0, 1, 0x7f, 0x80, 0xff]);
    const at = place(bytes, random);
    return bytes.fill(value, at, at + random.pick([1, 2, 4, 8]));
  },
  function cutEnd(bytes, random) {
    return bytes.slice(0, place(bytes, random));
  },
  function dropMiddle(bytes, random) {
    const at = place(bytes, random);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(64)));
  },
  function repeat(bytes, random) {
    const at = place(bytes, random);
    return joined(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random.int(200))));
  },
  function insertNoise(bytes, random) {
    const noise = Uint8Array.from({ length: 1 + random.int(32) }, () => random.int(256));
    const at = place(bytes, random);
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
];

function joined(...parts: Uint8Array[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}

const FORM = ['reference', 'prediction']
  .map(
    (name) => `--b\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.nii"\r\n\r\nabc\r\n`,
  )
  .concat('--b\r\nContent-Disposition: form-data; name="rules"\r\n\r\nplain\r\n--b--\r\n')
  .join('');
