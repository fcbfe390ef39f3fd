import { beforeEach, expect, test } from 'vitest'
import { type FetchedBatch, type LogReader, PositionOutOfRange, type ReadOptions } from '../../topics/log.ts'
import { type Clock, systemClock } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { BrokerUnreachable } from './broker-connection.ts'
import type { Brokers, Channel, Link } from './cluster.ts'
import { PREFETCH_BYTES_MAX } from './lane.ts'
import { type Call, ErrorCode } from './protocol.ts'
import { KafkaReader } from './reader.ts'
import { encodeBatch } from './record-batch.ts'
import { Reader, Writer } from './wire.ts'

/** Brokers in one process: each partition has a leader and batches; a fetch that finds nothing waits for a change. */

interface Asked {
  leader: number
  channel: Channel
  maxWaitMs: number
  partitions: Map<number, number>
}

class FakeBrokers implements Brokers {
  /** As the brokers know it; `known` is what metadata said last. */
  leaders = new Map<number, number>()
  known = new Map<number, number>()
  logs = new Map<number, { base: number; batch: Buffer }[]>()
  starts = new Map<number, number>()
  dead = new Set<number>()
  /** Codes to answer instead, used up one by one. */
  errors: { partition: number; code: number }[] = []
  fetches: Asked[] = []
  refreshes = 0
  private changed: (() => void)[] = []

  leaderOf(_: string, partition: number): number | undefined {
    return this.known.get(partition)
  }
  problemOf(): undefined {
    return undefined
  }
  async refresh(): Promise<void> {
    this.refreshes++
    this.known = new Map(this.leaders)
    this.change()
  }
  async link(leader: number): Promise<Link> {
    if (this.dead.has(leader)) throw new BrokerUnreachable('connection refused', { sent: false })
    return { send: (call, channel = 'calls') => this.answer(leader, call, channel) }
  }
  drop(): void {}
  forget(_: string, partition: number): void {
    this.known.delete(partition)
  }

  lead(partition: number, leader: number): void {
    this.leaders.set(partition, leader)
    if (!this.logs.has(partition)) this.logs.set(partition, [])
    this.change()
  }
  append(partition: number, ...values: (string | Buffer)[]): void {
    const base = this.end(partition)
    const records = values.map(value => ({ key: null, value: Buffer.from(value), headers: {} }))
    const batch = encodeBatch(records, 1)
    batch.writeBigInt64BE(BigInt(base), 0)
    this.logs.get(partition)!.push({ base, batch })
    this.change()
  }
  end(partition: number): number {
    const last = this.logs.get(partition)!.at(-1)
    return last === undefined ? 0 : last.base + last.batch.readInt32BE(57)
  }
  change(): void {
    for (const changed of this.changed.splice(0)) changed()
  }
  async until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise<void>(resolve => this.changed.push(resolve))
  }

  private async answer<T extends object>(leader: number, call: Call<T>, channel: Channel): Promise<T> {
    if (call.apiName === 'ListOffsets') return call.decode(this.listOffsets(call.body))
    const asked = { ...readFetch(call.body), leader, channel }
    this.fetches.push(asked)
    this.change()
    while (asked.maxWaitMs > 100 && !this.hasNews(asked)) {
      if (this.dead.has(leader)) throw new BrokerUnreachable('connection closed', { sent: true })
      await new Promise<void>(resolve => this.changed.push(resolve))
    }
    // The time that a fetch takes: something else always has its turn.
    await new Promise<void>(resolve => systemClock.defer(resolve))
    if (this.dead.has(leader)) throw new BrokerUnreachable('connection closed', { sent: true })
    return call.decode(this.fetched(asked))
  }
  private hasNews({ leader, partitions }: Asked): boolean {
    return [...partitions].some(
      ([partition, offset]) =>
        this.leaders.get(partition) !== leader ||
        this.errors.some(error => error.partition === partition) ||
        offset < this.end(partition) ||
        this.outOfRange(partition, offset),
    )
  }
  private outOfRange(partition: number, offset: number): boolean {
    return offset > this.end(partition) || offset < (this.starts.get(partition) ?? 0)
  }
  private fetched({ leader, partitions }: Asked): Buffer {
    const answer = new Writer().int32(0).int16(0).int32(0).int32(1).text('t').int32(partitions.size)
    for (const [partition, offset] of partitions) {
      const code = this.codeFor(leader, partition, offset)
      const batches =
        code === 0
          ? this.logs
              .get(partition)!
              .filter(each => each.base + each.batch.readInt32BE(57) > offset)
              .slice(0, 1)
          : []
      const bytes = Buffer.concat(batches.map(({ batch }) => batch))
      answer.int32(partition).int16(code).int64(this.end(partition)).int64(0).int64(0).int32(0).int32(-1)
      answer.int32(bytes.length).bytes(bytes)
    }
    return answer.done()
  }
  private codeFor(leader: number, partition: number, offset: number): number {
    const planned = this.errors.findIndex(error => error.partition === partition)
    if (planned >= 0) return this.errors.splice(planned, 1)[0]!.code
    if (this.leaders.get(partition) !== leader) return NOT_LEADER
    return this.outOfRange(partition, offset) ? ErrorCode.OFFSET_OUT_OF_RANGE : 0
  }
  private listOffsets(body: Buffer): Buffer {
    const reader = new Reader(body)
    reader.int32()
    reader.int8()
    const answer = new Writer().int32(0).int32(1).text('t')
    reader.array(() => {
      reader.text()
      const wanted = reader.array(() => ({ partition: reader.int32(), which: reader.int64() }))
      answer.int32(wanted.length)
      for (const { partition, which } of wanted) {
        const offset = which === -1 ? this.end(partition) : (this.starts.get(partition) ?? 0)
        answer.int32(partition).int16(0).int64(-1).int64(offset)
      }
    })
    return answer.done()
  }
}

