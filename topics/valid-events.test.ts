import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { eventCodec, type RecordCodec } from '../schemas/codec.ts'
import type { Cause, Event } from '../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../schemas/ids.ts'
import type { StoredRecord } from './log.ts'
import { MemoryRegistry } from './memory-registry.ts'
import { chainHash, chainHeaders, LogCorrupt, POSITION_START, type Position, selectValid } from './valid-events.ts'

let codec: RecordCodec<Event>
beforeAll(async () => {
  codec = await eventCodec(new MemoryRegistry(), 'im.events-value')
})

function event(cause: Cause, text: string): Event {
  return {
    cause,
    at: 1_700_000_000_000,
    sessionId: 's:alice:bob' as SessionId,
    packId: '0193a5c0-0000-7000-8000-000000000001' as PackId,
    from: 'alice' as UserId,
    actor: { kind: 'USER', id: 'alice' },
    device: { type: 6, id: 'laptop' },
    gateway: 'gw-1',
    flags: 0,
    seq: cause.offset + 1,
    count: 0,
    digest: Buffer.alloc(16),
    pushInfo: null,
    body: { kind: 'MessageAccepted', content: { kind: 'Text', text } },
  }
}

/** What a writer that believes the log to be at `before` writes at `pos`. */
function written(before: Position, options: { pos?: number; offset?: number; cause?: Cause; text?: string } = {}) {
  const pos = options.pos ?? before.offset + 1
  const cause = options.cause ?? { era: before.cause?.era ?? 0, offset: (before.cause?.offset ?? -1) + 1 }
  const record: StoredRecord = {
    offset: options.offset ?? pos,
    appendedAt: 0,
    key: Buffer.from('s:alice:bob'),
    value: codec.encode(event(cause, options.text ?? 'hello')),
    headers: chainHeaders(pos, before.hash!),
  }
  return { record, after: { offset: record.offset, cause, hash: chainHash(record) } satisfies Position }
}

/** A chain of valid records from the start of a log. */
function chain(length: number): { records: StoredRecord[]; positions: Position[] } {
  const records: StoredRecord[] = []
  const positions: Position[] = []
  let before = POSITION_START
  for (let n = 0; n < length; n++) {
    const { record, after } = written(before, { text: `message ${n}` })
    records.push(record)
    positions.push(after)
    before = after
  }
  return { records, positions }
}

test('[LOG1] records that lie where their writer meant them to, each after the one before, are all valid', () => {
  const { records, positions } = chain(5)
  const selected = selectValid(3, POSITION_START, records)
  expect(selected).toEqual({ partition: 3, records, positions, position: positions[4], junk: 0 })
})

