import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { type BuildShare, Generations } from '../../infra/redis/generations.ts'
import { escapeGlob, scanKeys } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import { dump } from '../../tests/contract/history-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { readPlaced } from '../../verify/testing/views.ts'
import { HISTORY_DEFAULTS } from '../history/history-store.ts'
import { historyInspector, historyReader, historyRebuildable, historyView, makeHistoryView } from '../history/main.ts'
import { MemoryHistory } from '../history/memory-history.ts'
import { MemoryHistoryStore } from '../history/memory-history-store.ts'
import { HISTORY_FORMAT } from '../history/redis-history-keys.ts'
import { makeRunner, type Runner } from '../runner.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { type EventLog, makeEventLog } from '../testing/log.ts'
import { testRedis } from '../testing/redis.ts'
import { ViewMoved, ViewStopped } from '../view.ts'
import { Filling, RebuildFailed } from './filling.ts'
import { type Helper, type Rebuildable, rebuildView } from './rebuild.ts'

const alice = user('alice')
const chat = single('alice', 'bob')

let connection: RedisConnection
let flush: () => Promise<void>
let runners: Runner[]

beforeEach(async () => {
  const redis = await testRedis(testStack().redisUrl)
  connection = redis.connection
  flush = redis.flush
  runners = []
})

afterEach(async () => {
  for (const runner of runners) await runner.drain()
  await flush()
  await connection.close()
})

/** The connection for parts that close theirs. */
const shared = () => ({ ...connection, close: async () => {} })
const parts = () => ({ random: systemRandom, logger: silentLogger, metrics: new Metrics(), clock: systemClock })

function busyScript(count: number): Script {
  const script = new Script()
  script.create(group('crew'), alice, [user('bob'), user('carol')])
  for (let i = 0; i < count; i++) {
    const from = user(i % 3 === 0 ? 'alice' : 'bob')
    script.message(i % 5 === 0 ? group('crew') : i % 2 === 0 ? chat : single('bob', `u${i % 40}`), from, `${i}`)
  }
  return script
}

async function liveRunner({ log, topics, codec }: EventLog): Promise<Runner> {
  const view = makeHistoryView({ connection: shared(), ...parts() })
  const runner = makeRunner({ view, log, topics, eventCodec: codec, partitions: [0], ...parts() })
  runners.push(runner)
  await runner.start()
  await runner.caughtUp()
  return runner
}

function rebuildOptions(eventLog: EventLog, rebuildable = historyRebuildable({ connection: shared(), ...parts() })) {
  const { log, topics, codec } = eventLog
  const lines: string[] = []
  return {
    ...parts(),
    rebuildable,
    log,
    topics,
    eventCodec: codec,
    signal: new AbortController().signal,
    print: (line: string) => void lines.push(line),
    lines,
  }
}

/** Sessions of their own, and users that the other partitions have as well. */
function partitionScript(partition: number): Script {
  const script = new Script(partition)
  for (let i = 0; i < 300; i++)
    script.message(single(`p${partition}-${i % 3}`, `u${i % 40}`), user(`u${i % 40}`), `${i}`)
  return script
}

/** What threads do, in this one. */
class Helping {
  readonly given: (readonly Partition[])[] = []
  readonly heard: string[] = []
  private readonly eventLog: EventLog

  constructor(eventLog: EventLog) {
    this.eventLog = eventLog
  }

  readonly start = (share: BuildShare, partitions: readonly Partition[]): Helper => {
    this.given.push(partitions)
    const { rebuildable, ...options } = rebuildOptions(this.eventLog)
    const { view, committing } = rebuildable.join!(share)
    const [start, end] = [0, 300]
    const bounds = new Map(partitions.map(partition => [partition, { start, end }]))
    const filling = new Filling(view, { ...options, name: 'history', bounds, gather: rebuildable.gather })
    return {
      caughtUp: () => filling.caughtUp(),
      stopped: () => filling.stopped(),
      progress: () => filling.progress(),
      committing: async () => {
        this.heard.push('committing')
        committing()
      },
      drain: () => {
        this.heard.push('drain')
        return filling.drain()
      },
    }
  }
}