const NOT_LEADER = 6

function readFetch(body: Buffer): { maxWaitMs: number; partitions: Map<number, number> } {
  const reader = new Reader(body)
  reader.int32()
  const maxWaitMs = reader.int32()
  for (const read of ['int32', 'int32', 'int8', 'int32', 'int32', 'int32'] as const) reader[read]()
  reader.text()
  const partitions = reader.array(() => {
    const partition = reader.int32()
    reader.int32()
    const offset = reader.int64()
    reader.int64()
    reader.int32()
    return [partition, offset] as const
  })
  return { maxWaitMs, partitions: new Map(partitions) }
}

let brokers: FakeBrokers
let slept: number[]
/** Sleeps take no time and are written down. */
const clock: Clock = {
  ...systemClock,
  sleep: delayMs => {
    slept.push(delayMs)
    return new Promise(resolve => systemClock.defer(resolve))
  },
}
beforeEach(() => {
  brokers = new FakeBrokers()
  slept = []
})

function read(
  from: [number, number][],
  onBatch?: ReadOptions['onBatch'],
  pauseMs = 0,
): { reader: LogReader; got: Map<number, string[]> } {
  const got = new Map<number, string[]>()
  const options: ReadOptions = {
    topic: 't',
    from: new Map(from),
    pauseMs,
    async onBatch(batch: FetchedBatch) {
      await onBatch?.(batch)
      const values = got.get(batch.partition) ?? []
      got.set(batch.partition, [...values, ...batch.records.map(record => String(record.value).slice(0, 10))])
      brokers.change()
    },
  }
  return { reader: new KafkaReader(brokers, options, { clock, logger: silentLogger }), got }
}
const has = (got: Map<number, string[]>, partition: number, count: number) =>
  brokers.until(() => (got.get(partition)?.length ?? 0) >= count)

