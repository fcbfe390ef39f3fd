import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ViewMoved } from '../../processors/view.ts'
import type { Delivery } from '../../processors/webhooks/plan.ts'
import type { LaneId, WebhookLimits, WebhookStore } from '../../processors/webhooks/webhook-store.ts'
import type { SessionId } from '../../schemas/ids.ts'

/** What every queue of webhooks does. */

export interface WebhookStoreUnderTest {
  /** Another process on the same store, with LIMITS. */
  open(): WebhookStore
  /** As if the server had been emptied. */
  lose(): Promise<void>
  close(): Promise<void>
}

const NOW = 1_700_000_000_000
const ROOM = 4
export const LIMITS: WebhookLimits = { laneDeliveriesMax: ROOM, hookDeliveriesMax: ROOM + 3 }
const HOOK = 'shop/hook'
const S1 = 's:a:b' as SessionId
const S2 = 'g:crew' as SessionId

const delivery = (offset: number, { sessionId = S1, hook = HOOK } = {}): Delivery => ({
  hook,
  sessionId,
  offset,
  kind: 'MessageAccepted',
  at: NOW - 10,
  body: `{"n":${offset},\n"text":"${'é'.repeat(3)}"}`,
})

export function webhookStoreContract(name: string, make: () => Promise<WebhookStoreUnderTest>): void {
  describe(`queue of webhooks: ${name}`, () => {
    let under: WebhookStoreUnderTest
    let store: WebhookStore

    beforeEach(async () => {
      under = await make()
      store = under.open()
      await store.place(1)
    })
    afterEach(() => under.close())

    const enqueue = (deliveries: Delivery[], upTo = deliveries.at(-1)!.offset, to = store) => {
      const position = { offset: upTo, cause: { era: 0, offset: upTo }, hash: '00000000000000ff' }
      return to.enqueue({ partition: 1, deliveries, place: { position, notBefore: 5 }, now: NOW })
    }
    const claim = (token = 't', { now = NOW, limit = 10, hook = HOOK } = {}) =>
      store.claim({ partition: 1, hook, token, now, until: now + 100, limit })
    const lane = (sessionId = S1): LaneId => ({ partition: 1, hook: HOOK, sessionId })
    const delivered = { kind: 'delivered', until: NOW + 100 } as const
    const dead = { kind: 'dead', at: NOW + 7 } as const

    test('[WH6] nothing is stored at first; the position is stored with what it says, and does not go back', async () => {
      expect(await store.place(1)).toBeUndefined()
      await enqueue([delivery(3)])
      expect(await store.place(1)).toMatchObject({ position: { offset: 3, hash: '00000000000000ff' }, notBefore: 5 })
      await enqueue([], 9)
      await enqueue([delivery(4)])
      expect((await store.place(1))?.position.offset).toBe(9)
      expect(await store.place(2)).toBeUndefined()
    })

    test('[WH2] a lane gives its deliveries one by one, in log order, to whoever has claimed it', async () => {
      await enqueue([delivery(1), delivery(2), delivery(3, { sessionId: S2 }), delivery(4)])
      const { lanes } = await claim()
      expect(lanes.map(({ head }) => [head.sessionId, head.offset]).sort()).toEqual([
        [S2, 3],
        [S1, 1],
      ])
      expect(lanes.find(({ head }) => head.sessionId === S1)!.head).toEqual({ ...delivery(1), missed: 0 })
      expect((await claim('other')).lanes).toEqual([])
      expect(await store.settle(lane(), { token: 't', offset: 1, outcome: delivered })).toMatchObject({ offset: 2 })
      expect(await store.settle(lane(), { token: 't', offset: 2, outcome: delivered })).toMatchObject({ offset: 4 })
      expect(await store.settle(lane(), { token: 't', offset: 4, outcome: delivered })).toBeUndefined()
      expect((await claim('t', { now: NOW + 1_000 })).lanes.map(({ head }) => head.sessionId)).toEqual([S2])
    })

    test('[WH6] a repeated batch puts nothing twice, not even what was delivered meanwhile', async () => {
      await enqueue([delivery(1), delivery(2)])
      await claim()
      await store.settle(lane(), { token: 't', offset: 1, outcome: delivered })
      await enqueue([delivery(1), delivery(2)])
      await store.settle(lane(), { token: 't', offset: 2, outcome: delivered })
      expect((await claim('t', { now: NOW + 1_000 })).lanes).toEqual([])
    })

    test('[WH6] a batch that is too large for one call is put in whole, several webhooks of one event apart', async () => {
      const batch = Array.from({ length: 125 }, (_, index) => {
        const sessionId = `g:${index}` as SessionId
        return [delivery(index, { sessionId }), delivery(index, { sessionId, hook: 'shop/second' })]
      }).flat()
      expect(await enqueue(batch)).toEqual([])
      await enqueue(batch)
      for (const hook of [HOOK, 'shop/second']) {
        const { lanes } = await claim('t', { hook, limit: 200 })
        const offsets = lanes.map(({ head }) => head.offset).sort((a, b) => a - b)
        expect(offsets).toEqual(Array.from({ length: 125 }, (_, index) => index))
      }
    })

    test('[WH3] a claim lapses, and what it was about is delivered again by the next; the late one settles nothing', async () => {
      await enqueue([delivery(1), delivery(2)])
      await claim('first')
      const { lanes } = await claim('second', { now: NOW + 100 })
      expect(lanes.map(({ head }) => head.offset)).toEqual([1])
      expect(await store.settle(lane(), { token: 'first', offset: 1, outcome: delivered })).toBe('lost')
      expect(await store.settle(lane(), { token: 'second', offset: 1, outcome: delivered })).toMatchObject({
        offset: 2,
      })
    })

    test('[WH4] a lane that failed is due when it was said, with how often and since when', async () => {
      await enqueue([delivery(1), delivery(2)])
      await claim()
      const outcome = { kind: 'retry', at: NOW + 500, failingSince: NOW } as const
      await store.settle(lane(), { token: 't', offset: 1, outcome })
      expect(await claim()).toEqual({ lanes: [], nextAt: NOW + 500 })
      await enqueue([delivery(3)])
      expect((await claim()).lanes).toEqual([])
      const { lanes } = await claim('t', { now: NOW + 500 })
      expect(lanes).toMatchObject([{ head: { offset: 1 }, attempts: 1, failingSince: NOW }])
      await store.settle(lane(), { token: 't', offset: 1, outcome: { kind: 'released', at: NOW } })
      expect((await claim()).lanes).toMatchObject([{ head: { offset: 1 }, attempts: 1 }])
      await store.settle(lane(), { token: 't', offset: 1, outcome: delivered })
      await store.settle(lane(), { token: 't', offset: 2, outcome: { kind: 'released', at: NOW } })
      expect((await claim()).lanes).toMatchObject([{ head: { offset: 2 }, attempts: 0, failingSince: 0 }])
    })

    test('[WH4] a dead lane keeps what it has and what comes behind, until it is replayed from its head', async () => {
      await enqueue([delivery(1), delivery(2), delivery(3, { sessionId: S2 })])
      await claim()
      await store.settle(lane(), { token: 't', offset: 1, outcome: dead })
      await enqueue([delivery(4), delivery(5, { sessionId: S2 })])
      const listed = await store.deadLanes({ partition: 1, hook: HOOK, limit: 10 })
      expect(listed).toMatchObject([{ sessionId: S1, at: NOW + 7, deliveries: 3, head: { offset: 1 } }])
      const { lanes } = await claim('t', { now: NOW + 10_000 })
      expect(lanes.map(({ head }) => head.sessionId)).toEqual([S2])
      expect(await store.replay(lane(S2), NOW)).toBe(false)
      expect(await store.replay(lane(), NOW)).toBe(true)
      expect(await store.replay(lane(), NOW)).toBe(false)
      const again = await claim()
      expect(again.lanes).toMatchObject([{ head: { offset: 1 }, attempts: 0, failingSince: 0 }])
      expect(await store.settle(lane(), { token: 't', offset: 1, outcome: delivered })).toMatchObject({ offset: 2 })
      expect(await store.settle(lane(), { token: 't', offset: 2, outcome: delivered })).toMatchObject({ offset: 4 })
    })

    test('[WH4] a dead lane is discarded whole, and one that nobody replays is swept', async () => {
      await enqueue([delivery(1), delivery(2), delivery(3, { sessionId: S2 })])
      await claim()
      await store.settle(lane(), { token: 't', offset: 1, outcome: dead })
      expect(await store.discard(lane(S2))).toBe(0)
      expect(await store.discard(lane())).toBe(2)
      expect(await store.deadLanes({ partition: 1, hook: HOOK, limit: 10 })).toEqual([])
      await store.settle(lane(S2), { token: 't', offset: 3, outcome: dead })
      expect(await store.sweep({ partition: 1, before: NOW + 7 })).toBe(0)
      expect(await store.sweep({ partition: 1, before: NOW + 8 })).toBe(1)
      expect(await store.deadLanes({ partition: 1, hook: HOOK, limit: 10 })).toEqual([])
      await enqueue([delivery(8)])
      expect((await claim()).lanes).toMatchObject([{ head: { offset: 8 }, attempts: 0 }])
    })

    const many = (count: number) => Array.from({ length: count }, (_, index) => delivery(index))
    /** Delivers the heads from one offset up to another; gives the next head. */
    const deliver = async (from: number, to: number) => {
      let next: Awaited<ReturnType<WebhookStore['settle']>>
      for (let offset = from; offset <= to; offset++) {
        next = await store.settle(lane(), { token: 't', offset, outcome: delivered })
      }
      return next
    }

    test('[WH5] a full lane drops what comes, and the next that finds room says how many', async () => {
      const dropped = await enqueue([...many(ROOM + 3), delivery(5_000, { sessionId: S2 })])
      expect(dropped.map(({ offset }) => offset)).toEqual([ROOM, ROOM + 1, ROOM + 2])
      expect((await claim()).lanes).toHaveLength(2)
      await deliver(0, 0)
      await enqueue([delivery(6_000)])
      expect(await deliver(1, ROOM - 1)).toMatchObject({ offset: 6_000, missed: 3 })
      expect(await deliver(6_000, 6_000)).toBeUndefined()
    })

    test('[WH5] what was dropped behind the last entry is told by the first one afterwards', async () => {
      await enqueue(many(ROOM + 1))
      await claim()
      await deliver(0, ROOM - 1)
      await enqueue([delivery(2_000)])
      expect((await claim()).lanes).toMatchObject([{ head: { offset: 2_000, missed: 1 }, attempts: 0 }])
    })

    test('[WH5] a webhook with too much waiting takes more only of sessions that have nothing waiting', async () => {
      const other = (offset: number) => delivery(offset, { sessionId: S2 })
      await enqueue([...many(ROOM), other(100), other(101), other(102)])
      expect(
        (await enqueue([other(103), delivery(104, { sessionId: 'g:new' as SessionId })])).map(one => one.offset),
      ).toEqual([103])
    })

    test('[WH6] a store that was emptied is noticed, and begins anew', async () => {
      await enqueue([delivery(3)])
      expect(await store.inPlace(1)).toBe(true)
      await under.lose()
      expect(await store.inPlace(1)).toBe(false)
      await expect(enqueue([delivery(4)])).rejects.toThrow(ViewMoved)
      expect(await store.place(1)).toBeUndefined()
      await enqueue([delivery(1)])
      expect((await claim()).lanes).toMatchObject([{ head: { offset: 1 } }])
    })

    test('[WH6] two processes that believe in one partition put everything in once', async () => {
      const other = under.open()
      await other.place(1)
      await enqueue([delivery(1), delivery(2)])
      await enqueue([delivery(1)], 1, other)
      await enqueue([delivery(2), delivery(3)], 3, other)
      await enqueue([delivery(3)])
      await claim()
      expect(await store.settle(lane(), { token: 't', offset: 1, outcome: delivered })).toMatchObject({ offset: 2 })
      expect(await store.settle(lane(), { token: 't', offset: 2, outcome: delivered })).toMatchObject({ offset: 3 })
      expect(await store.settle(lane(), { token: 't', offset: 3, outcome: delivered })).toBeUndefined()
    })
  })
}
