/** `pnpm test:bundles`: the bundles of all platforms, whose native files pnpm fetches; none of the tests of every day. */
import { defineConfig } from 'vitest/config';
import shared from '../../vitest.config.ts';

const { projects: _, ...settings } = shared.test!;

export default defineConfig({ test: { ...settings, include: ['test/bundles/*.spec.ts'] } });
