import { defineConfig } from 'vitest/config';

/** What measures time, or holds servers to a moment: one file after the other, and nothing beside it. */
const ALONE = [
  'src/probes/**/*.test.ts',
  'src/parts/caddy.test.ts',
  'src/parts/golden-metrics/percentile.test.ts',
  'src/cli/resident.test.ts',
  'test/environments/**/*.test.ts',
  'test/faults/**/*.test.ts',
];

const shared = { testTimeout: 120_000, hookTimeout: 240_000, globalSetup: 'test/needed-packages.ts' };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'side by side',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ALONE,
          // Launches mostly wait: three files at a time keep two cores half busy.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
