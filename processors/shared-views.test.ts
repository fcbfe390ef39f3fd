import { expect, onTestFinished, test } from 'vitest'
import { systemRandom } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import type { RecordCodec } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Log, ReadOptions } from '../topics/log.ts'
import { SharedLog } from '../topics/shared-log.ts'
import { LogCorrupt, type Position } from '../topics/valid-events.ts'
import { makeRunner, ViewStopped } from './runner.ts'
import { Script, single, user } from './testing/events.ts'
import { makeEventLog } from './testing/log.ts'
import type { PlacedEvent, View } from './view.ts'

/** A view that keeps what it is given. */
class KeepingView implements View {
  readonly name: string
  readonly pauseMs: number
  readonly events: PlacedEvent[] = []
  stored: Position | undefined

  constructor(name: string, pauseMs: number) {
    this.name = name
    this.pauseMs = pauseMs
  }

  async position(): Promise<Position | undefined> {
    return this.stored
  }

  async apply({ events, position }: { events: readonly PlacedEvent[]; position: Position }): Promise<void> {
    this.events.push(...events)
    this.stored = position
  }

  async close(): Promise<void> {}
}

/** A log that gives every reader records of its own, as Kafka's does. */
function copying(log: Log): Log {
  const read = ({ onBatch, ...options }: ReadOptions) =>
    log.read({
      ...options,
      onBatch: ({ records, ...batch }) => onBatch({ ...batch, records: records.map(record => ({ ...record })) }),
    })
  return Object.assign(Object.create(log), { read })
}

async function world() {
  const clock = new VirtualClock()
  const eventLog = await makeEventLog({ clock })
  let decoded = 0
  const counting: RecordCodec<Event> = {
    ...eventLog.codec,
    learn: schemaId => eventLog.codec.learn(schemaId),
    decode: bytes => {
      decoded++
      return eventLog.codec.decode(bytes)
    },
  }
  const shared = { log: new SharedLog(copying(eventLog.log), { clock }), eventCodec: counting }
  const run = async (view: View) => {
    const parts = { random: systemRandom, logger: silentLogger, metrics: new Metrics() }
    const runner = makeRunner({ ...shared, view, topics: eventLog.topics, partitions: [0], clock, ...parts })
    await runner.start()
    onTestFinished(() => clock.resolve(runner.drain()))
    return runner
  }
  return { clock, eventLog, run, decoded: () => decoded }
}

test('[RN20] an event is decoded once for all views of a process, which get the same one', async () => {
  const { clock, eventLog, run, decoded } = await world()
  const views = [20, 40, 40, 50, 100].map((pauseMs, n) => new KeepingView(`view-${n}`, pauseMs))
  for (const view of views) await run(view)
  const script = new Script()
  let appended = 0
  for (let round = 0; round < 30; round++) {
    for (let n = 0; n < 10; n++) script.message(single('alice', 'bob'), user('alice'), `${round}-${n}`)
    eventLog.append(script.events.slice(appended))
    eventLog.appendJunk()
    appended = script.events.length
    await clock.pass(30)
  }
  await clock.pass(1_000)
  expect(decoded()).toBe(appended)
  for (const { events } of views) {
    expect(events.map(({ event }) => event.seq)).toEqual(script.events.map(({ event }) => event.seq))
    expect(events.every(({ event }, n) => event === views[0]!.events[n]!.event)).toBe(true)
    expect(events.every(({ position }, n) => position === views[0]!.events[n]!.position)).toBe(true)
  }
})

test('[RN20] a view that begins from nothing or stops holds up none of those that it reads together with', async () => {
  const { clock, eventLog, run } = await world()
  const live = new KeepingView('live', 20)
  await run(live)
  const script = new Script()
  for (let n = 0; n < 5_000; n++) script.message(single('alice', 'bob'), user('alice'), `${n}`)
  eventLog.append(script.events)
  await clock.pass(2_000)
  const fresh = new KeepingView('fresh', 20)
  await run(fresh)
  const elsewhere = new KeepingView('elsewhere', 20)
  elsewhere.stored = { ...live.stored!, hash: '00000000000000ff' }
  const stopped = await run(elsewhere)
  const failed = stopped.done.catch(error => error)
  await clock.pass(2_000)
  expect(await failed).toBeInstanceOf(ViewStopped)
  script.message(single('alice', 'bob'), user('alice'), 'last')
  eventLog.append(script.events.slice(5_000))
  await clock.pass(200)
  expect(live.events).toHaveLength(5_001)
  expect(fresh.events).toHaveLength(5_001)
  expect(fresh.events.at(-1)!.event).toBe(live.events.at(-1)!.event)
})

test('[RN20] what was worked out of a record belongs to that record: a corrupt log is told to every view', async () => {
  const { clock, eventLog, run } = await world()
  const runners = [await run(new KeepingView('one', 20)), await run(new KeepingView('other', 40))]
  const failures = runners.map(runner => runner.done.catch(error => error))
  eventLog.appendValue(Buffer.from([0, 0, 0, 0, 1]))
  await clock.pass(1_000)
  for (const failure of failures) expect(await failure).toBeInstanceOf(LogCorrupt)
})
