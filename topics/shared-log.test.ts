import { beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../infra/clock.ts'
import { SeededRandom } from '../infra/seeded-random.ts'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import { gate, logContract } from '../tests/contract/log.contract.ts'
import { SHARED_PAUSE_MS } from './common-reading.ts'
import { type Log, type LogReader, PositionOutOfRange, type ReadOptions, type StoredRecord } from './log.ts'
import { MemoryLog } from './memory-log.ts'
import { SharedLog } from './shared-log.ts'
import { SHARED_BYTES_MAX } from './shared-reader.ts'

let memory: MemoryLog
let log: Log
let made = 0

beforeEach(() => {
  memory = new MemoryLog({ clock: systemClock })
  const shared = new SharedLog(memory, { clock: systemClock })
  // Every reader shares.
  log = Object.assign(Object.create(shared), {
    read: (options: Parameters<Log['read']>[0]) => shared.read({ pauseMs: SHARED_PAUSE_MS, ...options }),
  })
})

describe('alone', () => {
  logContract(() => ({
    log,
    async makeTopic(settings = {}) {
      const name = `topic-${made++}`
      memory.createTopic({ name, partitions: 3, settings })
      return name
    },
    async deleteBefore(topic, partition, offset) {
      memory.deleteBefore(topic, partition, offset)
    },
  }))
})

describe('several', () => {
  test('[LOG22] readers at one place are given the same records by one fetch, each in its own rhythm', async () => {
    const { world, clock } = shared()
    const quick = world.read({ pauseMs: 20 })
    const slow = world.read({ pauseMs: 400 })
    const third = world.read({ pauseMs: 50 })
    for (let n = 0; n < 100; n++) {
      world.put(0, 1)
      await clock.pass(10)
    }
    await clock.pass(1_000)
    for (const { records } of [quick, slow, third]) expectSame(records, world.stored(0))
    expect(world.readers).toBe(1)
    expect(quick.batches).toBeGreaterThan(30)
    expect(slow.batches).toBeLessThanOrEqual(4)
  })

  test('[LOG22] a reader that rests for less than the others may has one of its own', async () => {
    const { world, clock } = shared()
    const first = world.read({ pauseMs: SHARED_PAUSE_MS })
    const other = world.read({ pauseMs: SHARED_PAUSE_MS - 1 })
    world.put(0, 3)
    await clock.pass(500)
    expect(world.readers).toBe(2)
    expect(first.records).toEqual(other.records)
  })

  test('[LOG22] when the last reader has gone nobody reads, and the next ones read together again', async () => {
    const { world, clock } = shared()
    for (let round = 1; round <= 3; round++) {
      const pair = [world.read({ pauseMs: 20 }), world.read({ pauseMs: 20 })]
      world.put(0, 10)
      await clock.pass(500)
      for (const { records } of pair) expect(records).toHaveLength(10 * round)
      expect(world.readers).toBe(1)
      for (const { reader } of pair) await clock.resolve(reader.close())
      await clock.pass(100)
      expect(world.readers).toBe(0)
    }
  })

  test('[LOG23] one that comes later is given nothing that was asked for before it came', async () => {
    const { world, clock } = shared({ delayMs: () => 1_000 })
    world.put(0, 5)
    const early = world.read({ pauseMs: 20, from: 5 })
    await clock.pass(100)
    const lost = world.put(0, 2)
    await clock.pass(500)
    // The fetch of the early one is on its way and brings what is lost here, before the late one comes.
    world.memory.truncateTo(TOPIC, 0, 5)
    world.put(0, 3)
    const late = world.read({ pauseMs: 20, from: 5 })
    await clock.pass(10_000)
    expect(late.records).toEqual(world.stored(0).slice(5))
    for (const record of lost) expect(late.records).not.toContain(record)
    expect(early.records).toEqual(late.records)
  })

  test('[LOG23] a position out of range ends the reader that has it and no other, which go on reading together', async () => {
    const { world, clock } = shared()
    world.put(0, 10)
    const readers = [world.read({ pauseMs: 20 }), world.read({ pauseMs: 40 })]
    await clock.pass(500)
    const lost = [world.read({ pauseMs: 20, from: 11 }), world.read({ pauseMs: 20, from: 5_000 })]
    await clock.pass(500)
    for (const { error } of lost) expect(error).toBeInstanceOf(PositionOutOfRange)
    world.put(0, 10)
    await clock.pass(500)
    for (const { records, error } of readers) {
      expect(error).toBeUndefined()
      expectSame(records, world.stored(0))
    }
    expect(world.readers).toBeLessThanOrEqual(3)
    world.memory.truncateTo(TOPIC, 0, 15)
    await clock.pass(500)
    for (const { error } of readers) expect(error).toBeInstanceOf(PositionOutOfRange)
  })

  test('[LOG24] one that stands still holds up nobody and keeps a bounded amount, and catches up to read with the others', async () => {
    const { world, clock } = shared()
    const still = world.read({ pauseMs: 20 })
    const going = world.read({ pauseMs: 20 })
    const { opened, open } = gate()
    still.hold = opened
    const large = Buffer.alloc(1_000_000)
    for (let n = 0; n < 100; n++) {
      world.put(0, 1, large)
      await clock.pass(30)
      expect(going.records).toHaveLength(n + 1)
    }
    // It has fallen out, and what it reads for itself waits as well.
    expect(world.readers).toBe(2)
    expect(world.takenAlone).toBeLessThan(10)
    open()
    still.hold = undefined
    await clock.pass(2_000)
    expectSame(still.records, world.stored(0))
    world.takenAlone = 0
    for (let n = 0; n < 20; n++) {
      world.put(0, 1)
      await clock.pass(30)
    }
    expectSame(still.records, world.stored(0))
    expect(world.takenAlone).toBe(0)
    expect(SHARED_BYTES_MAX).toBeLessThan(100 * large.length)
  })

  test('[LOG24] one that is far behind reads for itself until it has caught up, and the foremost waits for nobody', async () => {
    const { world, clock } = shared()
    world.put(0, 20_000)
    const behind = world.read({ pauseMs: 20 })
    behind.slowMs = 100
    await clock.pass(50)
    const front = world.read({ pauseMs: 20, from: 20_000 })
    world.put(0, 1)
    await clock.pass(50)
    expect(front.records).toHaveLength(1)
    expect(behind.records.length).toBeLessThan(5_000)
    for (let n = 0; n < 300; n++) {
      world.put(0, 1)
      await clock.pass(30)
      expect(front.records).toHaveLength(n + 2)
    }
    await clock.pass(500)
    expectSame(behind.records, world.stored(0))
    world.takenAlone = 0
    world.put(0, 1)
    await clock.pass(200)
    expect(world.takenAlone).toBe(0)
  })

  test('[LOG22][LOG23][LOG24] whatever comes and goes, each reader is given what it could have read for itself', {
    timeout: 60_000,
  }, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await fuzz(seed)
  })
})

