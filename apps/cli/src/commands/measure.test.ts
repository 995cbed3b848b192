/** Where `measure` runs. */
import { afterEach, expect, it } from 'vitest';
import { measure } from './measure.ts';

const { platform } = process;
afterEach(() => void Object.defineProperty(process, 'platform', { value: platform }));

it.each(['darwin', 'win32'])('is refused on %s in one line', async (other) => {
  Object.defineProperty(process, 'platform', { value: other });
  await expect(measure.parseAsync(['--', process.execPath, '--version'], { from: 'user' })).rejects.toThrow(
    /^measure runs on Linux alone/,
  );
});
