import { describe, expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock, systemRandom } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import { eventCodec, eventSchema } from '../schemas/codec.ts'
import type { LogReader, ReadOptions } from '../topics/log.ts'
import type { Position } from '../topics/valid-events.ts'
import { writeDeadAction } from './dead-letter.ts'
import { readLetters } from './dead-letters.ts'
import { HISTORY_DEFAULTS } from './history/history-store.ts'
import { historyView } from './history/main.ts'
import { MemoryHistory } from './history/memory-history.ts'
import { MemoryHistoryStore } from './history/memory-history-store.ts'
import { RETRY_MS_MAX } from './retry-loop.ts'
import { APPLY_EVENTS_MAX, type Gather, LOOK_MS, makeRunner, type Runner } from './runner.ts'
import { Script, single, user } from './testing/events.ts'
import { type EventLog, makeEventLog, readAll } from './testing/log.ts'
import { type View, type ViewBatch, ViewMoved, ViewStopped } from './view.ts'

const alice = user('alice')
const chat = single('alice', 'bob')

/** A view that keeps what it is given, and fails on demand. */
class ListView implements View {
  readonly name: string
  readonly pauseMs = 0
  readonly applied: { partition: number; texts: string[] }[] = []
  readonly positions = new Map<number, Position>()
  readonly offered: ViewBatch[] = []
  before: (batch: ViewBatch) => Promise<void> = async () => {}
  after: (batch: ViewBatch) => Promise<void> = async () => {}
  reasonToSkip?: View['reasonToSkip']

  constructor(name = 'list') {
    this.name = name
  }

  async position(partition: number): Promise<Position | undefined> {
    return this.positions.get(partition)
  }

  async apply(batch: ViewBatch): Promise<void> {
    this.offered.push(batch)
    await this.before(batch)
    this.applied.push({ partition: batch.partition, texts: batch.events.map(({ event }) => textOf(event)) })
    this.positions.set(batch.partition, batch.position)
    await this.after(batch)
  }

  texts(partition = 0): string[] {
    return this.applied.filter(batch => batch.partition === partition).flatMap(batch => batch.texts)
  }

  async close(): Promise<void> {}
}

function textOf(event: { body: object }): string {
  const { content } = event.body as { content?: { text?: string } }
  return content?.text ?? ''
}

function chatScript(count: number, prefix = ''): Script {
  const script = new Script()
  for (let i = 0; i < count; i++) script.message(chat, alice, `${prefix}${i}`)
  return script
}

const texts = (count: number, prefix = '') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

/** Real time, except that nobody waits: what was slept is kept. */
function hastyClock(): Clock & { slept: number[] } {
  const slept: number[] = []
  return {
    ...systemClock,
    slept,
    sleep: async delayMs => {
      slept.push(delayMs)
      await new Promise<void>(resolve => systemClock.defer(resolve))
    },
  }
}

function runnerOf(
  view: View,
  eventLog: EventLog,
  options: { clock?: Clock; metrics?: Metrics; partitions?: number[]; gather?: Gather } = {},
) {
  const { log, topics, codec } = eventLog
  const runner = makeRunner({
    view,
    log,
    topics,
    eventCodec: codec,
    gather: options.gather,
    partitions: options.partitions ?? Array.from({ length: topics.events.partitions }, (_, partition) => partition),
    clock: options.clock ?? hastyClock(),
    random: systemRandom,
    logger: silentLogger,
    metrics: options.metrics ?? new Metrics(),
  })
  onTestFinished(() => runner.drain())
  return runner
}

async function started(...args: Parameters<typeof runnerOf>): Promise<Runner> {
  const runner = runnerOf(...args)
  await runner.start()
  return runner
}

/** Resolves when `fact` holds; the test's own time limit ends what never comes. */
async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise<void>(resolve => systemClock.defer(resolve))
}

