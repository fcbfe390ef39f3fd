import { afterAll, expect, test, vi } from 'vitest'
import { readCause } from '../../schemas/codec.ts'
import type { StoredRecord } from '../../topics/log.ts'
import { HEADER_POS, HEADER_PREV, type Position, type ValidBatch } from '../../topics/valid-events.ts'
import { type ModelOptions, runModel } from './two-writer-model.ts'

/**
 * Why a record needs both `pos` and `prev`, and why an answer has to name the expected offset: every weaker rule, in
 * the place of the real one and with everything else as it is, is caught by the two-writer model.
 */

type Rule = (record: StoredRecord, before: Position) => boolean

const shared = vi.hoisted(() => {
  // The worker may have loaded what imports the real rule for a file before this one.
  vi.resetModules()
  return { rule: undefined as Rule | undefined }
})
afterAll(() => {
  vi.doUnmock('../../topics/valid-events.ts')
  vi.resetModules()
})

vi.mock('../../topics/valid-events.ts', async importOriginal => {
  const original = await importOriginal<typeof import('../../topics/valid-events.ts')>()
  const selectValid: typeof original.selectValid = (partition, before, fetched) => {
    const { rule } = shared
    if (rule === undefined) return original.selectValid(partition, before, fetched)
    const records: StoredRecord[] = []
    const positions: Position[] = []
    let position = before
    for (const record of fetched) {
      if (record.value === null || record.offset <= position.offset || !rule(record, position)) continue
      position = original.advance(position, record, partition)
      records.push(record)
      positions.push(position)
    }
    return { partition, records, positions, position, junk: fetched.length - records.length } satisfies ValidBatch
  }
  return { ...original, selectValid }
})

const isNextCause: Rule = ({ value }, before) => {
  const cause = readCause(value!)
  return cause !== undefined && (before.cause === null || cause.offset === before.cause.offset + 1)
}
const isAtItsPlace: Rule = ({ headers, offset }) => {
  const pos = headers[HEADER_POS]
  return pos?.length === 8 && pos.readBigUInt64BE() === BigInt(offset)
}
const followsTheLast: Rule = ({ headers }, before) => {
  const prev = headers[HEADER_PREV]
  return prev?.length === 8 && (before.hash === null || prev.toString('hex') === before.hash)
}

/** Each with a seed that shows it. */
const WEAKER: Record<string, { rule: Rule; seed: number }> = {
  'skip by cause alone': { rule: isNextCause, seed: 2 },
  'pos without prev': { rule: isAtItsPlace, seed: 15 },
  'pos without prev, skip by cause': {
    rule: (record, before) => isAtItsPlace(record, before) && isNextCause(record, before),
    seed: 105,
  },
  'prev without pos': { rule: followsTheLast, seed: 2 },
  'whatever has a cause': { rule: ({ value }) => readCause(value!) !== undefined, seed: 1 },
}

/** Where the model has changed and the seed does not show it any more, so many are tried from there on. */
const SEEDS_MAX = 100

async function firstViolation(seed: number, options: ModelOptions = {}): Promise<string | undefined> {
  for (let tried = seed; tried < seed + SEEDS_MAX; tried++) {
    const { violations } = await runModel(tried, options)
    if (violations.length > 0) return `seed ${tried}: ${violations[0]}`
  }
  return undefined
}

test.each(Object.keys(WEAKER))(
  '[LOG1] a weaker rule is caught: %s',
  async name => {
    const { rule, seed } = WEAKER[name]!
    shared.rule = rule
    const violation = await firstViolation(seed).finally(() => {
      shared.rule = undefined
    })
    expect(violation, 'no seed shows it').toBeDefined()
    console.info(`${name}: ${violation}`)
  },
  60_000,
)

test('[SQ21] a writer that believes any answer is caught', async () => {
  const violation = await firstViolation(1, { believesAnswers: true })
  expect(violation, 'no seed shows it').toBeDefined()
  console.info(`believes any answer: ${violation}`)
}, 60_000)
