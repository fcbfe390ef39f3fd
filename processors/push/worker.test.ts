import { describe, expect, test } from 'vitest'
import { makeLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { PushRecord } from '../../schemas/push-record.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { POSITION_START } from '../../topics/valid-events.ts'
import { Dispatcher } from './dispatcher.ts'
import type { PushFacts } from './facts.ts'
import type { Job, MessageEvent, PushedEvent } from './jobs.ts'
import { MemoryPushStore } from './memory-push-store.ts'
import { AUDIENCE_PAGE } from './performer.ts'
import { deviceKeyOf, receiverOf, type UserFacts } from './plan.ts'
import { pushMetrics } from './push-metrics.ts'
import { Sender } from './sender.ts'
import {
  accepted,
  invalidToken,
  type PushMessage,
  rejected,
  retryMessage,
  retryService,
  type SendResult,
  type Vendor,
} from './vendor.ts'
import { DUE_MAX, PushWorker } from './worker.ts'

/** The whole of push without servers: memory store, views by hand, one vendor by hand, a clock by hand. */

const T0 = Date.UTC(2026, 0, 15, 12, 0)
const crew = 'g:crew' as SessionId
const chat = 's:alice:bob' as SessionId
const bob = 'bob' as UserId

function device(token: string, more: Partial<PushDevice> = {}): PushDevice {
  const app = { serviceType: 9, packageName: 'com.example.chat', appVersion: '1', token }
  return { ...app, deviceType: 1, deviceId: token, locale: '', timeZone: '', contentHidden: false, at: 1, ...more }
}

function user(
  userId: string,
  devices: PushDevice[] = [device(`${userId}-1`)],
  more: Partial<UserFacts> = {},
): UserFacts {
  const facts = { devices, connections: [], settings: USER_SETTINGS_DEFAULT, notify: undefined }
  return { userId: userId as UserId, ...facts, readSeq: 0, isHidden: false, joinSeq: 0, ...more }
}

class World {
  readonly clock = new VirtualClock(T0)
  readonly store = new MemoryPushStore()
  users = [user('alice')]
  isBehind = false
  gone = new Set<number>()
  answers: SendResult[] = []
  readonly sent: PushMessage[] = []
  readonly recalled: PushMessage[] = []
  readonly records: PushRecord[] = []
  readonly taken: object[] = []
  readonly warnings: string[] = []
  pages = 0
  /** Users that were asked for, and messages that were sent, in one call at most. */
  askedMax = 0
  sentMax = 0
  isDown = false
  /** How long the vendor and the views take to answer. */
  sendMs = 0
  seenMs = 0
  /** Messages that came while the vendor was down. */
  refused = 0
  onSend: () => void = () => {}
  /** Which filling the stores of the views are; and what happens while they are read. */
  fillings = '1,1'
  onDevices: () => void = () => {}
  onUsers: () => void = () => {}
  private readonly random = new SeededRandom(1)
  worker = this.makeWorker()

  makeWorker(): PushWorker {
    const { clock, random, store } = this
    const metrics = pushMetrics(new Metrics())
    const answer = (message: PushMessage) => {
      if (this.isDown) {
        this.refused++
        return retryService('503', 0)
      }
      this.sent.push(message)
      this.onSend()
      return this.answers.shift() ?? accepted('m')
    }
    const vendor: Vendor = {
      name: 'https',
      batchMax: 100,
      perSecondMax: 1_000_000,
      withdrawal: 'recall',
      send: async messages => {
        if (this.sendMs > 0) await this.clock.sleep(this.sendMs)
        this.sentMax = Math.max(this.sentMax, messages.length)
        return messages.map(answer)
      },
      recall: async message => {
        if (this.isDown) return retryService('503', 3_000)
        this.recalled.push(message)
        return accepted('')
      },
      close: async () => {},
    }
    const logger = makeLogger({ name: 'push', level: 'warn', to: { write: line => void this.warnings.push(line) } })
    const has = (packageName: string) => packageName === 'com.example.chat'
    const dispatcher = new Dispatcher({
      vendor: (_name, packageName) => (has(packageName) ? vendor : undefined),
      clock,
      random,
      logger,
      metrics,
    })
    const records = { write: async (all: readonly PushRecord[]) => void this.records.push(...all) }
    const tokens = { invalidate: async (token: object) => void this.taken.push(token) }
    const sender = new Sender({ store, dispatcher, records, tokens, clock, random, metrics })
    const limits = { ageMsMax: 600_000, ackMs: 10_000, isContentHidden: false }
    const facts = this.facts()
    return new PushWorker({
      store,
      facts,
      sender,
      tokens,
      languages: {},
      partitions: [0],
      limits,
      clock,
      logger,
      metrics,
    })
  }

  private facts(): PushFacts {
    return {
      seen: async () => {
        if (this.seenMs > 0) await this.clock.sleep(this.seenMs)
        return { offset: this.isBehind ? -1 : Number.MAX_SAFE_INTEGER, fillings: this.fillings }
      },
      devices: async userIds => {
        this.onDevices()
        return userIds.map(userId => this.users.find(one => one.userId === userId)?.devices ?? [])
      },
      isGone: async (_sessionId, seq) => this.gone.has(seq),
      audience: async ({ sessionId, from, cursor, limit }) => {
        const receiver = receiverOf({ sessionId, from })
        if (receiver !== undefined) return { users: [{ userId: receiver, joinSeq: 0 }] }
        this.pages++
        const start = Number(cursor ?? 0)
        const users = this.users.slice(start, start + limit).map(({ userId }) => ({ userId, joinSeq: 0 }))
        return start + limit < this.users.length ? { users, cursor: String(start + limit) } : { users }
      },
      users: async ({ members }) => {
        this.onUsers()
        this.askedMax = Math.max(this.askedMax, members.length)
        const byId = new Map(this.users.map(one => [one.userId, one]))
        return members.map(({ userId }) => byId.get(userId) ?? user(userId, []))
      },
      names: async ({ from }) => ({ sender: from }),
      badges: async users => users.map(() => 4),
      tokenUsers: async () => [
        { userId: 'alice' as UserId, at: 10 },
        { userId: bob, at: 20 },
      ],
    }
  }

  async put(id: string, job: Job, dueAt = T0): Promise<void> {
    await this.store.add({ partition: 0, jobs: [{ id, dueAt, job }], delivered: [], position: POSITION_START })
  }

  /** Does what is due until nothing is. */
  async work(): Promise<void> {
    while (await this.worker.step(0));
  }

  async later(ms: number): Promise<void> {
    await this.clock.pass(ms)
    await this.work()
  }

  kinds(): string[] {
    return this.records.map(({ body }) => body.kind)
  }
}

const pushed = (seq: number, more: Partial<PushedEvent> = {}): PushedEvent => ({
  offset: seq,
  sessionId: chat,
  seq,
  at: T0,
  from: bob,
  packId: 'p' as PackId,
  isUrgent: false,
  ...more,
})
const message = (seq: number, more: Partial<MessageEvent> = {}): Job => ({
  kind: 'message',
  stage: 1,
  event: {
    ...pushed(seq),
    content: { kind: 'Text', text: 'hi' },
    mentions: [],
    mentionsAll: false,
    pushInfo: null,
    ...more,
  },
})

describe('sending', () => {
  test('[PU8] two devices get one push each, and what is done twice sends nothing twice', async () => {
    const world = new World()
    world.users = [user('alice', [device('a'), device('b')])]
    await world.put('m1', message(1))
    await world.work()
    await world.put('m1', message(1))
    await world.work()
    expect(world.sent.map(({ token, badge }) => [token, badge])).toEqual([
      ['a', 4],
      ['b', 4],
    ])
    expect(world.kinds()).toEqual(['Attempted', 'Accepted', 'Attempted', 'Accepted'])
  })

  test('[PU9] a crash between claim and end: unknown, never sent again, said once', async () => {
    const world = new World()
    await world.store.claim({ partition: 0, sessionId: chat, seq: 1 }, [
      { device: deviceKeyOf(device('alice-1')), attempt: 0 },
    ])
    await world.put('m1', message(1))
    await world.work()
    await world.put('m1', message(1))
    await world.work()
    expect(world.sent).toEqual([])
    expect(world.kinds()).toEqual(['Unknown'])
  })

  test('[PU10] what the vendor did not take is sent again, later each time, until it is too old', async () => {
    const world = new World()
    world.answers = [retryMessage('429', 2_000), retryMessage('429'), accepted('x')]
    await world.put('m1', message(1))
    await world.work()
    await world.later(1_900)
    expect(world.sent).toHaveLength(1)
    await world.later(200)
    expect(world.sent).toHaveLength(2)
    await world.later(60_000)
    expect(world.sent).toHaveLength(3)
    expect(world.kinds()).toEqual(['Attempted', 'Delayed', 'Delayed', 'Accepted'])
    world.answers = Array.from({ length: 100 }, () => retryMessage('429'))
    await world.put('m2', message(2, { at: world.clock.now() }), world.clock.now())
    for (let n = 0; n < 20; n++) await world.later(60_000)
    expect(world.records.at(-1)?.body).toMatchObject({ kind: 'Failed', cause: 'old' })
    expect(await world.store.waiting(0)).toBe(0)
  })

  test('[PU10] a vendor that asks to be left alone is, with everything that comes meanwhile; then all of it is sent', async () => {
    const world = new World()
    world.answers = [retryService('down', 5_000)]
    await world.put('m1', message(1))
    await world.work()
    await world.put('m2', message(2))
    await world.later(4_000)
    expect(world.sent).toHaveLength(1)
    for (let n = 0; n < 3; n++) await world.later(5_000)
    expect(world.sent.map(({ data }) => data.seq).sort()).toEqual(['1', '1', '2'])
  })

  test('[PU10] a vendor that is down for five minutes gets everything when it is back, once, and is not stormed', async () => {
    const world = new World()
    world.users = [user('alice', [device('a'), device('b')])]
    world.isDown = true
    for (let minute = 0; minute < 5; minute++) {
      await world.put(`m${minute + 1}`, message(minute + 1, { at: world.clock.now() }), world.clock.now())
      for (let second = 0; second < 60; second++) await world.later(1_000)
    }
    expect(world.sent).toEqual([])
    // Longer pauses each time: a handful of tries for each of the ten in five minutes.
    expect(world.refused).toBeGreaterThan(3)
    expect(world.refused).toBeLessThan(60)
    world.isDown = false
    for (let second = 0; second < 200; second++) await world.later(1_000)
    expect(world.sent.map(({ pushId }) => pushId)).toHaveLength(10)
    expect(new Set(world.sent.map(({ pushId }) => pushId)).size).toBe(10)
    expect(world.kinds().filter(kind => kind === 'Accepted')).toHaveLength(10)
    expect(world.kinds()).not.toContain('Failed')
    expect(await world.store.waiting(0)).toBe(0)
  })

  test('[PU10] a vendor that does not answer holds up nothing else, and is left alone for a while', async () => {
    const world = new World()
    world.users = [user('alice', [device('a')])]
    world.answers = [{ kind: 'unknown', reason: 'socket hang up' }]
    await world.put('m1', message(1))
    await world.work()
    expect(world.warnings.map(line => JSON.parse(line).reason)).toEqual(['socket hang up'])
    await world.put('m2', message(2))
    await world.work()
    expect(world.sent).toHaveLength(1)
    await world.later(5_000)
    expect(world.sent.map(({ data }) => data.seq)).toEqual(['1', '2'])
    expect(world.kinds()).toEqual(['Attempted', 'Unknown', 'Attempted', 'Accepted'])
  })

  test('[PU10] read meanwhile: what waited for another attempt is cancelled', async () => {
    const world = new World()
    world.answers = [retryMessage('busy')]
    await world.put('m1', message(1))
    await world.work()
    world.users = [user('alice', undefined, { readSeq: 1 })]
    await world.later(5_000)
    expect(world.sent).toHaveLength(1)
    expect(world.records.at(-1)?.body).toEqual({ kind: 'Cancelled', reason: 'read' })
  })

  test('[PU11] a dead token is taken from its user, up to when it is known to be dead', async () => {
    const world = new World()
    world.answers = [invalidToken('Unregistered', 77)]
    await world.put('m1', message(1))
    await world.work()
    expect(world.taken).toEqual([
      { userId: 'alice', serviceType: 9, token: 'alice-1', before: 77, reason: 'Unregistered' },
    ])
    world.answers = [rejected('too long')]
    await world.put('m2', message(2))
    await world.work()
    expect(world.taken).toHaveLength(1)
    expect(world.kinds()).toEqual(['Attempted', 'Failed', 'Attempted', 'Failed'])
  })

  test('[PU11] a token that another user registered later leaves the first', async () => {
    const world = new World()
    await world.put('t1', { kind: 'token', event: pushed(1), serviceType: 9, token: 'x' })
    await world.work()
    expect(world.taken).toEqual([{ userId: 'alice', serviceType: 9, token: 'x', before: 10, reason: 'moved' }])
  })

  test('[PU12] an app without credentials fails by itself, and is reported once', async () => {
    const world = new World()
    world.users = [user('alice', [device('a'), device('b', { packageName: 'other' })])]
    for (const seq of [1, 2]) {
      await world.put(`m${seq}`, message(seq))
      await world.work()
    }
    expect(world.sent.map(({ token }) => token)).toEqual(['a', 'a'])
    const failed = world.records.filter(({ body }) => body.kind === 'Failed')
    expect(failed).toMatchObject([1, 2].map(() => ({ packageName: 'other', body: { cause: 'configError' } })))
    expect(world.warnings).toHaveLength(1)
    expect(JSON.parse(world.warnings[0]!)).toMatchObject({ vendor: 'https', packageName: 'other' })
  })
})

describe('planning', () => {
  test('[PU5] a connected device is looked at again, and gets one push where it has not told that it has the message', async () => {
    const world = new World()
    world.users = [
      user('alice', [device('a'), device('b')], { connections: ['a', 'b'].map(deviceId => ({ deviceId, since: 1 })) }),
    ]
    await world.put('m1', message(1))
    await world.work()
    expect(world.sent).toEqual([])
    const mark = { userId: 'alice' as UserId, deviceId: 'a', sessionId: chat, seq: 1 }
    await world.store.add({ partition: 0, jobs: [], delivered: [mark], position: POSITION_START })
    await world.later(10_000)
    expect(world.sent.map(({ token }) => token)).toEqual(['b'])
  })

  test('[PU13] a large group is planned in pages, and others do not wait for it', async () => {
    const world = new World()
    world.users = Array.from({ length: 3 * AUDIENCE_PAGE }, (_, n) => user(`u${n}`))
    await world.put('m1', message(1, { sessionId: crew }))
    await world.worker.step(0)
    expect(world.sent).toHaveLength(AUDIENCE_PAGE)
    await world.put('r2', {
      kind: 'request',
      event: pushed(2, { sessionId: 'u:u0' as SessionId, from: 'u0' as UserId }),
      request: { title: 'Sale', content: '', uri: '', extraData: [], options: [] },
    })
    await world.worker.step(0)
    expect(world.sent.some(({ title }) => title === 'Sale')).toBe(true)
    await world.work()
    expect(new Set(world.sent.map(({ token }) => token)).size).toBe(3 * AUDIENCE_PAGE)
    expect(world.sent).toHaveLength(3 * AUDIENCE_PAGE + 1)
    expect(world.pages).toBe(3)
  })

  test('[PU13] ten thousand who are away: a page of them in memory at a time, and somebody else in between', async () => {
    const world = new World()
    const members = 10_000
    world.users = Array.from({ length: members }, (_, n) => user(`u${n}`))
    await world.put('m1', message(1, { sessionId: crew }))
    await world.worker.step(0)
    await world.put('m2', message(2, { sessionId: 's:bob:u7' as SessionId }))
    await world.worker.step(0)
    // The other one is through while most of the group still waits.
    expect(world.sent.filter(({ data }) => data.sessionId === 's:bob:u7')).toHaveLength(1)
    expect(world.pages).toBe(2)
    await world.work()
    expect(world.pages).toBe(members / AUDIENCE_PAGE)
    expect(world.askedMax).toBe(AUDIENCE_PAGE)
    expect(world.sentMax).toBeLessThanOrEqual(100)
    const ofGroup = world.sent.filter(({ data }) => data.sessionId === crew)
    expect(ofGroup).toHaveLength(members)
    expect(new Set(ofGroup.map(({ pushId }) => pushId)).size).toBe(members)
  })

  test('[PU13] a job that ends while it is looked for others is not done again', async () => {
    const world = new World()
    world.sendMs = 120
    world.seenMs = 50
    await world.put('m1', message(1, { sessionId: crew }))
    world.worker.start()
    for (let n = 0; n < 100; n++) await world.clock.pass(10)
    expect(world.sent).toHaveLength(1)
    expect(world.pages).toBe(1)
  })

  test('[PU13] it waits until the views have the event', async () => {
    const world = new World()
    world.isBehind = true
    await world.put('m1', message(1))
    await world.work()
    expect(world.sent).toEqual([])
    world.isBehind = false
    await world.later(1_000)
    expect(world.sent).toHaveLength(1)
  })

  test.each<[string, Partial<World>, Partial<World>]>([
    ['is behind', { isBehind: true }, { isBehind: false }],
    ['has been filled again', { fillings: '1,2' }, {}],
  ])('[PU13] what was read of a view that %s since counts for nothing', async (_, setBack, filled) => {
    const world = new World()
    world.users = [user('alice'), user('carol')]
    world.onUsers = () => void Object.assign(world, setBack)
    await world.put('m1', message(1, { sessionId: crew }))
    await world.work()
    expect(world.sent).toEqual([])
    world.onUsers = () => {}
    Object.assign(world, filled)
    // Who is in the group as the view knows it then.
    world.users = [user('alice')]
    await world.later(1_000)
    expect(world.sent.map(({ token }) => token)).toEqual(['alice-1'])
    expect(await world.store.waiting(0)).toBe(0)
  })

  test('[PU13] nobody has no device because a view was set back', async () => {
    const world = new World()
    const [alice] = [...world.users]
    world.users = [user('alice', [])]
    world.onDevices = () => {
      world.users = [alice!]
      world.fillings = '1,2'
    }
    await world.put('m1', message(1))
    await world.work()
    await world.later(1_000)
    expect(world.sent).toHaveLength(1)
  })

  test('[PU13] what is for one user without a device is dismissed together, and is looked at no further', async () => {
    const world = new World()
    world.users = [user('alice', [])]
    for (let seq = 1; seq <= 2 * DUE_MAX; seq++) await world.put(`m${seq}`, message(seq, { from: bob }))
    expect(await world.worker.step(0)).toBe(true)
    expect(await world.store.waiting(0)).toBe(DUE_MAX)
    await world.work()
    expect(await world.store.waiting(0)).toBe(0)
    expect(world.pages).toBe(0)
  })

  test('[PU14] a message that is gone rings no more, and is taken off where it has', async () => {
    const world = new World()
    world.gone.add(1)
    await world.put('m1', message(1))
    await world.work()
    expect(world.sent).toEqual([])
    for (const seq of [2, 3]) {
      await world.put(`m${seq}`, message(seq))
      await world.work()
    }
    await world.put('w9', { kind: 'withdraw', event: pushed(9), seq: 2 })
    await world.work()
    // The push of 3 has taken its place already.
    expect(world.recalled).toEqual([])
    await world.put('w10', { kind: 'withdraw', event: pushed(10), seq: 3 })
    await world.work()
    await world.put('w10', { kind: 'withdraw', event: pushed(10), seq: 3 })
    await world.work()
    expect(world.recalled).toHaveLength(1)
    expect(world.recalled[0]).toMatchObject({ collapseKey: world.sent[1]!.collapseKey, data: { withdraws: '3' } })
    expect(world.kinds().filter(kind => kind === 'Withdrawn')).toHaveLength(1)
  })

  test('[PU14] what is gone while the vendor takes nothing is taken off when it does again, once', async () => {
    const world = new World()
    world.users = [user('alice', [device('a'), device('b')])]
    await world.put('m1', message(1))
    await world.work()
    world.isDown = true
    await world.put('w2', { kind: 'withdraw', event: pushed(2), seq: 1 })
    await world.work()
    await world.later(3_500)
    expect(world.recalled).toEqual([])
    world.isDown = false
    for (let second = 0; second < 30; second++) await world.later(1_000)
    expect(world.recalled.map(({ token }) => token).sort()).toEqual(['a', 'b'])
    expect(world.kinds().filter(kind => kind === 'Withdrawn')).toHaveLength(2)
    expect(await world.store.waiting(0)).toBe(0)
  })

  test('[PU15] what an app pushes goes to every device, with its own badge, data and options', async () => {
    const world = new World()
    world.users = [user('alice', undefined, { settings: { ...USER_SETTINGS_DEFAULT, notify: 'none' } })]
    const request = {
      title: 'Sale',
      content: 'now',
      uri: 'shop://1',
      unreadCount: 9,
      extraData: [{ name: 'sku', value: '7' }],
      options: [{ serviceType: 9, json: '{"urgent":true}' }],
    }
    await world.put('r1', { kind: 'request', event: pushed(1, { from: 'alice' as UserId }), request })
    await world.work()
    expect(world.sent).toMatchObject([
      { title: 'Sale', body: 'now', uri: 'shop://1', badge: 9, data: { sku: '7' }, options: { urgent: true } },
    ])
  })

  test('[PU10] what is too old when it comes up rings no more', async () => {
    const world = new World()
    await world.put('m1', message(1, { at: T0 - 700_000 }))
    await world.work()
    expect(world.sent).toEqual([])
    expect(await world.store.waiting(0)).toBe(0)
  })
})