/** The log as a reader of which every fetch gives all that there is. */
async function inOneFetch({ log, topics }: EventLog): Promise<EventLog['log']> {
  const records = await readAll(log, topics.events.name)
  let end = () => {}
  const done = new Promise<void>(resolve => {
    end = resolve
  })
  const read = ({ onBatch, from }: ReadOptions): LogReader => {
    let running = Promise.resolve()
    const fetch = (start: number) => {
      running = running.then(() => onBatch({ partition: 0, records: records.slice(start), end: records.length }))
    }
    fetch(from.get(0)!)
    return { done, seek: (_, offset) => fetch(offset), remove: () => {}, close: async () => end() }
  }
  return Object.assign(Object.create(log), { read })
}

async function metric(metrics: Metrics, name: string): Promise<number> {
  const found = await metrics.registry.getSingleMetric(`packlog_${name}`)!.get()
  return found.values.reduce((sum, { value }) => sum + value, 0)
}

describe('what comes', () => {
  test('[RN1] a view gets the valid events in log order, junk is counted, and a new runner goes on behind', async () => {
    const eventLog = await makeEventLog()
    const script = chatScript(5)
    eventLog.append(script.events.slice(0, 2))
    eventLog.appendJunk()
    eventLog.append(script.events.slice(2, 4))
    const view = new ListView()
    const metrics = new Metrics()
    const first = await started(view, eventLog, { metrics })
    await first.caughtUp()
    expect(view.texts()).toEqual(texts(4))
    expect(await metric(metrics, 'view_junk_records_total')).toBe(1)
    expect(await metric(metrics, 'view_events_applied_total')).toBe(4)
    expect(view.positions.get(0)).toMatchObject({ offset: 4, cause: { era: 0, offset: 3 } })
    await first.drain()
    eventLog.append(script.events.slice(4))
    const second = await started(view, eventLog)
    await second.caughtUp()
    expect(view.texts()).toEqual(texts(5))
    expect(view.applied.at(-1)).toEqual({ partition: 0, texts: ['4'] })
  })

  test('[RN1] what is appended while it runs comes as well, and lag is told', async () => {
    const eventLog = await makeEventLog()
    const view = new ListView()
    const metrics = new Metrics()
    const runner = await started(view, eventLog, { metrics })
    await runner.caughtUp()
    eventLog.append(chatScript(3).events)
    await until(() => view.texts().length === 3)
    await until(async () => (await metric(metrics, 'view_lag_records')) === 0)
    expect(runner.ready()).toBe(true)
  })

  test.each([1, 101, 5_000])('[RN2] %i events of one session come whole, in batches within the limit', async count => {
    const eventLog = await makeEventLog()
    const script = chatScript(count)
    eventLog.append(script.events)
    const server = new MemoryHistory()
    const store = new MemoryHistoryStore(server, { ...HISTORY_DEFAULTS, eventsPerSessionMax: 10_000 })
    const view = historyView(store)
    const sizes: number[] = []
    const runner = await started(
      { ...view, apply: batch => view.apply(batch).then(() => void sizes.push(batch.events.length)) },
      eventLog,
    )
    await runner.caughtUp()
    expect((await store.session(chat))!.events.map(event => event.seq)).toEqual(script.events.map((_, i) => i + 1))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(APPLY_EVENTS_MAX)
    expect(runner.progress()).toEqual({ applied: count, total: count, remaining: 0 })
  })

  test('[RN2] a fetch of 5,000 records is applied in parts within the limit, each with its own position', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(5_000).events)
    const wholeLog = await inOneFetch(eventLog)
    const view = new ListView()
    const runner = runnerOf(view, { ...eventLog, log: wholeLog })
    await runner.start()
    await runner.caughtUp()
    expect(view.texts()).toEqual(texts(5_000))
    expect(view.offered.map(batch => batch.events.length)).toEqual(Array(5).fill(APPLY_EVENTS_MAX))
    expect(view.offered.map(batch => batch.position.offset)).toEqual([999, 1_999, 2_999, 3_999, 4_999])
  })

  describe('gathering', () => {
    const gather = { eventsMax: 1_500, bytesMax: 1_000_000, partitionsMax: 1 }
    const sizes = (view: ListView, partition = 0) =>
      view.offered.filter(batch => batch.partition === partition).map(batch => batch.events.length)

    test('[RN2] far more is taken in before it is applied, up to a number of events and to the end of the log', async () => {
      const eventLog = await makeEventLog()
      eventLog.append(chatScript(5_000).events)
      const view = new ListView()
      const runner = runnerOf(view, { ...eventLog, log: await inOneFetch(eventLog) }, { gather })
      await runner.start()
      await runner.caughtUp()
      expect(sizes(view)).toEqual([2_000, 2_000, 1_000])
      expect(view.texts()).toEqual(texts(5_000))
      expect(view.offered.map(batch => batch.position.offset)).toEqual([1_999, 3_999, 4_999])
      expect(runner.progress()).toEqual({ applied: 5_000, total: 5_000, remaining: 0 })
    })

    test('[RN2] and up to a number of bytes', async () => {
      const eventLog = await makeEventLog()
      eventLog.append(chatScript(3_000).events)
      const view = new ListView()
      const log = await inOneFetch(eventLog)
      const runner = runnerOf(view, { ...eventLog, log }, { gather: { ...gather, bytesMax: 1_000 } })
      await runner.start()
      await runner.caughtUp()
      expect(sizes(view)).toEqual([1_000, 1_000, 1_000])
    })

    test('[RN2, RN3] what was gathered is applied again as a whole when the store fails, and from its position when it moves', async () => {
      const eventLog = await makeEventLog()
      eventLog.append(chatScript(5_000).events)
      const view = new ListView()
      const failures = [new Error('away'), new ViewMoved('moved')]
      view.before = async () => {
        const failure = view.offered.length === 2 ? failures[0] : view.offered.length === 4 ? failures[1] : undefined
        if (failure !== undefined) throw failure
      }
      const runner = runnerOf(view, { ...eventLog, log: await inOneFetch(eventLog) }, { gather })
      await runner.start()
      await runner.caughtUp()
      expect(view.texts()).toEqual(texts(5_000))
      expect(sizes(view)).toEqual([2_000, 2_000, 2_000, 1_000, 1_000])
    })

    test('[RN2] a partition that waits for its turn to gather has it when another one has reached its end; junk ends it too', async () => {
      const eventLog = await makeEventLog({ partitions: 3 })
      for (const partition of [0, 1, 2]) eventLog.append(chatScript(1_200).events, partition)
      eventLog.appendJunk(1)
      const view = new ListView()
      const runner = await started(view, eventLog, { gather })
      await runner.caughtUp()
      for (const partition of [0, 1, 2]) expect(view.texts(partition)).toEqual(texts(1_200))
    })
  })

  test('[RN12] a runner is ready when every partition has reached the end that it had at the start', async () => {
    const eventLog = await makeEventLog({ partitions: 3 })
    eventLog.append(chatScript(3).events, 0)
    eventLog.append(chatScript(3).events, 2)
    eventLog.appendJunk(2)
    const view = new ListView()
    let release = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    view.before = batch => (batch.partition === 2 ? gate : Promise.resolve())
    const runner = await started(view, eventLog)
    await until(() => view.texts(0).length === 3)
    expect(runner.ready()).toBe(false)
    release()
    await runner.caughtUp()
    expect(runner.ready()).toBe(true)
  })
})

