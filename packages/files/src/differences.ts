/** How two objects of JSON differ, for people. */

/** The keys, dotted, whose values differ, each as "KEY BEFORE, not NOW"; the order of keys is none. */
export function* differences(before: unknown, now: unknown, path = ''): Generator<string> {
  const [was, is] = [before, now].map((value) => JSON.stringify(value) ?? 'none');
  if (was === is) return;
  if (!isObject(before) || !isObject(now)) {
    yield `${path} ${was}, not ${is}`.trim();
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)]))
    yield* differences(before[key], now[key], path ? `${path}.${key}` : key);
}

/** The first of the differences; undefined where there is none. */
export const firstDifference = (before: unknown, now: unknown): string | undefined =>
  differences(before, now).next().value ?? undefined;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
