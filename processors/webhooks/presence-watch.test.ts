import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../infra/logger.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { testWebhook } from '../../schemas/testing/webhooks.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { MemoryWebhookStore } from './memory-webhook-store.ts'
import type { PresenceMoves } from './presence-moves.ts'
import { PresenceWatch, presenceQueue, WATCH_MS } from './presence-watch.ts'

const QUEUE = presenceQueue(0, 1)
const presence = testWebhook({ webhookId: 'seen', kinds: ['UserOnline', 'UserOffline'] })

/** A watch over users who come and go as the test says. */
function makeWorld(webhooks: Webhook[] = [presence, testWebhook()]) {
  const clock = new VirtualClock()
  const store = new MemoryWebhookStore()
  const online = new Set<string>()
  const told = new Set<string>()
  let due = new Set<string>()
  const world = { settleFails: false }
  const moves: PresenceMoves = {
    due: async () => {
      const users = [...due]
      due = new Set()
      return users.map(userId => ({ userId: userId as UserId, wasOnline: told.has(userId) }))
    },
    seen: async userIds =>
      userIds.map(userId => ({ userId, isOnline: online.has(userId), deviceTypes: online.has(userId) ? [1] : [] })),
    settle: async ({ users }) => {
      if (world.settleFails) throw new Error('away')
      for (const { userId, isOnline } of users) {
        if (isOnline) told.add(userId)
        else told.delete(userId)
      }
    },
  }
  const watch = new PresenceWatch({
    moves,
    store,
    partitions: [0],
    queueOf: () => QUEUE,
    webhooks: () => webhooks,
    deliverer: { wake: () => {} },
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
  })
  watch.start()
  onTestFinished(() => clock.resolve(watch.stop()))
  const move = (userId: string, isOnline: boolean) => {
    if (isOnline) online.add(userId)
    else online.delete(userId)
    due.add(userId)
  }
  /** Everything that waits, by lane, in order. */
  const waiting = async (userId: string, hook = 'shop/seen') => {
    const bodies: string[] = []
    const now = clock.now()
    const lane = { partition: QUEUE, hook, sessionId: `u:${userId}` as SessionId }
    const { lanes } = await store.claim({ partition: QUEUE, hook, token: 't', now, until: now + 1, limit: 100 })
    let head = lanes.find(one => one.head.sessionId === lane.sessionId)?.head
    while (head !== undefined) {
      bodies.push(head.body)
      const next = await store.settle(lane, {
        token: 't',
        offset: head.offset,
        outcome: { kind: 'delivered', until: now },
      })
      head = next === 'lost' ? undefined : next
    }
    return bodies.map(body => (JSON.parse(body) as { event: { body: { kind: string } } }).event.body.kind)
  }
  return { clock, world, move, waiting, look: () => clock.pass(2 * WATCH_MS) }
}

test('[WH12] a change is told once, in order, to a webhook that names it and to no other', async () => {
  const { move, waiting, look } = makeWorld()
  move('alice', true)
  await look()
  move('alice', true)
  await look()
  move('alice', false)
  await look()
  expect(await waiting('alice')).toEqual(['UserOnline', 'UserOffline'])
  expect(await waiting('alice', 'shop/hook')).toEqual([])
})

test('[WH12] who comes and goes between two looks is not told of', async () => {
  const { move, waiting, look } = makeWorld()
  move('alice', true)
  move('alice', false)
  await look()
  expect(await waiting('alice')).toEqual([])
})

test('[WH12] what could not be noted is told once more', async () => {
  const { world, move, waiting, look } = makeWorld()
  world.settleFails = true
  move('alice', true)
  await look()
  world.settleFails = false
  move('alice', true)
  await look()
  expect(await waiting('alice')).toEqual(['UserOnline', 'UserOnline'])
})

test('[WH12] without a webhook that names it nobody is looked at', async () => {
  const { move, waiting, look } = makeWorld([testWebhook()])
  move('alice', true)
  await look()
  expect(await waiting('alice')).toEqual([])
})