test('[LOG1] the hash is 8 bytes of SHA-256 over prev, pos, the length of the key, key and value', () => {
  const { record } = written(POSITION_START)
  const hashed = Buffer.concat([
    Buffer.from('0000000000000000', 'hex'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from([0, 0, 0, 11]),
    record.key!,
    record.value!,
  ])
  expect(chainHash(record)).toBe(createHash('sha256').update(hashed).digest('hex').slice(0, 16))
})

test('[LOG1] the hash tells a missing key from an empty one, and where the key ends', () => {
  const { record } = written(POSITION_START)
  const variants = [
    { ...record, key: null },
    { ...record, key: Buffer.alloc(0) },
    { ...record, key: Buffer.from('ab'), value: Buffer.from('c') },
    { ...record, key: Buffer.from('a'), value: Buffer.from('bc') },
  ]
  expect(new Set(variants.map(chainHash)).size).toBe(variants.length)
})

test('[LOG2] a record that is not where its writer meant it to be is junk', () => {
  const { records, positions } = chain(2)
  // Another writer had the same idea of the log; its batch came second, so it lies one further.
  const late = written(positions[0]!, { offset: 2, text: 'of the other' }).record
  const next = written(positions[1]!, { pos: 3 })
  const selected = selectValid(0, POSITION_START, [...records, late, next.record])
  expect(selected.records).toEqual([...records, next.record])
  expect(selected).toMatchObject({ junk: 1, position: next.after })
})

test('[LOG2] a record at its place that follows another record than the one that is there is junk', () => {
  const { records, positions } = chain(2)
  const otherFirst = written(POSITION_START, { text: 'what the other writer believed' })
  const onTop = written({ ...otherFirst.after, offset: 1 }, { pos: 2, cause: { era: 0, offset: 2 } }).record
  const next = written(positions[1]!, { pos: 3 })
  const selected = selectValid(0, POSITION_START, [...records, onTop, next.record])
  expect(selected).toMatchObject({ junk: 1, position: next.after })
})

test('[LOG2] a record that follows the right one is junk all the same when it lies elsewhere', () => {
  const { records, positions } = chain(2)
  // Somebody's junk took the place; or the expected place differs only in the upper half of its eight bytes.
  const moved = [2, 4 + 2 ** 32].map((pos, index) => written(positions[1]!, { pos, offset: 3 + index }).record)
  const foreign: StoredRecord = { ...records[0]!, offset: 2, headers: {} }
  const next = written(positions[1]!, { pos: 5 })
  const selected = selectValid(0, POSITION_START, [...records, foreign, ...moved, next.record])
  expect(selected).toMatchObject({ junk: 3, position: next.after })
})

test('[LOG2] records without the headers, without a value or with odd ones are junk of somebody foreign', () => {
  const { record, after } = written(POSITION_START, { pos: 6 })
  const { pos, prev } = record.headers
  const foreign: StoredRecord[] = [
    { ...record, offset: 0, headers: {} },
    { ...record, offset: 1, headers: { pos: Buffer.alloc(8) } },
    { ...record, offset: 2, headers: { pos: Buffer.from('2'), prev: prev! } },
    { ...record, offset: 3, headers: { pos: chainHeaders(3, '00'.repeat(8)).pos!, prev: Buffer.alloc(7) } },
    { ...record, offset: 4, headers: chainHeaders(4, '00'.repeat(8)), value: null },
    { ...record, offset: 5, headers: { pos: Buffer.alloc(8, 255), prev: prev! } },
  ]
  expect(pos).toHaveLength(8)
  const selected = selectValid(0, POSITION_START, [...foreign, record])
  expect(selected).toMatchObject({ records: [record], junk: 6, position: after })
})

test('[LOG2] what was read before is not taken twice', () => {
  const { records, positions } = chain(4)
  const selected = selectValid(0, positions[1]!, records)
  expect(selected).toMatchObject({ records: records.slice(2), junk: 2, position: positions[3] })
  const unknown: Position = { offset: 1, cause: null, hash: null }
  expect(selectValid(0, unknown, records)).toMatchObject({ records: records.slice(2), junk: 2 })
})

test('[LOG3] where the hash before is not known, the first record at its place is believed, and then all is checked', () => {
  const { records, positions } = chain(4)
  const unknown: Position = { offset: 1, cause: null, hash: null }
  const wrong = written({ ...positions[2]!, hash: 'ffffffffffffffff' }, { pos: 3 }).record
  const selected = selectValid(0, unknown, [records[2]!, wrong])
  expect(selected).toMatchObject({ records: [records[2]], junk: 1, position: positions[2] })
})

test('[LOG4] a valid record whose cause is not the next one is corruption, and everybody stops', () => {
  const { records, positions } = chain(2)
  const last = positions[1]!
  const wrong: Cause[] = [
    { era: 0, offset: 1 },
    { era: 0, offset: 3 },
    { era: 0, offset: 0 },
    { era: -1, offset: 2 },
  ]
  for (const cause of wrong) {
    const { record } = written(last, { cause })
    expect(() => selectValid(5, POSITION_START, [...records, record])).toThrow(LogCorrupt)
    expect(() => selectValid(5, POSITION_START, [...records, record])).toThrow('im.events/5@2')
  }
  const raised = written(last, { cause: { era: 1, offset: 70 } })
  expect(selectValid(5, last, [raised.record]).position).toEqual(raised.after)
})

test('[LOG4] a valid record without a readable cause is corruption', () => {
  const { record } = written(POSITION_START)
  for (const value of [
    Buffer.alloc(0),
    Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]),
    Buffer.from([0, 0, 0, 0, 1, 255, 255]),
  ]) {
    expect(() => selectValid(0, POSITION_START, [{ ...record, value }])).toThrow(LogCorrupt)
  }
})