/** What a fresh fold of the scripts gives. */
async function expected(...scripts: readonly Script[]) {
  const model = new MemoryHistoryStore(new MemoryHistory(), HISTORY_DEFAULTS)
  for (const script of scripts) {
    await model.position(script.partition)
    await historyView(model).apply(script.batch())
  }
  const { sessions, users } = await dump(model)
  return { sessions, users }
}

async function rows() {
  const { sessions, users } = await dump(historyInspector({ connection, random: systemRandom }))
  return { sessions, users }
}

async function generationsInUse(): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const keys of scanKeys(connection, `${escapeGlob(connection.prefix)}*`)) {
    for (const key of keys) found.add(key.slice(connection.prefix.length).split(':')[1]!)
  }
  found.delete('{history}')
  return found
}

const live = () =>
  new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom }).current('live')

describe('rebuild', () => {
  test('[RN11] the rebuilt view equals the live one, takes its place, and the old keys are gone', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(3_000)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const before = await live()
    // A damage that only a rebuild can heal.
    await connection.client.del(`${connection.prefix}history:${before}:{${chat}}:events`)
    const options = rebuildOptions(eventLog)
    await rebuildView(options)
    expect(await rows()).toEqual(await expected(script))
    expect(await live()).not.toBe(before)
    expect(await generationsInUse()).toEqual(new Set([await live()]))
    expect(options.lines.at(-1)).toMatch(/^history: rebuilt from 3001 events in/)
  })

  test('[RN11] under load no reader gets a wrong answer, and the live writer goes on in the new one', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(6_000)
    eventLog.append(script.events.slice(0, 2_000))
    await liveRunner(eventLog)
    const before = await live()
    let appended = 2_000
    let rebuilt = false
    const load = async () => {
      while (appended < script.events.length) {
        const next = Math.min(appended + (rebuilt ? 100 : 20), script.events.length)
        eventLog.append(script.events.slice(appended, next))
        appended = next
        await new Promise<void>(resolve => systemClock.defer(resolve))
        await historyReader({ connection, random: systemRandom }).position(0)
      }
    }
    let reads = 0
    const reading = async () => {
      const reader = historyReader({ connection, random: systemRandom })
      let highest = -1
      while (appended < script.events.length || !rebuilt) {
        const { offset } = (await reader.position(0))!
        expect(offset).toBeGreaterThanOrEqual(highest)
        highest = offset
        await expectComplete(reader, script, offset)
        reads++
      }
    }
    const rebuilding = rebuildView(rebuildOptions(eventLog)).finally(() => {
      rebuilt = true
    })
    await Promise.all([load(), reading(), reading(), rebuilding])
    expect(reads).toBeGreaterThan(10)
    expect(await live()).not.toBe(before)
    await untilAt(script.events.length - 1)
    expect(await rows()).toEqual(await expected(script))
  })

  test('[RN11] a rebuild that is behind does not become live, and the live writer is not held up', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(50)
    eventLog.append(script.events.slice(0, 40))
    await liveRunner(eventLog)
    const before = await live()
    let hurried = 0
    const hurry = {
      ...systemClock,
      monotonic: () => hurried,
      sleep: async () => {
        hurried += 1_000
      },
    }
    const rebuildable = historyRebuildable({ connection: shared(), ...parts(), clock: hurry })
    await rebuildable.begin()
    await expect(rebuildable.commit()).rejects.toThrow(/does not catch up/)
    expect(await live()).toBe(before)
    eventLog.append(script.events.slice(40))
    await untilAt(50)
    await rebuildable.abort()
    expect(await live()).toBe(before)
    expect(await generationsInUse()).toEqual(new Set([before]))
  })

  test('[RN11] what an unfinished rebuild has left is thrown away by the next, and it cannot become live any more', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(50)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const dead = historyRebuildable({ connection: shared(), ...parts() })
    const view = await dead.begin()
    await view.position(0)
    await view.apply(script.batch(0, 30))
    await rebuildView(rebuildOptions(eventLog))
    expect(await generationsInUse()).toEqual(new Set([await live()]))
    await expect(view.apply(script.batch(30, 51))).rejects.toThrow(ViewMoved)
    await expect(dead.commit()).rejects.toThrow(/another rebuild/)
    expect(await rows()).toEqual(await expected(script))
  })

  test('[RN16] what an unfinished rebuild has left is gone on with where that is asked for, and thrown away on demand', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(50)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const half = async () => {
      const view = await historyRebuildable({ connection: shared(), ...parts() }).begin()
      await view.position(0)
      const { events } = script.batch(0, 30)
      const [last] = await readPlaced(eventLog, 0).then(placed => placed.slice(29))
      await view.apply({ partition: 0, events, position: last!.position })
    }
    await half()
    const options = rebuildOptions(eventLog)
    await rebuildView({ ...options, resume: true })
    expect(options.lines.at(-1)).toMatch(/^history: rebuilt from 21 events in/)
    expect(await rows()).toEqual(await expected(script))
    await half()
    const discard = () => historyRebuildable({ connection: shared(), ...parts() }).abort()
    expect(await discard()).toBe(true)
    expect(await discard()).toBe(false)
    expect(await generationsInUse()).toEqual(new Set([await live()]))
  })

  test('[RN32] a rebuild that another one goes on with writes nothing any more and ends', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(50)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const early = await historyRebuildable({ connection: shared(), ...parts() }).begin()
    await early.position(0)
    await early.apply(script.batch(0, 10))
    const late = historyRebuildable({ connection: shared(), ...parts() })
    const view = await late.begin({ resume: true })
    await view.position(0)
    await view.apply(script.batch(10, 51))
    await expect(early.apply(script.batch(10, 20))).rejects.toThrow(ViewStopped)
    await late.commit()
    expect(await rows()).toEqual(await expected(script))
    // Live now, where writers have company: by the script.
    await view.position(0)
    await view.apply(script.batch(20, 51))
    expect(await rows()).toEqual(await expected(script))
    await Promise.all([early.close(), view.close()])
  })

  test('[RN32] a rebuild that wakes up when another one has ended, or the store was emptied, ends as well', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(50)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const wake = async (ending: () => Promise<unknown>) => {
      const view = await historyRebuildable({ connection: shared(), ...parts() }).begin()
      await view.position(0)
      await view.apply(script.batch(0, 10))
      await ending()
      await expect(view.apply(script.batch(10, 20))).rejects.toThrow(ViewMoved)
      await expect(view.position(0)).rejects.toThrow(ViewStopped)
      await view.close()
    }
    await wake(() => rebuildView(rebuildOptions(eventLog)))
    expect(await rows()).toEqual(await expected(script))
    await wake(flush)
  })

  test('[RN34] several build it, each some of the partitions', async () => {
    const eventLog = await makeEventLog({ partitions: 5 })
    const scripts = [0, 1, 2, 3, 4].map(partitionScript)
    for (const script of scripts) eventLog.append(script.events, script.partition)
    const options = rebuildOptions(eventLog)
    const helping = new Helping(eventLog)
    const rebuilt = await rebuildView({ ...options, helpers: { max: 2, start: helping.start } })
    expect(helping.given).toEqual([[1, 4], [2]])
    expect(helping.heard).toEqual(['committing', 'committing', 'drain', 'drain'])
    const events = scripts.reduce((sum, script) => sum + script.events.length, 0)
    expect(rebuilt.events).toBe(events)
    expect(await rows()).toEqual(await expected(...scripts))
    expect(await generationsInUse()).toEqual(new Set([await live()]))
  })

  test('[RN34] where one of them stops, nothing becomes live', async () => {
    const eventLog = await makeEventLog({ partitions: 2 })
    for (const n of [0, 1]) eventLog.append(partitionScript(n).events, n)
    const helping = new Helping(eventLog)
    const start: typeof helping.start = (...part) => ({
      ...helping.start(...part),
      caughtUp: () => Promise.reject(new Error('the thread has ended')),
    })
    const rebuilding = rebuildView({ ...rebuildOptions(eventLog), helpers: { max: 1, start } })
    await expect(rebuilding).rejects.toThrow('the thread has ended')
    expect(helping.heard).toEqual(['drain'])
    expect(await live()).toBeUndefined()
  })

  test('[RN11] a rebuild that is given up leaves the live view as it was', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(100)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    const before = await live()
    const controller = new AbortController()
    const inner = historyRebuildable({ connection: shared(), ...parts() })
    const rebuildable: Rebuildable = {
      ...inner,
      begin: async () => {
        const view = await inner.begin()
        controller.abort()
        return view
      },
    }
    const rebuilding = rebuildView({ ...rebuildOptions(eventLog, rebuildable), signal: controller.signal })
    await expect(rebuilding).rejects.toThrow(RebuildFailed)
    expect(await live()).toBe(before)
    await inner.abort()
    expect(await generationsInUse()).toEqual(new Set([before]))
    expect(await rows()).toEqual(await expected(script))
  })

  test('[RN11] a log that has lost its beginning is not enough, unless the operator says so', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(100)
    eventLog.append(script.events)
    await liveRunner(eventLog)
    eventLog.log.deleteBefore('im.events', 0, 60)
    await expect(rebuildView(rebuildOptions(eventLog))).rejects.toThrow(/has lost its beginning in the partitions 0/)
    expect(await rows()).toEqual(await expected(script))
    await rebuildView({ ...rebuildOptions(eventLog), allowIncomplete: true })
    const page = await historyReader({ connection, random: systemRandom }).page({
      sessionId: chat,
      afterSeq: 0,
      limit: 200,
    })
    expect(page.seqs[0]).toBeGreaterThan(1)
    expect(page.firstSeq).toBe(page.seqs[0])
  })
})

