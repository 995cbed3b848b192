/** How the tests run: in processes of their own, without bounds by the clock, on a driver that compiles fast. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Milliseconds after which a test hangs for certain, however slow and busy the machine is. */
const HANGS_AFTER_MS = 30 * 60_000;

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'],
    // Dawn's binding crashes in worker threads.
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: HANGS_AFTER_MS,
    hookTimeout: HANGS_AFTER_MS,
    teardownTimeout: HANGS_AFTER_MS,
    env: {
      // Mesa's software driver compiles a kernel for 4 lanes in a third of the time that it takes for 8. Its cache on
      // disk does not tell the two apart, so the tests have one of their own.
      LP_NATIVE_VECTOR_WIDTH: '128',
      MESA_SHADER_CACHE_DIR: fileURLToPath(new URL('node_modules/.cache/mesa-4-lanes', import.meta.url)),
    },
  },
});
