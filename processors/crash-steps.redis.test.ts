import { expect, onTestFinished, test } from 'vitest'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { Generations } from '../infra/redis/generations.ts'
import { GuardedPipes } from '../infra/redis/guarded-pipes.ts'
import type { RedisConnection } from '../infra/redis/redis.ts'
import { dump as dumpHistory } from '../tests/contract/history-store.contract.ts'
import { dump as dumpMembership } from '../tests/contract/membership-store.contract.ts'
import { testStack } from '../tests/stack.ts'
import { GenerationWriter } from './generation-writer.ts'
import { HISTORY_DEFAULTS } from './history/history-store.ts'
import { inspectHistory } from './history/inspect.ts'
import { historyView } from './history/main.ts'
import { MemoryHistory } from './history/memory-history.ts'
import { MemoryHistoryStore } from './history/memory-history-store.ts'
import { HISTORY_FORMAT } from './history/redis-history-keys.ts'
import { RedisHistoryStore } from './history/redis-history-store.ts'
import { inspectMembership } from './membership/inspect.ts'
import { membershipView } from './membership/main.ts'
import { MemoryMembership, MemoryMembershipStore } from './membership/memory-membership-store.ts'
import { MEMBERSHIP_FORMAT } from './membership/redis-membership-keys.ts'
import { RedisMembershipStore } from './membership/redis-membership-store.ts'
import { group, Script, single, user } from './testing/events.ts'
import { flakyRedis } from './testing/flaky-redis.ts'
import { testRedis } from './testing/redis.ts'
import type { View } from './view.ts'

/** A writer that dies between any two of its steps, or loses an answer, leaves nothing that the next one does not mend. */

const alice = user('alice')
const bob = user('bob')
const crew = group('crew')

/** A group that becomes large, is left and dismissed, beside a chat, a hot list that outgrows its bound and refusals. */
function eventful(): Script {
  const script = new Script()
  script.create(crew, alice, [bob])
  script.message(crew, bob, 'small')
  script.change(crew, bob, { kind: 'MemberQuit' })
  script.message(single('alice', 'bob'), alice, 'hi')
  script.refuse(crew, bob, 43)
  script.change(crew, alice, { kind: 'MembersAdded', userIds: ['carol', 'dave'].map(user) })
  script.message(crew, alice, 'large')
  script.change(crew, user('carol'), { kind: 'MemberQuit' })
  script.message(single('alice', 'erin'), user('erin'), 'one more')
  script.change(crew, alice, { kind: 'GroupDismissed' })
  return script
}

const options = { ...HISTORY_DEFAULTS, hotGroupMembersMax: 2, sweepEveryMs: 0 }

type MakeView = (connection: RedisConnection) => View

/** What history has of the script where nothing fails. */
async function historyOf(script: Script) {
  const model = new MemoryHistoryStore(new MemoryHistory(), options)
  await model.position(0)
  await historyView(model).apply(script.batch())
  return dumpHistory(model)
}

type When = 'before' | 'after'

/**
 * Lets the n-th step of a run fail, before its effect and after it, for every n: `run` says whether there was one. Gives
 * how many runs that were at least.
 */
async function whicheverFails(run: (nth: number, when: When) => Promise<boolean>): Promise<number> {
  const runs: number[] = []
  for (const when of ['before', 'after'] as const) {
    let nth = 0
    for (let failed = true; failed; nth++) failed = await run(nth, when)
    runs.push(nth)
  }
  return Math.min(...runs)
}

const makeHistory: MakeView = connection => {
  const generations = new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
  const onGap = () => expect.unreachable('a gap')
  return historyView(new RedisHistoryStore({ connection, writer: new GenerationWriter(generations), options, onGap }))
}

