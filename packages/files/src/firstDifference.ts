/** How two objects of JSON differ, for people. */

/** The first key, dotted, whose values differ, as "KEY BEFORE, not NOW"; undefined where there is none. */
export function firstDifference(before: unknown, now: unknown, path = ''): string | undefined {
  const [was, is] = [before, now].map((value) => JSON.stringify(value) ?? 'none');
  if (was === is) return undefined;
  if (!isObject(before) || !isObject(now)) return `${path} ${was}, not ${is}`.trim();
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const found = firstDifference(before[key], now[key], path ? `${path}.${key}` : key);
    if (found) return found;
  }
  return undefined; // their keys are ordered differently
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
