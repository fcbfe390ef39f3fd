import { expect, onTestFinished, test } from 'vitest'
import type { Millis } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { testWebhook } from '../../schemas/testing/webhooks.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { Script, single, user } from '../testing/events.ts'
import { ATTEMPT_ROWS_MAX, type Attempt, AttemptLog } from './attempt-log.ts'
import { Deliverer, HOOK_LANES_MAX } from './deliver.ts'
import { MemoryWebhookStore } from './memory-webhook-store.ts'
import type { SendResult } from './sender.ts'
import { webhookMetrics } from './webhook-metrics.ts'
import { MemoryWebhookSource } from './webhook-source.ts'
import { BEGIN_BACK_MS, webhooksView } from './webhooks-view.ts'

const OK: SendResult = { kind: 'delivered', status: 200 }
const NO: SendResult = { kind: 'refused', status: 500 }
const GIVE_UP_MS = 60_000

interface Sent {
  url: string
  sessionId: string
  seq: number
  headers: Readonly<Record<string, string>>
}

/** A queue, its deliverer and a receiver that answers as it is told, on a clock that the test moves. */
function makeWorld({ webhooks = [testWebhook()], store = new MemoryWebhookStore(), clock = new VirtualClock() } = {}) {
  const sent: Sent[] = []
  const rows: Attempt[] = []
  const world: {
    clock: VirtualClock
    store: MemoryWebhookStore
    sent: Sent[]
    rows: Attempt[]
    answer: (sent: Sent) => { after: Millis; result: SendResult }
    underWay: number
    mostUnderWay: number
  } = {
    clock,
    store,
    sent,
    rows,
    /** What the receiver says, and after how long. */
    answer: (_sent: Sent): { after: Millis; result: SendResult } => ({ after: 5, result: OK }),
    underWay: 0,
    mostUnderWay: 0,
  }
  const table = { insert: async (more: readonly Attempt[]) => void rows.push(...more), close: async () => {} }
  const source = new MemoryWebhookSource(webhooks)
  const attempts = new AttemptLog({ table, clock, logger: silentLogger, name: 'test', onLost: () => {} })
  const deliverer = new Deliverer({
    store,
    partitions: [0],
    webhooks: () => source.current(),
    sender: {
      send: async ({ webhook, body, headers }) => {
        const { event } = JSON.parse(body) as { event: { sessionId: string; seq: number } }
        const one = { url: webhook.url, sessionId: event.sessionId, seq: event.seq, headers }
        sent.push(one)
        world.mostUnderWay = Math.max(world.mostUnderWay, ++world.underWay)
        const { after, result } = world.answer(one)
        await clock.sleep(after)
        world.underWay--
        return result
      },
    },
    attempts,
    giveUpMs: GIVE_UP_MS,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    metrics: webhookMetrics(new Metrics()),
  })
  const view = webhooksView({
    store,
    source,
    deliverer,
    clock,
    onDropped: () => {},
    close: async () => attempts.close(),
  })
  onTestFinished(() => clock.resolve(view.close()))
  return { ...world, world, source, deliverer, view, apply: (script: Script) => view.apply(script.batch()) }
}

/** Messages of the present day. */
function script(clock: VirtualClock, messages: readonly [from: string, to: string][]): Script {
  const made = new Script(0).wait(clock.now() - 1_700_000_000_000)
  for (const [from, to] of messages) made.message(single(from, to), user(from), 'hi')
  return made
}

const chat = (count: number, to = 'bob') => Array.from({ length: count }, () => ['alice', to] as [string, string])
const seqs = (sent: readonly Sent[], sessionId = 's:alice:bob') =>
  sent.filter(one => one.sessionId === sessionId).map(({ seq }) => seq)

test('[WH2] sessions go side by side, each in order, one at a time', async () => {
  const { clock, sent, world, view, apply } = makeWorld()
  await view.position(0)
  await apply(script(clock, [...chat(5), ...chat(5, 'carol'), ...chat(5, 'dave')]))
  await clock.pass(1_000)
  expect(sent).toHaveLength(15)
  for (const name of ['bob', 'carol', 'dave']) expect(seqs(sent, `s:alice:${name}`)).toEqual([1, 2, 3, 4, 5])
  expect(world.mostUnderWay).toBe(3)
})

