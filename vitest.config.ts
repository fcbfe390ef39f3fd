import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Test files that need a real server carry its name before `.test.ts`; they share one stack of real parts. */
const REAL = ['**/*.{kafka,redis,clickhouse,registry,flow,e2e}.test.ts']
const NEVER = ['**/node_modules/**', '**/dist/**', '**/.packlog/**']

/** Two files at a time: the machine that this must pass on has two cores, and the real parts run there as well. */
const WORKERS_MAX = 2

/** Files that take a minute or nearly so: one that began last would keep one core while the other has nothing to do. */
const LONGEST = [
  'tests/sim/campaign.test.ts',
  'tests/sim/variants.test.ts',
  'faults/faults.e2e.test.ts',
  'tests/e2e/web.e2e.test.ts',
  'verify/verify-damage.flow.test.ts',
  'tests/flow/erase.flow.test.ts',
  'tests/e2e/archive.e2e.test.ts',
]

/** Where nothing is known of an earlier run vitest begins with the largest files. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some(file => moduleId.endsWith(`/${file}`))
    return [...sorted.filter(isLong), ...sorted.filter(file => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