describe('what fails', () => {
  test('[RN3] a failing store gets the same batch again, with bounded backoff, and the position never passes', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(700).events)
    const view = new ListView()
    let failures = 0
    view.before = async batch => {
      if (batch.events[0]!.position.offset === 500 && failures < 12) {
        failures++
        expect(view.positions.get(0)!.offset).toBe(499)
        throw new Error('the store is away')
      }
    }
    const clock = hastyClock()
    const metrics = new Metrics()
    const runner = await started(view, eventLog, { clock, metrics })
    await runner.caughtUp()
    expect(view.texts()).toEqual(texts(700))
    const tried = view.offered.filter(batch => batch.events[0]!.position.offset === 500)
    expect(tried).toHaveLength(13)
    expect(new Set(tried).size).toBe(13)
    for (const batch of tried) expect(batch.events).toEqual(tried[0]!.events)
    expect(clock.slept).toHaveLength(12)
    expect(clock.slept[0]!).toBeLessThan(60)
    expect(clock.slept.at(-1)!).toBeGreaterThanOrEqual(RETRY_MS_MAX / 2)
    expect(Math.max(...clock.slept)).toBeLessThanOrEqual(RETRY_MS_MAX)
    expect(await metric(metrics, 'view_apply_failures_total')).toBe(12)
  })

  test('[RN3] a store that fails after it has written gets the batch again and shows it once', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(1_200).events)
    const server = new MemoryHistory()
    const store = new MemoryHistoryStore(server, { ...HISTORY_DEFAULTS, eventsPerSessionMax: 10_000 })
    const view = historyView(store)
    let calls = 0
    const flaky: View = {
      ...view,
      apply: async batch => {
        await view.apply(batch)
        calls++
        if (calls % 2 === 1) throw new Error('the answer was lost')
      },
    }
    const runner = await started(flaky, eventLog)
    await runner.caughtUp()
    expect((await store.session(chat))!.events).toHaveLength(1_200)
    expect(runner.progress().applied).toBe(1_200)
  })

  test('[RN3] a store and a log that are away at the start are waited for', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(2).events)
    const view = new ListView()
    let away = 3
    const absent = async () => {
      if (away-- > 0) throw new Error('not there yet')
    }
    const { log } = eventLog
    const lateLog = Object.assign(Object.create(log), {
      bounds: async (topic: string) => absent().then(() => log.bounds(topic)),
    }) as typeof log
    const lateView: View = {
      name: view.name,
      pauseMs: 0,
      position: async partition => absent().then(() => view.position(partition)),
      apply: batch => view.apply(batch),
      close: () => view.close(),
    }
    away = 5
    const runner = await started(lateView, { ...eventLog, log: lateLog })
    await runner.caughtUp()
    expect(view.texts()).toEqual(texts(2))
  })

  test('[RN5] a partition that stands still holds up no other', async () => {
    const eventLog = await makeEventLog({ partitions: 2 })
    eventLog.append(chatScript(1_500).events, 0)
    eventLog.append(chatScript(3).events, 1)
    const view = new ListView()
    view.before = batch => (batch.partition === 1 ? Promise.reject(new Error('stuck')) : Promise.resolve())
    const runner = await started(view, eventLog)
    await until(() => view.texts(0).length === 1_500)
    expect(view.texts(1)).toEqual([])
    expect(runner.ready()).toBe(false)
  })

  test('[RN5] a view that stands still holds up no other', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(10).events)
    const stuck = new ListView('stuck')
    stuck.before = () => Promise.reject(new Error('stuck'))
    const metrics = new Metrics()
    const other = await started(stuck, eventLog, { metrics })
    const view = new ListView('free')
    const runner = await started(view, eventLog, { metrics })
    await runner.caughtUp()
    expect(view.texts()).toEqual(texts(10))
    expect(other.ready()).toBe(false)
  })

  test('[RN3] a runner that drains while its store is away ends, and nothing behind the batch is offered', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(2_000).events)
    const view = new ListView()
    view.before = () => Promise.reject(new Error('away'))
    const runner = await started(view, eventLog)
    await until(() => view.offered.length > 3)
    await runner.drain()
    await runner.drain()
    await runner.done
    expect(new Set(view.offered.map(batch => batch.events[0]!.position.offset))).toEqual(new Set([0]))
    await expect(runner.caughtUp()).rejects.toThrow(ViewStopped)
  })
})