test('[WH2, WH4] a session that fails is tried again with pauses and holds up nobody else', async () => {
  const { clock, sent, world, view, apply } = makeWorld()
  let isDown = true
  world.answer = one => ({ after: 5, result: one.sessionId === 's:alice:bob' && isDown ? NO : OK })
  await view.position(0)
  await apply(script(clock, [...chat(3), ...chat(20, 'carol')]))
  await clock.pass(5_000)
  expect(seqs(sent, 's:alice:carol')).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  const failed = seqs(sent)
  expect(new Set(failed)).toEqual(new Set([1]))
  expect(failed.length).toBeGreaterThan(1)
  expect(failed.length).toBeLessThan(6)
  isDown = false
  await clock.pass(20_000)
  expect(seqs(sent).slice(failed.length)).toEqual([1, 2, 3])
  const attempts = sent.filter(one => one.sessionId === 's:alice:bob').map(({ headers }) => headers['packlog-attempt'])
  expect(attempts).toEqual([...failed.map((_, index) => String(index + 1)), String(failed.length + 1), '1', '1'])
})

test('[WH2, WH3] from a receiver that is slow, refuses, redirects and breaks off half-way nothing is kept, in order', async () => {
  const { clock, sent, world, view, apply } = makeWorld()
  const random = new SeededRandom(7)
  const results: readonly SendResult[] = [
    ...Array.from({ length: 6 }, () => OK),
    NO,
    { kind: 'refused', status: 302 },
    { kind: 'failed', reason: 'UNREACHABLE', message: 'it breaks off' },
    { kind: 'failed', reason: 'TIMEOUT', message: 'it is silent' },
  ]
  const taken = new Map<string, number[]>()
  world.answer = one => {
    const result = results[Math.floor(random.next() * results.length)]!
    if (result === OK) taken.set(one.sessionId, [...(taken.get(one.sessionId) ?? []), one.seq])
    return { after: Math.ceil(random.next() * 3_000), result }
  }
  await view.position(0)
  const names = ['bob', 'carol', 'dave', 'erin']
  await apply(
    script(
      clock,
      names.flatMap(name => chat(8, name)),
    ),
  )
  for (let step = 0; step < 60; step++) await clock.pass(10_000)
  const all = Array.from({ length: 8 }, (_, index) => index + 1)
  for (const name of names) {
    const sessionId = `s:alice:${name}`
    expect(taken.get(sessionId), name).toEqual(all)
    // Each is sent until it is taken, and nothing behind it before that.
    expect(seqs(sent, sessionId).filter((seq, at, told) => seq !== told[at - 1])).toEqual(all)
  }
  expect(sent.length).toBeGreaterThan(4 * 8)
})

test('[WH4] what failed for long enough is dead, and a replay goes on in order', async () => {
  const { clock, sent, world, view, apply, store, rows } = makeWorld()
  world.answer = () => ({ after: 5, result: NO })
  await view.position(0)
  await apply(script(clock, chat(2)))
  await clock.pass(GIVE_UP_MS + 5_000)
  const tries = sent.length
  const dead = await store.deadLanes({ partition: 0, hook: 'shop/hook', limit: 10 })
  expect(dead).toMatchObject([{ sessionId: 's:alice:bob', deliveries: 2 }])
  await clock.pass(GIVE_UP_MS)
  expect(sent).toHaveLength(tries)
  expect(rows.map(({ outcome }) => outcome)).toEqual([...Array(tries - 1).fill('failed'), 'dead'])
  world.answer = () => ({ after: 5, result: OK })
  await store.replay({ partition: 0, hook: 'shop/hook', sessionId: single('alice', 'bob') }, clock.now())
  await clock.pass(5_000)
  expect(seqs(sent).slice(tries)).toEqual([1, 2])
})

test('[WH2] one webhook that hangs keeps only its own lanes, a bounded number of them', async () => {
  const webhooks: Webhook[] = [testWebhook({ url: 'https://hangs.example/' }), testWebhook({ webhookId: 'good' })]
  const { clock, sent, world, view, apply } = makeWorld({ webhooks })
  world.answer = one => ({ after: one.url.includes('hangs') ? 9_000 : 5, result: OK })
  await view.position(0)
  const many = Array.from({ length: 2 * HOOK_LANES_MAX }, (_, index) => ['alice', `u${index}`] as [string, string])
  await apply(script(clock, many))
  await clock.pass(3_000)
  expect(sent.filter(({ url }) => !url.includes('hangs'))).toHaveLength(2 * HOOK_LANES_MAX)
  expect(sent.filter(({ url }) => url.includes('hangs'))).toHaveLength(HOOK_LANES_MAX)
  await clock.pass(20_000)
  expect(sent.filter(({ url }) => url.includes('hangs'))).toHaveLength(2 * HOOK_LANES_MAX)
})

