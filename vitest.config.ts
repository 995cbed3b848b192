/** How the tests run: in processes of their own, without bounds by the clock, on a driver that compiles fast. */
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

/** Milliseconds after which a test hangs for certain, however slow and busy the machine is. */
const HANGS_AFTER_MS = 30 * 60_000;

const ALL = ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'];

/** Files that compile many kernels, each of which they run on little data: what is compiled badly serves them best. */
const COMPILING = [
  'packages/kernels/{test,src/ops}/**/*.test.ts',
  'packages/core/src/network/*.test.ts',
  'test/golden/{networks,parity}.test.ts',
];

/**
 * Files that need a process of their own: the evaluator's change their environment and start servers, those of
 * `kernels/src/open` look at what their process prints and whether it rests.
 */
const APART = ['apps/evaluator/test/*.test.ts', 'packages/kernels/src/open/*.test.ts'];

/** A cache that outlives a run. Mesa's does not tell apart what was compiled under different settings. */
const cacheOf = (name: string) => fileURLToPath(new URL(`node_modules/.cache/${name}`, import.meta.url));

export default defineConfig({
  test: {
    // Dawn's binding crashes in worker threads.
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: HANGS_AFTER_MS,
    hookTimeout: HANGS_AFTER_MS,
    teardownTimeout: HANGS_AFTER_MS,
    env: {
      // Mesa's software driver compiles a kernel for 4 lanes in a third of the time that it takes for 8.
      LP_NATIVE_VECTOR_WIDTH: '128',
      MESA_SHADER_CACHE_DIR: cacheOf('mesa-4-lanes'),
      // glibc keeps the memory that compilers and runs give back, in huge pages: two fifths fewer page faults.
      GLIBC_TUNABLES:
        'glibc.malloc.hugetlb=1:glibc.malloc.trim_threshold=1073741824:glibc.malloc.top_pad=16777216',
      // Commands that tests start load their modules in two thirds of the time.
      NODE_COMPILE_CACHE: cacheOf('node'),
    },
    // Processes that several files share load modules and the driver once; V8 compiles what they call once.
    projects: [
      {
        extends: true,
        test: {
          name: 'compiling',
          include: COMPILING,
          isolate: false,
          // Without most of LLVM's passes a kernel is compiled in two thirds of the time, and runs half as fast.
          env: { GALLIVM_PERF: 'nopt', MESA_SHADER_CACHE_DIR: cacheOf('mesa-4-lanes-plain') },
        },
      },
      {
        extends: true,
        test: {
          name: 'sharing',
          include: ALL,
          exclude: [...configDefaults.exclude, ...COMPILING, ...APART],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'apart', include: APART } },
    ],
  },
});
