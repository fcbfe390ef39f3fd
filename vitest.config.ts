import { defineConfig } from 'vitest/config'

/** Test files that need a real server carry its name before `.test.ts`; they share one stack of real parts. */
const REAL = ['**/*.{kafka,redis,clickhouse,registry,flow,e2e}.test.ts']
const NEVER = ['**/node_modules/**', '**/dist/**', '**/.packlog/**']

/** Two files at a time: the machine that this must pass on has two cores, and the real parts run there as well. */
const WORKERS_MAX = 2

export default defineConfig({
  test: {
    retry: 0,
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...NEVER, ...REAL],
          environment: 'node',
          testTimeout: 10_000,
          hookTimeout: 10_000,
          // A worker loads each module once and not once for each file: a third of the processor time of these files.
          isolate: false,
          maxWorkers: WORKERS_MAX,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'real',
          include: REAL,
          exclude: NEVER,
          environment: 'node',
          globalSetup: ['tests/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: WORKERS_MAX,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
