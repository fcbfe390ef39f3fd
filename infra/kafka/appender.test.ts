import { beforeEach, expect, test } from 'vitest'
import { AppendFailed, type LogRecord } from '../../topics/log.ts'
import { systemClock } from '../clock.ts'
import { silentLogger } from '../logger.ts'
import { APPENDS_WAITING_MAX, Appender } from './appender.ts'
import { BrokerUnreachable } from './broker-connection.ts'
import type { Brokers, Link } from './cluster.ts'
import { type Call, ErrorCode } from './protocol.ts'
import { decodeBatches } from './record-batch.ts'
import { Reader, Writer } from './wire.ts'

/** Brokers that keep what they are sent and answer when the test says so. */

interface Produce {
  leader: number
  /** `topic/partition` -> values. */
  batches: Map<string, string[]>
  answer(codes?: Record<string, number>): void
  fail(error: Error): void
}

class FakeBrokers implements Brokers {
  leaders: Record<string, number | undefined> = { 't/0': 1, 't/1': 1, 't/2': 2 }
  produces: Produce[] = []
  refreshes = 0
  dropped = 0
  onRefresh: () => void = () => {}
  onLink: () => void = () => {}
  private ends = new Map<string, number>()
  private arrived: (() => void)[] = []

  leaderOf(topic: string, partition: number): number | undefined {
    return this.leaders[`${topic}/${partition}`]
  }
  problemOf(): undefined {
    return undefined
  }
  async refresh(): Promise<void> {
    this.refreshes++
    this.onRefresh()
  }
  async link(leader: number): Promise<Link> {
    this.onLink()
    return { send: call => this.send(leader, call) }
  }
  drop(): void {
    this.dropped++
  }
  forget(topic: string, partition: number): void {
    delete this.leaders[`${topic}/${partition}`]
  }
  /** The n-th produce request of all. */
  async produce(n: number): Promise<Produce> {
    while (this.produces.length < n) await new Promise<void>(resolve => this.arrived.push(resolve))
    return this.produces[n - 1]!
  }

  private send<T extends object>(leader: number, call: Call<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const batches = readProduce(call.body)
      this.produces.push({
        leader,
        batches,
        answer: (codes = {}) => resolve(call.decode(this.encodeAnswer(batches, codes))),
        fail: reject,
      })
      for (const arrived of this.arrived.splice(0)) arrived()
    })
  }

  private encodeAnswer(batches: Map<string, string[]>, codes: Record<string, number>): Buffer {
    const answer = new Writer().int32(batches.size)
    for (const [place, values] of batches) {
      const [topic, partition] = place.split('/')
      const code = codes[place] ?? 0
      const end = this.ends.get(place) ?? 0
      if (code === 0) this.ends.set(place, end + values.length)
      answer.text(topic!).int32(1).int32(Number(partition)).int16(code)
      answer
        .int64(code === 0 ? end : -1)
        .int64(-1)
        .int64(0)
    }
    return answer.int32(0).done()
  }
}

function readProduce(body: Buffer): Map<string, string[]> {
  const reader = new Reader(body)
  reader.int16()
  reader.int16()
  reader.int32()
  const batches = new Map<string, string[]>()
  reader.array(() => {
    const topic = reader.text()
    reader.array(() => {
      const partition = reader.int32()
      const { records } = decodeBatches(reader.bytes(), 0)
      batches.set(
        `${topic}/${partition}`,
        records.map(record => String(record.value)),
      )
    })
  })
  return batches
}

let brokers: FakeBrokers
let appender: Appender
beforeEach(() => {
  brokers = new FakeBrokers()
  appender = new Appender({ cluster: brokers, clock: systemClock, logger: silentLogger })
})

const record = (value: string): LogRecord => ({ key: null, value: Buffer.from(value), headers: {} })
const append = (partition: number, ...values: string[]) => appender.append('t', partition, values.map(record))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'stored',
    (error: AppendFailed) => error,
  )
const lost = (sent: boolean) => new BrokerUnreachable('connection lost', { sent })

test('[LOG6] what is asked for in one turn of the loop goes to each leader in one request, one batch per partition', async () => {
  const all = [append(0, 'a', 'b'), append(1, 'c'), append(0, 'd'), append(2, 'e')]
  const [one, two] = [await brokers.produce(1), await brokers.produce(2)]
  expect([one.leader, two.leader]).toEqual([1, 2])
  expect(Object.fromEntries(one.batches)).toEqual({ 't/0': ['a', 'b', 'd'], 't/1': ['c'] })
  one.answer()
  two.answer()
  expect(await Promise.all(all)).toEqual([0, 0, 2, 0].map(baseOffset => ({ baseOffset })))
})

test('[LOG6] one request per leader is in flight; what comes meanwhile makes the next one', async () => {
  const first = append(0, 'a')
  const one = await brokers.produce(1)
  const others = [append(0, 'b'), append(1, 'c'), append(0, 'd')]
  // Another leader's request goes out: the turn in which ours could have gone has passed.
  const elsewhere = append(2, 'x')
  const two = await brokers.produce(2)
  expect(two.leader).toBe(2)
  two.answer()
  await elsewhere
  expect(brokers.produces).toHaveLength(2)
  one.answer()
  await first
  const three = await brokers.produce(3)
  expect(Object.fromEntries(three.batches)).toEqual({ 't/0': ['b', 'd'], 't/1': ['c'] })
  three.answer()
  expect(await Promise.all(others)).toEqual([1, 0, 2].map(baseOffset => ({ baseOffset })))
})

