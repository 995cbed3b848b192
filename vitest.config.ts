import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'],
    // Dawn's binding crashes in worker threads.
    pool: 'forks',
    // Far more than a slow and busy machine takes: these end what hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