describe('what cannot be decoded', () => {
  /** Wire format with a schema id, a readable cause, and then nothing that makes sense. */
  function broken(schemaId: number, causeOffset: number): Buffer {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(schemaId, 1)
    bytes[6] = causeOffset * 2
    return bytes
  }

  test('[RN4] a valid record that cannot be decoded ends the runner with an alarm and keeps the position', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(2).events)
    const view = new ListView()
    const metrics = new Metrics()
    const runner = await started(view, eventLog, { metrics })
    await runner.caughtUp()
    eventLog.appendValue(broken(1, 2))
    await expect(runner.done).rejects.toThrow(/im\.events\/0@2 cannot be decoded/)
    await expect(runner.done).rejects.toThrow(ViewStopped)
    expect(runner.ready()).toBe(false)
    expect(view.positions.get(0)!.offset).toBe(1)
    expect(await metric(metrics, 'view_stopped')).toBe(1)
  })

  test('[RN4] a schema that the registry does not have ends the runner as well', async () => {
    const eventLog = await makeEventLog()
    eventLog.appendValue(broken(99, 0))
    const view = new ListView()
    const runner = await started(view, eventLog)
    await expect(runner.done).rejects.toThrow(ViewStopped)
    expect(view.offered).toEqual([])
  })

  test('[RN4] a kind of event that this build does not know ends the runner', async () => {
    const eventLog = await makeEventLog()
    const newer = structuredClone(eventSchema) as { fields: { name: string; type: object[] }[] }
    const body = newer.fields.find(field => field.name === 'body')!
    body.type.push({ type: 'record', name: 'MessagePinned', fields: [] })
    const codec = await eventCodec(eventLog.registry, 'im.events-value-newer')
    expect(codec).toBeDefined()
    const id = await eventLog.registry.register('newer', newer)
    const bytes = eventLog.codec.encode(chatScript(1).events[0]!.event)
    bytes.writeUInt32BE(id, 1)
    eventLog.appendValue(bytes)
    const runner = await started(new ListView(), eventLog)
    await expect(runner.done).rejects.toThrow(/Upgrade this process/)
  })

  test('[RN4] a schema that is new but readable is fetched, also when the registry is away for a while', async () => {
    const eventLog = await makeEventLog()
    const older = structuredClone(eventSchema) as { fields: { name: string; doc?: string }[] }
    older.fields[0]!.doc = 'another text makes another schema'
    const id = await eventLog.registry.register('older', older)
    const bytes = eventLog.codec.encode(chatScript(1).events[0]!.event)
    bytes.writeUInt32BE(id, 1)
    eventLog.appendValue(bytes)
    let away = 3
    const { codec } = eventLog
    const patient = {
      encode: codec.encode.bind(codec),
      decode: codec.decode.bind(codec),
      learn: async (schemaId: number) => {
        if (away-- > 0) throw new Error('the registry is away')
        return codec.learn(schemaId)
      },
    }
    const view = new ListView()
    const runner = await started(view, { ...eventLog, codec: patient })
    await runner.caughtUp()
    expect(view.texts()).toEqual(['0'])
  })
})