test('[LOG6] what came while a produce was on its way goes with the next one, at once', async () => {
  const schedule = () => {
    throw new Error('nothing here waits for a timer')
  }
  appender = new Appender({ cluster: brokers, clock: { ...systemClock, schedule }, logger: silentLogger })
  const first = append(0, 'a')
  const one = await brokers.produce(1)
  const waiting = [append(0, 'b'), append(1, 'c'), append(0, 'd')]
  const closed = appender.close()
  expect(brokers.produces).toHaveLength(1)
  one.answer()
  const two = await brokers.produce(2)
  expect(Object.fromEntries(two.batches)).toEqual({ 't/0': ['b', 'd'], 't/1': ['c'] })
  two.answer()
  await Promise.all([first, ...waiting, closed])
})

test('[LOG6] a batch has at most 500 records, and no caller is split over two', async () => {
  const many = (count: number) => append(0, ...Array.from({ length: count }, () => 'x'))
  const all = [many(300), many(150), many(100), many(500)]
  for (const [n, size] of [450, 100, 500].entries()) {
    const produce = await brokers.produce(n + 1)
    expect(produce.batches.get('t/0')).toHaveLength(size)
    produce.answer()
  }
  expect(await Promise.all(all)).toEqual([0, 300, 450, 550].map(baseOffset => ({ baseOffset })))
})

test('[LOG7] a lost connection leaves open whether it was stored, one that never was does not', async () => {
  const sent = failure(append(0, 'a'))
  ;(await brokers.produce(1)).fail(lost(true))
  expect(await sent).toMatchObject({ name: 'AppendFailed', maybeStored: true })
  expect(brokers.dropped).toBe(1)

  brokers.leaders['t/0'] = 1
  brokers.onLink = () => {
    throw lost(false)
  }
  expect(await failure(append(0, 'b'))).toMatchObject({ name: 'AppendFailed', maybeStored: false })
})

test('[LOG7] nothing that failed is ever sent again, and what waited behind it is', async () => {
  const failed = failure(append(0, 'a'))
  const one = await brokers.produce(1)
  const waiting = append(0, 'b')
  brokers.onRefresh = () => {
    brokers.leaders['t/0'] = 2
  }
  one.fail(lost(true))
  expect(await failed).toBeInstanceOf(AppendFailed)
  const two = await brokers.produce(2)
  expect(two.leader).toBe(2)
  expect(Object.fromEntries(two.batches)).toEqual({ 't/0': ['b'] })
  two.answer()
  await waiting
})

test('[LOG7] an error of one partition fails its callers only, and says whether something may be stored', async () => {
  const cases: [number, boolean][] = [
    [ErrorCode.MESSAGE_TOO_LARGE, false],
    [ErrorCode.NOT_ENOUGH_REPLICAS, false],
    [ErrorCode.TOPIC_AUTHORIZATION_FAILED, false],
    // The log may hold it after these: NOT_LEADER is also said when leadership moved after the append.
    [ErrorCode.NOT_LEADER, true],
    [ErrorCode.REQUEST_TIMED_OUT, true],
    [ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, true],
    [ErrorCode.KAFKA_STORAGE_ERROR, true],
    [-1, true],
  ]
  for (const [n, [code, maybeStored]] of cases.entries()) {
    brokers.leaders = { 't/0': 1, 't/1': 1 }
    const [bad, good] = [failure(append(0, 'a')), failure(append(1, 'b'))]
    ;(await brokers.produce(n + 1)).answer({ 't/0': code })
    expect(await bad).toMatchObject({ name: 'AppendFailed', maybeStored })
    expect(await good).toBe('stored')
  }
})

test('[LOG7] of a merged batch that is too large each caller goes alone, in order, before what came later', async () => {
  const all = [append(0, 'a'), append(0, 'huge'), append(0, 'c')].map(failure)
  const merged = await brokers.produce(1)
  all.push(failure(append(0, 'later')))
  merged.answer({ 't/0': ErrorCode.MESSAGE_TOO_LARGE })
  for (const [n, value] of ['a', 'huge', 'c', 'later'].entries()) {
    const produce = await brokers.produce(n + 2)
    expect(produce.batches.get('t/0')).toEqual([value])
    produce.answer(value === 'huge' ? { 't/0': ErrorCode.MESSAGE_TOO_LARGE } : {})
  }
  const [a, huge, ...others] = await Promise.all(all)
  expect([a, ...others]).toEqual(['stored', 'stored', 'stored'])
  expect(huge).toMatchObject({ maybeStored: false })
})

test('[LOG7] without a leader an append fails after one look-up, with nothing stored', async () => {
  delete brokers.leaders['t/0']
  expect(await failure(append(0, 'a'))).toMatchObject({ name: 'AppendFailed', maybeStored: false })
  expect(brokers.refreshes).toBe(1)
})

test('[LOG18] more than a named number of waiting appends are refused as overload, at once', async () => {
  const first = append(0, 'in flight')
  const one = await brokers.produce(1)
  const waiting = Array.from({ length: APPENDS_WAITING_MAX }, () => append(0, 'x'))
  const refused = await failure(append(0, 'one too many'))
  expect(refused).toMatchObject({ name: 'AppendFailed', maybeStored: false })
  expect((refused as AppendFailed).message).toContain('overloaded')
  one.answer()
  await first
  for (let n = 2; n <= 1 + APPENDS_WAITING_MAX / 500; n++) (await brokers.produce(n)).answer()
  await Promise.all(waiting)
  const again = append(0, 'room again')
  ;(await brokers.produce(2 + APPENDS_WAITING_MAX / 500)).answer()
  await again
})

test('[LOG13] close sends what waits and refuses what comes after', async () => {
  const first = append(0, 'a')
  const one = await brokers.produce(1)
  const second = append(0, 'b')
  const closed = appender.close()
  expect(await failure(append(0, 'late'))).toMatchObject({ maybeStored: false })
  one.answer()
  ;(await brokers.produce(2)).answer()
  await Promise.all([first, second, closed])
})
