import { defineConfig } from 'vitest/config';

/** Tests that start processes or browsers: one file at a time, with time to spare. */
const PROCESS_TESTS = [
  'e2e/**/*.test.ts',
  'gateway/test/redis/**/*.test.ts',
  'monitoring/**/*.test.ts',
  'token-service/test/**/*.test.ts',
];

export default defineConfig({
  test: {
    reporters: process.env.CI ? ['default', './scripts/count-reporter.ts'] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', ...PROCESS_TESTS],
          setupFiles: ['scripts/seed-random-tests.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'processes',
          include: PROCESS_TESTS,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