describe('where a log or a store is not what it was', () => {
  test("[RN6] an emptied store is filled from the log's start without an operator", async () => {
    const eventLog = await makeEventLog()
    const script = chatScript(1_501)
    eventLog.append(script.events.slice(0, 1_500))
    const server = new MemoryHistory()
    const store = new MemoryHistoryStore(server, { ...HISTORY_DEFAULTS, eventsPerSessionMax: 10_000 })
    const metrics = new Metrics()
    const runner = await started(historyView(store), eventLog, { metrics })
    await runner.caughtUp()
    server.flush()
    eventLog.append(script.events.slice(1_500))
    await until(async () => (await store.session(chat))?.head.lastSeq === 1_501)
    expect((await store.session(chat))!.events).toHaveLength(1_501)
    await until(() => runner.ready())
    expect(await metric(metrics, 'view_moved_total')).toBe(1)
    expect(await metric(metrics, 'view_incomplete_partitions')).toBe(0)
  })

  test('[RN6] also where nothing new is written: an emptied store does not wait for the next event', async () => {
    const clock = new VirtualClock()
    const eventLog = await makeEventLog({ clock })
    eventLog.append(chatScript(5).events)
    const server = new MemoryHistory()
    const store = new MemoryHistoryStore(server, HISTORY_DEFAULTS)
    const runner = runnerOf(historyView(store), eventLog, { clock })
    await runner.start()
    await clock.resolve(runner.caughtUp())
    server.flush()
    await clock.pass(2 * LOOK_MS)
    expect((await store.page({ sessionId: chat, afterSeq: 0, limit: 10 })).seqs).toEqual([1, 2, 3, 4, 5])
    await clock.resolve(runner.drain())
  })

  test('[RN6] a store that has lost its last writes is brought up from what it still has', async () => {
    const eventLog = await makeEventLog()
    const script = chatScript(5)
    eventLog.append(script.events.slice(0, 4))
    const view = new ListView()
    const runner = await started(view, eventLog)
    await runner.caughtUp()
    const { position } = script.events[1]!
    let lost = false
    view.before = async () => {
      if (lost) return
      lost = true
      view.positions.set(0, { ...position, hash: null })
      throw new ViewMoved('rolled back')
    }
    eventLog.append(script.events.slice(4))
    await until(() => view.texts().at(-1) === '4')
    expect(view.texts()).toEqual(['0', '1', '2', '3', '2', '3', '4'])
  })

  test('[RN6] a move in the middle of a fetch leaves nothing of that fetch behind', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(3_000).events)
    const view = new ListView()
    view.before = async ({ position }) => {
      if (position.offset !== 1_999 || view.offered.length > 2) return
      // Without a hash nothing but the order of reading keeps the rest of the fetch out.
      view.positions.set(0, { offset: 499, cause: null, hash: null })
      throw new ViewMoved('rolled back')
    }
    const runner = await started(view, { ...eventLog, log: await inOneFetch(eventLog) })
    await runner.caughtUp()
    expect(view.texts()).toEqual([...texts(1_000), ...texts(3_000).slice(500)])
  })

  test('[RN6] a log that has lost its beginning fills what it can, and says so', async () => {
    const eventLog = await makeEventLog({ partitions: 2 })
    eventLog.append(chatScript(10).events, 0)
    eventLog.append(chatScript(4).events, 1)
    eventLog.log.deleteBefore('im.events', 0, 6)
    eventLog.log.deleteBefore('im.events', 1, 4)
    const view = new ListView()
    const metrics = new Metrics()
    const runner = await started(view, eventLog, { metrics })
    await runner.caughtUp()
    expect(view.texts(0)).toEqual(['6', '7', '8', '9'])
    expect(await metric(metrics, 'view_incomplete_partitions')).toBe(2)
    // Nothing may ever come in a partition that has expired as a whole: that the view has begun is stored at once.
    expect(view.positions.get(1)).toEqual({ offset: 3, cause: null, hash: null })
  })

  test('[RN7] a position that the log no longer holds ends the runner and names the command', async () => {
    const eventLog = await makeEventLog()
    const script = chatScript(10)
    eventLog.append(script.events)
    const view = new ListView()
    const first = await started(view, eventLog)
    await first.caughtUp()
    await first.drain()
    view.positions.set(0, { offset: 3, cause: { era: 0, offset: 3 }, hash: null })
    eventLog.log.deleteBefore('im.events', 0, 6)
    const second = await started(view, eventLog)
    await expect(second.done).rejects.toThrow(/npm run rebuild -- list/)
    expect(view.positions.get(0)!.offset).toBe(3)
  })

  test('[RN7] a log with another record at the stored position is not the log of this view', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(10).events)
    const view = new ListView()
    const first = await started(view, eventLog)
    await first.caughtUp()
    await first.drain()
    const replaced = await makeEventLog()
    replaced.append(chatScript(20, 'other ').events)
    const second = await started(view, replaced)
    await expect(second.done).rejects.toThrow(/truncated or replaced.*npm run rebuild -- list/)
    expect(view.texts()).toEqual(texts(10))
    expect(view.positions.get(0)!.offset).toBe(9)
  })

  test('[RN7] a valid record whose cause does not follow ends the runner', async () => {
    const eventLog = await makeEventLog()
    const script = chatScript(4)
    eventLog.append([script.events[0]!, script.events[1]!, script.events[3]!])
    const view = new ListView()
    const runner = await started(view, eventLog)
    await expect(runner.done).rejects.toThrow(/cause 0\/3 does not follow 0\/1/)
    expect(view.offered).toEqual([])
  })
})