type Move = { knows: 'truth' | 'stale' | 'stale but not the place'; size: number }

/** Two writers that append in turn, each chained to what it believes; one of them is behind at times. */
const anyLog: fc.Arbitrary<Move[]> = fc.array(
  fc.record({
    knows: fc.constantFrom('truth', 'stale', 'stale but not the place'),
    size: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 12 },
)

function contested(moves: readonly Move[]): StoredRecord[] {
  const log: StoredRecord[] = []
  let truth = POSITION_START
  let stale = POSITION_START
  for (const [move, { knows, size }] of moves.entries()) {
    let believed = knows === 'truth' ? truth : stale
    const first = knows === 'stale' ? believed.offset + 1 : log.length
    for (let n = 0; n < size; n++) {
      const text = `${move}/${n}`
      const { record, after } = written(believed, { pos: first + n, offset: log.length, text })
      log.push(record)
      believed = after
    }
    stale = truth
    // A writer that is behind may by chance be up to date: then it is the truth.
    truth = selectValid(0, truth, log).position
  }
  return log
}

test('[LOG2] the logs that the properties below are about hold junk of both kinds', () => {
  const logs = fc.sample(anyLog, { numRuns: 200, seed: 1 }).map(contested)
  const junk = logs.flatMap(log => {
    const valid = new Set(selectValid(0, POSITION_START, log).records)
    return log.filter(record => !valid.has(record))
  })
  const byPlace = junk.filter(({ offset, headers }) => headers.pos!.readBigUInt64BE() !== BigInt(offset))
  expect(byPlace.length).toBeGreaterThan(100)
  expect(junk.length - byPlace.length).toBeGreaterThan(100)
})

test('[LOG1, LOG2] how the log is cut into batches does not change what is valid', () => {
  fc.assert(
    fc.property(anyLog, fc.array(fc.nat(), { maxLength: 20 }), (moves, cutSeeds) => {
      const log = contested(moves)
      const whole = selectValid(0, POSITION_START, log)
      const cuts = [...new Set(cutSeeds.map(seed => seed % (log.length + 1)))].sort((a, b) => a - b)
      const pieces = [0, ...cuts].map((cut, index) => log.slice(cut, cuts[index] ?? log.length))
      let position = POSITION_START
      let junk = 0
      const records: StoredRecord[] = []
      const positions: Position[] = []
      for (const piece of pieces) {
        const part = selectValid(0, position, piece)
        position = part.position
        junk += part.junk
        records.push(...part.records)
        positions.push(...part.positions)
      }
      expect({ partition: 0, records, positions, position, junk }).toEqual(whole)
      expect(records.map(({ value }) => codec.decode(value!).cause.offset)).toEqual(records.map((_, index) => index))
    }),
  )
})

test('[LOG1] a reader may stop anywhere and go on from its position', () => {
  fc.assert(
    fc.property(anyLog, fc.nat(), (moves, seed) => {
      const log = contested(moves)
      const whole = selectValid(0, POSITION_START, log)
      if (whole.positions.length === 0) return
      const from = whole.positions[seed % whole.positions.length]!
      const rest = selectValid(0, from, log.slice(from.offset + 1))
      expect(rest.records).toEqual(whole.records.slice(whole.positions.indexOf(from) + 1))
      expect(rest.position).toEqual(whole.position)
    }),
  )
})