describe('an emptied or restarted server', () => {
  test('[RN6] readers are told that it was set back, before it has caught up', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(60)
    eventLog.append(script.events.slice(0, 40))
    await liveRunner(eventLog)
    const reader = historyReader({ connection, random: systemRandom })
    const before = await reader.filling()
    const positions = `${connection.prefix}history:${await live()}:{history}:positions`
    const early = (await readPlaced(eventLog, 0))[9]!.position
    await connection.client.hset(positions, '0', JSON.stringify(early))
    eventLog.append(script.events.slice(40))
    await expect.poll(async () => (await reader.position(0))?.offset).toBe(script.events.length - 1)
    expect(await reader.filling()).not.toBe(before)
    expect(await rows()).toEqual(await expected(script))
  })

  test('[RN6] it fills itself again with the next event', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(2_500)
    eventLog.append(script.events.slice(0, 2_400))
    const runner = await liveRunner(eventLog)
    await flush()
    eventLog.append(script.events.slice(2_400))
    const reader = historyReader({ connection, random: systemRandom })
    const done = async () => runner.ready() && (await reader.position(0))?.offset === script.events.length - 1
    while (!(await done())) await new Promise<void>(resolve => systemClock.defer(resolve))
    expect(await rows()).toEqual(await expected(script))
  })

  test('[RN6] a server that has forgotten the scripts is taught them again', async () => {
    const eventLog = await makeEventLog()
    const script = busyScript(100)
    eventLog.append(script.events.slice(0, 50))
    await liveRunner(eventLog)
    await connection.client.script('FLUSH')
    eventLog.append(script.events.slice(50))
    await untilAt(script.events.length - 1)
    expect(await rows()).toEqual(await expected(script))
  })
})

/** Waits until readers see the live view at an offset of partition 0, or behind it. */
async function untilAt(offset: number): Promise<void> {
  const reader = historyReader({ connection, random: systemRandom })
  while ((await reader.position(0))!.offset < offset) await new Promise<void>(resolve => systemClock.defer(resolve))
}

/** Every event up to the offset that a reader has seen as position must be in the pages that it reads afterwards. */
async function expectComplete(reader: ReturnType<typeof historyReader>, script: Script, offset: number): Promise<void> {
  const due = new Map<SessionId, number>()
  for (const { event } of script.events.slice(0, offset + 1)) due.set(event.sessionId, event.seq)
  const sessionId = offset % 2 === 0 ? chat : group('crew')
  const page = await reader.page({ sessionId, beforeSeq: Number.MAX_SAFE_INTEGER, limit: 200 })
  expect(page.lastSeq).toBeGreaterThanOrEqual(due.get(sessionId)!)
  const { seqs, lastSeq, firstSeq } = page
  const wanted = Math.min(200, lastSeq - firstSeq + 1)
  expect(seqs).toEqual(Array.from({ length: wanted }, (_, i) => lastSeq - wanted + 1 + i))
}
