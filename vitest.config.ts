/** How the tests run: in processes of their own, without bounds by the clock, on a driver that compiles fast. */
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

/** Milliseconds after which a test hangs for certain, however slow and busy the machine is. */
const HANGS_AFTER_MS = 30 * 60_000;

const ALL = ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'];

/**
 * Files that share processes, which load modules and the driver once: they change nothing that others see. Those of
 * `kernels/src/open` look at what their process prints and whether it rests.
 */
const SHARING = [
  'packages/core/**/*.test.ts',
  'packages/kernels/{test,src/ops}/**/*.test.ts',
  'packages/kernels/src/*.test.ts',
];

export default defineConfig({
  test: {
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
    projects: [
      { extends: true, test: { name: 'sharing', include: SHARING, isolate: false } },
      {
        extends: true,
        test: { name: 'apart', include: ALL, exclude: [...configDefaults.exclude, ...SHARING] },
      },
    ],
  },
});
