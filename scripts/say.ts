/** What the parts of setting up tell on stderr. */

export const say = (text: string) => process.stderr.write(`setup: ${text}\n`);

/** Says what is about to be done and about how long it takes, does it, and says how long it took. */
export function part<T>(what: string, expected: string, work: () => T): T {
  say(`${what}: ${expected}`);
  const begin = performance.now();
  const result = work();
  say(`${what}: took ${Math.round((performance.now() - begin) / 1000)} s`);
  return result;
}