test('[LOG20] a broker that is gone is waited for with growing, bounded pauses, and reading goes on where it was', async () => {
  brokers.lead(0, 1)
  const { reader, got } = read([[0, 0]])
  brokers.append(0, 'a')
  await has(got, 0, 1)
  brokers.dead.add(1)
  slept = []
  brokers.change()
  await brokers.until(() => slept.length >= 12)
  expect(slept[0]).toBeGreaterThan(0)
  expect(slept).toEqual([...slept].sort((a, b) => a - b))
  expect(Math.max(...slept)).toBe(250)
  brokers.dead.clear()
  brokers.append(0, 'b')
  await has(got, 0, 2)
  expect(got.get(0)).toEqual(['a', 'b'])
  await reader.close()
})

test('[LOG20] a dead broker costs a pause for its own partitions only, also while others are read', async () => {
  brokers.lead(0, 1)
  brokers.lead(1, 2)
  const { reader, got } = read([
    [0, 0],
    [1, 0],
  ])
  brokers.append(0, 'a')
  brokers.append(1, 'a')
  await has(got, 0, 1)
  await has(got, 1, 1)
  brokers.dead.add(1)
  slept = []
  brokers.change()
  for (let round = 0; round < 10; round++) {
    const count = slept.length
    brokers.append(1, `${round}`)
    await has(got, 1, round + 2)
    await brokers.until(() => slept.length > count)
  }
  // The healthy broker's answers do not make the pauses short again.
  expect(slept.at(-1)).toBe(250)
  await reader.close()
})

test('[LOG20] a partition whose leader moves is read from the new one, nothing twice', async () => {
  brokers.lead(0, 1)
  const { reader, got } = read([[0, 0]])
  brokers.append(0, 'a')
  await has(got, 0, 1)
  brokers.lead(0, 2)
  brokers.append(0, 'b')
  await has(got, 0, 2)
  expect(got.get(0)).toEqual(['a', 'b'])
  expect(brokers.fetches.at(-1)!.leader).toBe(2)
  await reader.close()
})

test('[LOG20] a partition without a leader keeps the others going and is read when it has one', async () => {
  brokers.lead(0, 1)
  brokers.logs.set(1, [])
  const { reader, got } = read([
    [0, 0],
    [1, 0],
  ])
  brokers.append(0, 'a')
  await has(got, 0, 1)
  brokers.append(1, 'late')
  brokers.lead(1, 2)
  await has(got, 1, 1)
  expect(got.get(1)).toEqual(['late'])
  await reader.close()
})

test('[LOG14] "out of range" ends a reader only when the bounds say so, too', async () => {
  brokers.lead(0, 1)
  brokers.append(0, 'a', 'b')
  brokers.errors.push({ partition: 0, code: ErrorCode.OFFSET_OUT_OF_RANGE })
  const { reader, got } = read([[0, 1]])
  await has(got, 0, 1)
  expect(brokers.errors).toEqual([])
  expect(got.get(0)).toEqual(['b'])
  await reader.close()

  const gone = read([[0, 3]]).reader
  await expect(gone.done).rejects.toThrow(PositionOutOfRange)
})

test('[LOG21] while a handler stands still a bounded amount of its partition is fetched ahead, and no more asked', async () => {
  brokers.lead(0, 1)
  brokers.lead(1, 1)
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const { reader, got } = read(
    [
      [0, 0],
      [1, 0],
    ],
    batch => (batch.partition === 0 ? opened : undefined),
  )
  const large = Buffer.alloc(PREFETCH_BYTES_MAX / 4, 'x')
  for (let count = 0; count < 20; count++) brokers.append(0, large)
  // One batch is with the handler; those behind it are fetched until the limit is reached.
  await brokers.until(() => brokers.fetches.some(({ partitions }) => !partitions.has(0)))
  expect(Math.max(...brokers.fetches.map(({ partitions }) => partitions.get(0) ?? 0))).toBeLessThanOrEqual(5)
  const without = brokers.fetches.find(({ partitions }) => !partitions.has(0))!
  expect([...without.partitions.keys()]).toEqual([1])
  expect(without.maxWaitMs).toBe(20)
  brokers.append(1, 'other')
  await has(got, 1, 1)
  open()
  await has(got, 0, 20)
  expect(got.get(0)).toHaveLength(20)
  await reader.close()
})