test('[WH3] what a process had under way when it died is delivered again by the next, in order', async () => {
  const first = makeWorld()
  first.world.answer = () => ({ after: 9_999_999, result: OK })
  await first.view.position(0)
  await first.apply(script(first.clock, chat(3)))
  await first.clock.pass(100)
  expect(seqs(first.sent)).toEqual([1])
  const second = makeWorld({ store: first.store.another(), clock: first.clock })
  first.store.claim = () => Promise.reject(new Error('dead'))
  await second.view.position(0)
  await first.clock.pass(30_000)
  expect(seqs(second.sent)).toEqual([1, 2, 3])
})

test('[WH3] a drain finishes what is under way, and gives the rest back at once', async () => {
  const first = makeWorld()
  first.world.answer = () => ({ after: 500, result: OK })
  await first.view.position(0)
  await first.apply(script(first.clock, chat(3)))
  await first.clock.pass(100)
  await first.clock.resolve(first.view.close())
  expect(seqs(first.sent)).toEqual([1])
  const second = makeWorld({ store: first.store.another(), clock: first.clock })
  await second.view.position(0)
  await first.clock.pass(1_000)
  expect(seqs(second.sent)).toEqual([2, 3])
})

test('[WH6] a queue that begins takes the events of the last day, and no older ones', async () => {
  const { clock, sent, view, apply } = makeWorld()
  expect(await view.position(0)).toBeUndefined()
  const made = new Script(0).wait(clock.now() - 1_700_000_000_000 - BEGIN_BACK_MS - 10)
  made.message(single('alice', 'bob'), user('alice'), 'old')
  made.wait(1_000).message(single('alice', 'bob'), user('alice'), 'new')
  await apply(made)
  await clock.pass(1_000)
  expect(seqs(sent)).toEqual([2])
})

test('[WH1] a webhook that is gone gets nothing more; where it comes back it goes on', async () => {
  const { clock, sent, world, view, apply, source } = makeWorld()
  world.answer = () => ({ after: 5, result: NO })
  await view.position(0)
  await apply(script(clock, chat(2)))
  await clock.pass(100)
  const { webhooks } = source
  source.webhooks = []
  expect(view.concerns?.({})).toBe(false)
  const before = sent.length
  await clock.pass(30_000)
  expect(sent).toHaveLength(before)
  source.webhooks = webhooks
  world.answer = () => ({ after: 5, result: OK })
  await clock.pass(10_000)
  expect(seqs(sent).slice(before)).toEqual([1, 2])
})

test('[WH9] attempts wait for a table that is away, the oldest beyond a bound are left out and counted', async () => {
  const clock = new VirtualClock()
  const rows: Attempt[] = []
  let isDown = true
  let lost = 0
  const table = {
    insert: async (more: readonly Attempt[]) => {
      if (isDown) throw new Error('away')
      rows.push(...more)
    },
    close: async () => {},
  }
  const log = new AttemptLog({
    table,
    clock,
    logger: silentLogger,
    name: 'test',
    onLost: count => {
      lost += count
    },
  })
  const row = (offset: number): Attempt => ({
    app: 'shop',
    webhookId: 'hook',
    sessionId: single('alice', 'bob'),
    partition: 0,
    offset,
    kind: 'MessageAccepted',
    attempt: 1,
    at: 1,
    durationMs: 2,
    outcome: 'delivered',
    status: 200,
    error: '',
  })
  for (let offset = 0; offset < 10; offset++) log.add(row(offset))
  await clock.pass(5_000)
  for (let offset = 10; offset < ATTEMPT_ROWS_MAX + 3; offset++) log.add(row(offset))
  isDown = false
  await clock.pass(2_000)
  expect(lost).toBe(3)
  expect(rows.map(({ offset }) => offset)).toEqual(Array.from({ length: ATTEMPT_ROWS_MAX }, (_, index) => index + 3))
})