/** The very same records. */
function expectSame(given: readonly StoredRecord[], wanted: readonly StoredRecord[]): void {
  expect(given).toHaveLength(wanted.length)
  expect(given.every((record, index) => record === wanted[index])).toBe(true)
}

const SEEDS = 30
const TOPIC = 'topic'

interface Reading {
  reader: LogReader
  records: StoredRecord[]
  batches: number
  error: unknown
  /** Its handler waits for this. */
  hold: Promise<void> | undefined
  slowMs: number
  /** When it was last placed. */
  since: number
  next: number
}

/** A memory log whose answers are on their way for a while, and readers that share it. */
class SharedWorld {
  readonly memory: MemoryLog
  readonly clock: VirtualClock
  readonly shared: SharedLog
  /** Readers of the memory log that have not ended. */
  readers = 0
  /** Batches that a reader has read for itself. */
  takenAlone = 0
  /** When each record came and went, in the order of what happened. */
  readonly life = new Map<StoredRecord, { from: number; to: number }>()
  moment = 0
  private opened = 0

  constructor(clock: VirtualClock, delayMs: () => number) {
    this.clock = clock
    this.memory = new MemoryLog({ clock, topics: [{ name: TOPIC, partitions: 2, settings: {} }] })
    const { memory } = this
    const log: Log = Object.assign(Object.create(memory), {
      read: (options: ReadOptions) => this.delayed(options, delayMs),
    })
    this.shared = new SharedLog(log, { clock })
  }

  put(partition: number, count: number, value = Buffer.from('v')): StoredRecord[] {
    this.moment++
    const entries = this.entries(partition)
    const before = entries.length
    const record = { key: null, value, headers: {} }
    this.memory.put(
      TOPIC,
      partition,
      Array.from({ length: count }, () => record),
    )
    const stored = entries.slice(before).map(entry => entry.record)
    for (const each of stored) this.life.set(each, { from: this.moment, to: Number.POSITIVE_INFINITY })
    return stored
  }

  truncate(partition: number, to: number): void {
    this.moment++
    for (const { record } of this.entries(partition).slice(to)) this.life.get(record)!.to = this.moment
    this.memory.truncateTo(TOPIC, partition, to)
  }

  end(partition: number): number {
    return this.entries(partition).length
  }

  stored(partition: number): StoredRecord[] {
    return this.entries(partition).map(({ record }) => record)
  }