/** What a rebuild writes, to a generation that is live at the same time; its n-th block of sessions fails. */
async function builtWithOneFailure(script: Script, nth: number, when: When) {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
  const [building] = await generations.beginBuilding()
  await connection.client.set(`${connection.prefix}history:{history}:live`, building.generation)
  const pipes = new GuardedPipes({ connection, clock: systemClock })
  onTestFinished(async () => {
    pipes.close()
    await flush()
    await connection.close()
  })
  let calls = 0
  const write: GuardedPipes['write'] = async (guard, units) => {
    const fails = calls++ === nth
    if (fails && when === 'before') throw new Error('the connection was lost')
    await pipes.write(guard, fails && when === 'after' ? units.slice(0, 1) : units)
    if (fails) throw new Error('the answer was lost')
  }
  const onGap = () => expect.unreachable('a gap')
  const writer = new GenerationWriter(generations, building)
  const store = new RedisHistoryStore({ connection, writer, options, onGap, pipes: { write, close: () => {} } })
  const view = historyView(store)
  await view.position(0)
  for (let from = 0; from < script.events.length; from += 3) {
    const batch = script.batch(from, Math.min(from + 3, script.events.length))
    await view.apply(batch).catch(() => view.apply(batch))
  }
  return { rows: await dumpHistory(inspectHistory(generations)), failed: calls > nth }
}

test('[HI2, RN32] what a rebuild writes is the same whichever block fails, before or after a part of its effect', async () => {
  const script = eventful()
  const expected = await historyOf(script)
  const least = await whicheverFails(async (nth, when) => {
    const { rows, failed } = await builtWithOneFailure(script, nth, when)
    expect(rows, `block ${nth}, ${when}`).toEqual(expected)
    return failed
  })
  expect(least).toBeGreaterThan(3)
})

const makeMembership: MakeView = connection => {
  const generations = new Generations({
    connection,
    view: 'membership',
    format: MEMBERSHIP_FORMAT,
    random: systemRandom,
  })
  return membershipView(new RedisMembershipStore({ connection, writer: new GenerationWriter(generations) }))
}

/** Applies the script in two batches; the n-th pipeline of the writer fails, and another writer goes on as a runner would. */
async function withOneFailure(makeView: MakeView, script: Script, nth: number, when: When) {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  onTestFinished(async () => {
    await flush()
    await connection.close()
  })
  const flaky = flakyRedis(connection, { nth, when })
  let view = makeView(flaky.connection)
  await view.position(0)
  const half = script.events.length / 2
  const batches: [number, number][] = [
    [0, half],
    [half, script.events.length],
  ]
  for (const [from, to] of batches) {
    try {
      await view.apply(script.batch(from, to))
    } catch {
      view = makeView(connection)
      const next = ((await view.position(0))?.offset ?? -1) + 1
      // The position never passes a batch that was not applied.
      expect(next).toBeLessThanOrEqual(when === 'after' ? to : from)
      if (next < to) await view.apply(script.batch(next, to))
    }
  }
  return { connection, failed: flaky.failed() }
}

test('[HI2] history is the same whichever step of a batch fails, before or after its effect', async () => {
  const script = eventful()
  const expected = await historyOf(script)
  const least = await whicheverFails(async (nth, when) => {
    const run = await withOneFailure(makeHistory, script, nth, when)
    const generations = new Generations({ ...run, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
    expect(await dumpHistory(inspectHistory(generations)), `step ${nth}, ${when}`).toEqual(expected)
    return run.failed
  })
  expect(least).toBeGreaterThan(6)
})

test('[ME5] membership is the same whichever step of a batch fails, before or after its effect', async () => {
  const script = eventful()
  const model = new MemoryMembershipStore(new MemoryMembership())
  await model.position(0)
  await membershipView(model).apply(script.batch())
  const expected = await dumpMembership(model)
  const least = await whicheverFails(async (nth, when) => {
    const run = await withOneFailure(makeMembership, script, nth, when)
    const generations = new Generations({ ...run, view: 'membership', format: MEMBERSHIP_FORMAT, random: systemRandom })
    expect(await dumpMembership(inspectMembership(generations)), `step ${nth}, ${when}`).toEqual(expected)
    return run.failed
  })
  expect(least).toBeGreaterThan(5)
})