describe('what a view cannot show', () => {
  test('[RN8] a skipped event goes to im.dead with its place and reason, and the rest goes on', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(4).events)
    const view = new ListView()
    view.reasonToSkip = event => (textOf(event) === '2' ? 'I do not like it' : undefined)
    const metrics = new Metrics()
    const runner = await started(view, eventLog, { metrics })
    await runner.caughtUp()
    const [letter, ...more] = await readAll(eventLog.log, 'im.dead')
    expect(more).toEqual([])
    expect(Object.fromEntries(Object.entries(letter!.headers).map(([name, value]) => [name, String(value)]))).toEqual({
      topic: 'im.events',
      partition: '0',
      offset: '2',
      processor: 'list',
      error: 'I do not like it',
    })
    expect(String(letter!.key)).toBe(chat)
    // What people wrote stands in the log only.
    expect(letter!.value).toBeNull()
    expect(await metric(metrics, 'view_skipped_events_total')).toBe(1)
    expect(view.positions.get(0)!.offset).toBe(3)
  })

  test('[RN8] as long as im.dead cannot be written, the position does not pass', async () => {
    const eventLog = await makeEventLog()
    eventLog.append(chatScript(1).events)
    const view = new ListView()
    view.reasonToSkip = () => 'no'
    let refusals = 4
    const { log } = eventLog
    const fullLog = Object.assign(Object.create(log), {
      append: async (request: Parameters<typeof log.append>[0]) => {
        expect(view.offered).toEqual([])
        if (refusals-- > 0) throw new Error('the disk is full')
        return log.append(request)
      },
    }) as typeof log
    const runner = await started(view, { ...eventLog, log: fullLog })
    await runner.caughtUp()
    expect(await readAll(log, 'im.dead')).toHaveLength(1)
    expect(view.positions.get(0)!.offset).toBe(0)
  })

  test('[RN19] a letter is tried again when an operator asks for it, also while the processor was away', async () => {
    const eventLog = await makeEventLog()
    const { log, topics } = eventLog
    eventLog.append(chatScript(4).events)
    const view = new ListView()
    view.reasonToSkip = event => (Number(textOf(event)) % 2 === 1 ? 'odd' : undefined)
    const first = await started(view, eventLog)
    await first.caughtUp()
    await first.drain()
    const letters = await readLetters({ log, dead: topics.dead })
    expect(letters.map(({ id, state, error }) => ({ id, state, error }))).toEqual([
      { id: 'list/im.events/0/1', state: 'open', error: 'odd' },
      { id: 'list/im.events/0/3', state: 'open', error: 'odd' },
    ])
    for (const { place, key } of letters) {
      await writeDeadAction({ log, dead: topics.dead }, place, { action: 'retry', key, by: 'ops' })
    }
    const lost = { processor: 'list', topic: 'im.events', partition: 0, offset: 99 }
    await log.append({
      topic: 'im.dead',
      partition: 0,
      records: [{ key: null, value: Buffer.from('of somebody else'), headers: {} }],
    })
    await writeDeadAction({ log, dead: topics.dead }, lost, { action: 'retry', key: null, by: 'ops' })
    view.reasonToSkip = event => (textOf(event) === '3' ? 'still odd' : undefined)
    view.applied.length = 0
    const clock = {
      ...hastyClock(),
      schedule: (ms: number, run: () => void) => systemClock.schedule(Math.min(ms, 20), run),
    }
    const second = await started(view, eventLog, { clock })
    await until(async () => (await readLetters({ log, dead: topics.dead })).every(({ state }) => state !== 'retrying'))
    expect(
      (await readLetters({ log, dead: topics.dead })).map(({ id, state, error, by }) => ({ id, state, error, by })),
    ).toEqual([
      { id: 'list/im.events/0/1', state: 'applied', error: 'odd', by: 'list' },
      { id: 'list/im.events/0/3', state: 'failed', error: 'still odd', by: 'list' },
    ])
    expect(view.texts()).toEqual(['1'])
    expect(view.positions.get(0)!.offset).toBe(3)
    await second.drain()
    // An answered request is not met twice.
    view.applied.length = 0
    const third = await started(view, eventLog)
    await third.caughtUp()
    expect(view.texts()).toEqual([])
  })
})
