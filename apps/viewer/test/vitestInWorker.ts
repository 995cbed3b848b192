/** What the kernels' tests use of vitest, for a worker of a page; the test's bundle has it in vitest's place. */

type Work = () => unknown;

interface Suite {
  readonly name: string;
  readonly before: Work[];
  readonly after: Work[];
  readonly cases: { readonly name: string; readonly run: Work }[];
}

/** What came of the tests: how many ran, and of each that failed its name and why. */
export interface Outcome {
  readonly ran: number;
  readonly failures: readonly string[];
}

const suiteOf = (name: string): Suite => ({ name, before: [], after: [], cases: [] });
const suites = [suiteOf('')];
const current = () => suites.at(-1)!;

export function describe(name: string, fill: () => void): void {
  suites.push(suiteOf(name));
  fill();
  suites.push(suiteOf('')); // what follows belongs to no suite
}
export const beforeAll = (work: Work) => current().before.push(work);
export const afterAll = (work: Work) => current().after.push(work);

export const test = Object.assign((name: string, run: Work) => current().cases.push({ name, run }), {
  each: (rows: readonly unknown[]) => (name: string, run: (...args: unknown[]) => unknown) => {
    for (const row of rows)
      test(`${name} ${JSON.stringify(row)}`, () => (Array.isArray(row) ? run(...row) : run(row)));
  },
});

export function expect(actual: unknown) {
  const expectation = (holds: (actual: never, expected: never) => boolean, words: string) => {
    return (expected: unknown) => {
      if (!holds(actual as never, expected as never))
        throw new Error(`expected ${text(actual)} ${words} ${text(expected)}`);
    };
  };
  return {
    toBe: expectation(Object.is, 'to be'),
    toEqual: expectation(equal, 'to equal'),
    toBeLessThan: expectation((a: number, b: number) => a < b, 'to be less than'),
    toBeGreaterThan: expectation((a: number, b: number) => a > b, 'to be greater than'),
    toBeCloseTo: (expected: number, digits: number) =>
      expectation((a: number, b: number) => Math.abs(a - b) < 10 ** -digits / 2, 'to be close to')(expected),
    toThrow: expectation(throws, 'to throw'),
  };
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return (
    a.constructor === b.constructor &&
    keys.length === others.length &&
    keys.every((key) => equal(a[key as never], b[key as never]))
  );
}

function throws(work: Work, expected: string | RegExp): boolean {
  try {
    work();
  } catch (error) {
    const { message } = error as Error;
    return typeof expected === 'string' ? message.includes(expected) : expected.test(message);
  }
  return false;
}

const text = (value: unknown) => `${typeof value === 'object' ? JSON.stringify(value) : value}`.slice(0, 200);

/** Runs of each suite the cases that `wanted` picks. */
export async function runTests(
  wanted: (suite: string, names: readonly string[]) => readonly string[],
): Promise<Outcome> {
  const failures: string[] = [];
  let ran = 0;
  for (const { name: suite, before, after, cases } of suites) {
    const names = new Set(
      wanted(
        suite,
        cases.map(({ name }) => name),
      ),
    );
    if (names.size === 0) continue;
    for (const work of before) await work();
    for (const { name, run } of cases.filter((each) => names.has(each.name))) {
      ran++;
      try {
        await run();
      } catch (error) {
        failures.push(`${suite}: ${name}: ${(error as Error).message}`);
      }
    }
    for (const work of after) await work();
  }
  return { ran, failures };
}
