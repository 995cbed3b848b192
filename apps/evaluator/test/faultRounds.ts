/**
 * The node entry, killed at random moments while teams submit: after each restart everything that was acknowledged
 * must be there and end up scored right, and nothing half-written may be left.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Random } from '@organseg/core/random.ts';
import { Client, challengeWith, type Json } from './client.ts';
import { log, mask, zip } from './masks.ts';
import { end, spawnNode } from './servers.ts';

const CASES = ['one', 'two', 'three'];
const SHIFTS = [0, 1, 2];
const BIG = { shape: [90, 80, 60] };
const LONGEST_MS = 900;

export interface FaultReport {
  readonly rounds: number;
  readonly acknowledged: number;
  /** What was under way when the process was killed, by the number of rounds. */
  readonly during: Readonly<Record<'upload' | 'scoring' | 'nothing', number>>;
}

/** What a team was told. */
interface Promised {
  readonly id: string;
  readonly client: Client;
  /** The shift of the mask that was acknowledged last for each case. */
  readonly shifts: Map<string, number>;
  isComplete: boolean;
}

/** Runs rounds of submitting, killing and checking. Throws with what was lost or wrong. */
export async function faultRounds(
  seed: number,
  rounds: number,
  say: (line: string) => void,
): Promise<FaultReport> {
  const random = new Random(seed);
  const data = mkdtempSync(join(tmpdir(), 'organseg-faults-'));
  const settings = { EVALUATOR_REQUESTS_PER_MINUTE: '1000000' };
  const masks = SHIFTS.map((shift) => mask(shift, 13, BIG));
  let node = await spawnNode(data, settings);
  try {
    const owner = new Client(node, node.ownerKey);
    const references = Object.fromEntries(CASES.map((name) => [name, masks[0]]));
    const challenge = await challengeWith(owner, references, { submissionsPerDay: 1000 });
    const teams = await Promise.all(['A', 'B', 'C'].map((name) => challenge.team(name)));
    const expected = await expectedDsc(owner, masks);
    const during = { upload: 0, scoring: 0, nothing: 0 };
    const promised: Promised[] = [];

    for (let round = 1; round <= rounds; round++) {
      const here = teams.map(({ client }) => new Client(node, client.key));
      const state = { uploads: 0 };
      const work = here.map((client, i) =>
        submitting(client, challenge.id, masks, random.fork(`${round} ${i}`), state, promised),
      );
      const killAfterMs = random.uniform(0, LONGEST_MS);
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      const wasUploading = state.uploads > 0;
      await end(node.child, 'SIGKILL');
      await Promise.all(work);
      const scoring = inDatabase(data, (db) =>
        db.prepare("select 1 from submission_cases where state = 'scoring'").all(),
      );
      const phase = scoring.length > 0 ? 'scoring' : wasUploading ? 'upload' : 'nothing';
      during[phase]++;

      node = await spawnNode(data, settings);
      const now = (each: Promised) => new Client(node, each.client.key);
      for (const each of promised) await checkPromise(each, now(each), expected);
      checkFolder(data);
      say(
        `round ${round}: killed after ${killAfterMs.toFixed(0)} ms during ${phase}; ${promised.length} submissions are whole`,
      );
    }
    return { rounds, acknowledged: promised.filter(({ isComplete }) => isComplete).length, during };
  } finally {
    await end(node.child, 'SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
}

/** Submits until the process is gone, and notes what was acknowledged. */
async function submitting(
  client: Client,
  challenge: string,
  masks: readonly Uint8Array<ArrayBuffer>[],
  random: Random,
  state: { uploads: number },
  promised: Promised[],
): Promise<void> {
  const sent = async <T>(request: Promise<T>): Promise<T> => {
    state.uploads++;
    try {
      return await request;
    } finally {
      state.uploads--;
    }
  };
  try {
    for (;;) {
      const cases = CASES.filter((_, i) => i === 0 || random.chance(0.7));
      if (random.chance(0.5)) {
        const shifts = new Map(cases.map((name) => [name, random.int(masks.length)]));
        const files = Object.fromEntries(
          [...shifts].map(([name, shift]) => [`${name}.nii.gz`, masks[shift]]),
        );
        const { status, body } = await sent(
          client.submit(challenge, await zip({ ...files, 'one.jsonl': log(2) })),
        );
        if (status === 202) promised.push({ id: body.id, client, shifts, isComplete: true });
        continue;
      }
      const opened = await client.post(`/v1/challenges/${challenge}/submissions/open`);
      if (opened.status !== 201) continue;
      const promise: Promised = { id: opened.body.id, client, shifts: new Map(), isComplete: false };
      promised.push(promise);
      for (const name of cases) {
        const shift = random.int(masks.length);
        const { status } = await sent(
          client.put(`/v1/submissions/${promise.id}/cases/${name}`, masks[shift]),
        );
        if (status === 201) promise.shifts.set(name, shift);
      }
      const completed = await client.call('POST', `/v1/submissions/${promise.id}/complete`);
      if (completed.status === 202) promise.isComplete = true;
    }
  } catch (error) {
    // The process is gone; anything else is a fault of this test.
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
  }
}

async function checkPromise(
  { id, shifts, isComplete }: Promised,
  client: Client,
  expected: number[],
): Promise<void> {
  const fault = (what: string, seen: unknown) =>
    new Error(`submission ${id}: ${what}: ${JSON.stringify(seen)}`);
  if (isComplete) await client.watch(id);
  const { status, body } = await client.get(`/v1/submissions/${id}`);
  if (status !== 200) throw fault('it was acknowledged, and is gone', body);
  if (isComplete && body.state !== 'scored') throw fault('it was accepted, and is not scored', body.state);
  for (const [name, shift] of shifts) {
    const found = body.cases.find((each: Json) => each.name === name);
    if (found.state === 'missing') throw fault(`the mask of ${name} was acknowledged, and is gone`, body);
    // A request that was not answered may have replaced a mask of an open submission, whole.
    const wanted = isComplete ? [expected[shift]] : expected;
    if (found.scores && !wanted.includes(found.scores.mean.dsc))
      throw fault(`the score of ${name} is wrong`, found.scores);
  }
}

/** The database is sound, and every blob is named by it once. */
function checkFolder(data: string): void {
  const named = inDatabase(data, (db) => {
    const check = db.prepare('pragma integrity_check').get();
    if (check?.integrity_check !== 'ok') throw new Error(`the database is broken: ${JSON.stringify(check)}`);
    const open = db.prepare("select id from submissions where kind = 'zip' and completed_at is null").all();
    if (open.length > 0) throw new Error(`a zip that was never accepted is left: ${JSON.stringify(open)}`);
    return db
      .prepare(
        'select reference_key as key from cases union all select mask_key from submission_cases union all select log_key from efficiency_logs',
      )
      .all()
      .map(({ key }) => String(key));
  });
  const stored = ['masks', 'logs', 'scratch', 'incoming'].flatMap((folder) =>
    readdirSync(join(data, 'blobs', folder)).map((name) => `${folder}/${name}`),
  );
  const [a, b] = [named.sort().join('\n'), stored.sort().join('\n')];
  if (a !== b) throw new Error(`blobs and database differ:\n${a}\n--\n${b}`);
}

function inDatabase<T>(data: string, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(data, 'evaluator.sqlite'), { readOnly: true });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** The mean DSC of each mask, by the route that keeps nothing. */
async function expectedDsc(client: Client, masks: readonly Uint8Array<ArrayBuffer>[]): Promise<number[]> {
  const answers = masks.map((prediction) => client.score({ reference: masks[0], prediction }));
  return (await Promise.all(answers)).map(({ body }) => body.mean.dsc);
}