test('[LOG21] a reader all of whose partitions are full asks for nothing, and goes on when there is room', async () => {
  brokers.lead(0, 1)
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const { reader, got } = read([[0, 0]], () => opened)
  for (let count = 0; count < 20; count++) brokers.append(0, Buffer.alloc(PREFETCH_BYTES_MAX / 4, 'x'))
  await brokers.until(() => brokers.fetches.at(-1)?.partitions.get(0) === 4)
  // More than one turn of the loop in which it could have asked again.
  for (let turn = 0; turn < 20; turn++) await new Promise<void>(resolve => systemClock.defer(resolve))
  expect(brokers.fetches.at(-1)!.partitions.get(0)).toBe(4)
  open()
  await has(got, 0, 20)
  await reader.close()
})

test('[LOG21] a quiet partition is asked for with one long fetch, not again and again', async () => {
  brokers.lead(0, 1)
  const { reader, got } = read([[0, 0]])
  for (const value of ['a', 'b', 'c']) {
    brokers.append(0, value)
    await brokers.until(() => got.get(0)?.at(-1) === value)
  }
  expect(brokers.fetches.every(({ maxWaitMs }) => maxWaitMs === 500)).toBe(true)
  expect(brokers.fetches.length).toBeLessThanOrEqual(5)
  await reader.close()
})

test('[LOG22] a reader that may rest does so when it has all there is, and not while it is behind', async () => {
  brokers.lead(0, 1)
  brokers.append(0, 'a')
  brokers.append(0, 'b')
  brokers.append(0, Buffer.alloc(PREFETCH_BYTES_MAX / 2, 'c'))
  const { reader, got } = read([[0, 0]], undefined, 700)
  await has(got, 0, 3)
  await brokers.until(() => brokers.fetches.length === 4)
  expect(slept.filter(delayMs => delayMs > 0)).toEqual([700])
  await reader.close()
})

test('[LOG22] a reader does not rest while what it has fetched of a partition is all that it may', async () => {
  brokers.lead(0, 1)
  brokers.lead(1, 1)
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const wait = (batch: FetchedBatch) => (batch.partition === 0 ? opened : undefined)
  const { reader, got } = read(
    [
      [0, 0],
      [1, 0],
    ],
    wait,
    700,
  )
  brokers.append(0, 'a')
  await brokers.until(() => slept.length === 1)
  brokers.append(0, Buffer.alloc(PREFETCH_BYTES_MAX, 'x'))
  await brokers.until(() => brokers.fetches.some(({ partitions }) => !partitions.has(0)))
  const before = slept.length
  brokers.append(1, 'other')
  await has(got, 1, 1)
  for (let turn = 0; turn < 20; turn++) await new Promise<void>(resolve => systemClock.defer(resolve))
  expect(slept).toHaveLength(before)
  open()
  await has(got, 0, 2)
  await reader.close()
})

test('[LOG12] a partition that is moved while a fetch waits is asked for at once, over the other connection', async () => {
  brokers.lead(0, 1)
  brokers.append(0, 'a', 'b')
  const { reader, got } = read([[0, 2]])
  await brokers.until(() => brokers.fetches.length === 1)
  reader.seek(0, 0)
  await has(got, 0, 2)
  expect(brokers.fetches[1]).toMatchObject({ channel: 'calls', maxWaitMs: 0 })
  brokers.append(0, 'c')
  await has(got, 0, 3)
  expect(got.get(0)).toEqual(['a', 'b', 'c'])
  await reader.close()
})

test('[LOG12] the answer to what was asked before a seek is dropped, also when it comes first', async () => {
  brokers.lead(0, 1)
  brokers.append(0, 'a')
  brokers.append(0, 'b')
  const { reader, got } = read([[0, 2]])
  await brokers.until(() => brokers.fetches.length === 1)
  reader.seek(0, 0)
  brokers.append(0, 'c')
  await has(got, 0, 3)
  expect(got.get(0)).toEqual(['a', 'b', 'c'])
  await reader.close()
})