  private entries(partition: number): { record: StoredRecord }[] {
    return (this.memory as unknown as Inside).topics.get(TOPIC)!.partitions[partition]!.entries
  }

  read({ pauseMs, from = 0, partition = 0 }: { pauseMs: number; from?: number; partition?: number }): Reading {
    const reading = { records: [], batches: 0, error: undefined, hold: undefined, slowMs: 0 } as unknown as Reading
    reading.since = this.moment
    reading.next = from
    reading.reader = this.shared.read({
      topic: TOPIC,
      from: new Map([[partition, from]]),
      pauseMs,
      onBatch: async ({ records }) => {
        reading.batches++
        reading.records.push(...records)
        reading.next = records.at(-1)!.offset + 1
        await reading.hold
        if (reading.slowMs > 0) await this.clock.sleep(reading.slowMs)
      },
    })
    reading.reader.done.catch(error => {
      reading.error = error
    })
    return reading
  }

  private delayed(options: ReadOptions, delayMs: () => number): LogReader {
    this.readers++
    const isCommon = this.opened++ === 0 || options.pauseMs === SHARED_PAUSE_MS
    const moves = new Map<number, number>()
    const moved = (partition: number) => moves.set(partition, (moves.get(partition) ?? 0) + 1)
    const reader = this.memory.read({
      ...options,
      onBatch: async batch => {
        const before = moves.get(batch.partition)
        await this.clock.sleep(delayMs())
        if (moves.get(batch.partition) !== before) return
        if (!isCommon) this.takenAlone++
        await options.onBatch(batch)
      },
    })
    const ended = () => this.readers--
    reader.done.then(ended, ended)
    return {
      done: reader.done,
      seek: (partition, offset) => {
        moved(partition)
        reader.seek(partition, offset)
      },
      remove: partition => {
        moved(partition)
        reader.remove(partition)
      },
      close: () => reader.close(),
    }
  }
}

interface Inside {
  topics: Map<string, { partitions: { entries: { record: StoredRecord }[] }[] }>
}

function shared({ delayMs = () => 1 }: { delayMs?: () => number } = {}) {
  const clock = new VirtualClock()
  return { clock, world: new SharedWorld(clock, delayMs) }
}

/** Random appends, truncations, readers that come, move and go; then everything rests and is looked at. */
async function fuzz(seed: number): Promise<void> {
  const random = new SeededRandom(seed)
  const clock = new VirtualClock()
  const latencyMs = random.pick([1, 30, 200])
  const world = new SharedWorld(clock, () => random.next() * latencyMs)
  const truncates = random.chance(0.5)
  const readings: Reading[] = []
  const rejoin = (reading: Reading) => {
    check(world, reading, seed)
    reading.records = []
    reading.since = world.moment
  }
  for (let step = 0; step < 120; step++) {
    const dice = random.next()
    const end = world.end(0)
    if (dice < 0.45) world.put(0, random.pick([1, 3, 40, 700]))
    else if (dice < 0.5 && truncates && end > 0) world.truncate(0, end - random.between(1, Math.min(end, 5)))
    else if (dice < 0.6 && readings.length < 6) {
      const reading = world.read({ pauseMs: random.pick([20, 40, 100]), from: random.between(0, end) })
      reading.slowMs = random.pick([0, 0, 0, 5, 150])
      readings.push(reading)
    } else if (dice < 0.66 && readings.length > 0) {
      const reading = random.pick(readings)
      rejoin(reading)
      reading.next = random.between(0, end)
      reading.reader.seek(0, reading.next)
    } else if (dice < 0.7 && readings.length > 0) {
      const [gone] = readings.splice(random.between(0, readings.length - 1), 1)
      check(world, gone!, seed)
      void gone!.reader.close()
    }
    await clock.pass(random.pick([0, 1, 25, 300]))
  }
  await clock.pass(60_000)
  const end = world.end(0)
  for (const reading of readings) {
    check(world, reading, seed)
    if (reading.error === undefined) expect(reading.next, `seed ${seed}: quiet before the end`).toBe(end)
    else expect(reading.error, `seed ${seed}`).toBeInstanceOf(PositionOutOfRange)
    if (!truncates) expect(reading.error, `seed ${seed}`).toBeUndefined()
  }
}

/** Each record was there after the reader had been placed, and not gone before the one that it follows came. */
function check(world: SharedWorld, { records, since }: Reading, seed: number): void {
  let latest = since
  for (const [index, record] of records.entries()) {
    const { from, to } = world.life.get(record)!
    const isNext = index === 0 || record.offset === records[index - 1]!.offset + 1
    if (!isNext || to <= latest)
      expect.unreachable(`seed ${seed}: offset ${record.offset} at ${index} of ${records.length}`)
    latest = Math.max(latest, from)
  }
}
