import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Job, Timed } from '../../processors/push/jobs.ts'
import { acceptedState, type EventKey, type PushStore, sentOf } from '../../processors/push/push-store.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { POSITION_START } from '../../topics/valid-events.ts'

/** What every store of push does, in memory or on a server. */
export function pushStoreContract(name: string, make: () => Promise<PushStore>): void {
  describe(`push store: ${name}`, () => {
    let store: PushStore
    beforeEach(async () => {
      store = await make()
    })
    afterEach(() => store.close())

    const chat = 's:alice:bob' as SessionId
    const event: EventKey = { partition: 3, sessionId: chat, seq: 5 }
    const job = (token: string, dueAt: number): Timed => {
      const pushed = {
        offset: 1,
        sessionId: chat,
        seq: 5,
        at: 1,
        from: 'bob' as UserId,
        packId: 'p' as never,
        isUrgent: false,
      }
      return { id: token, dueAt, job: { kind: 'token', event: pushed, serviceType: 1, token } satisfies Job }
    }
    const add = (jobs: Timed[], offset = 0) =>
      store.add({ partition: 3, jobs, delivered: [], position: { ...POSITION_START, offset } })
    const dueAt = async (now: number, limit = 10) => (await store.due({ partition: 3, now, limit })).map(({ id }) => id)

    test('[PU16] it begins nowhere, and is where it was left', async () => {
      expect(await store.position(3)).toBeUndefined()
      await add([], 7)
      expect(await store.position(3)).toEqual({ ...POSITION_START, offset: 7 })
      expect(await store.position(4)).toBeUndefined()
    })

    test('[PU16] what comes late does not set it back', async () => {
      await add([], 7)
      await add([job('late', 10)], 5)
      expect(await store.position(3)).toEqual({ ...POSITION_START, offset: 7 })
      expect(await dueAt(10)).toEqual(['late'])
      await add([], 8)
      expect(await store.position(3)).toEqual({ ...POSITION_START, offset: 8 })
    })

    test('[PU16] jobs come when they are due, the oldest first, until they are done', async () => {
      await add([job('b', 20), job('a', 10), job('c', 30)])
      await add([job('a', 10)])
      expect(await dueAt(9)).toEqual([])
      expect(await dueAt(25)).toEqual(['a', 'b'])
      expect(await dueAt(25, 1)).toEqual(['a'])
      expect((await store.due({ partition: 3, now: 10, limit: 1 }))[0]!.job).toEqual(job('a', 10).job)
      await store.settle({ partition: 3, done: ['a'], add: [job('b', 40), job('d', 5)] })
      expect(await dueAt(100)).toEqual(['d', 'c', 'b'])
      expect(await store.waiting(3)).toBe(3)
      expect(await store.due({ partition: 2, now: 100, limit: 10 })).toEqual([])
    })

    test('[PU9] a send is claimed once; one that has begun and not ended is unknown for good', async () => {
      const first = [{ device: 'x', attempt: 0 }]
      expect(await store.claim(event, [...first, { device: 'y', attempt: 0 }])).toEqual(['claimed', 'claimed'])
      await store.record(event, [{ device: 'y', state: acceptedState({ userId: 'alice' as UserId, seq: 5 }) }], [])
      expect(await store.claim(event, [...first, { device: 'y', attempt: 0 }])).toEqual(['unknown', 'taken'])
      expect(await store.claim(event, first)).toEqual(['taken'])
      expect(await store.claim({ ...event, seq: 6 }, first)).toEqual(['claimed'])
      expect(sentOf((await store.claims(event)).get('y')!)).toEqual({ userId: 'alice', seq: 5 })
      expect(await store.claim(event, [])).toEqual([])
    })

    test('[PU10] another attempt is claimed only where it is the one that waits', async () => {
      await store.claim(event, [{ device: 'x', attempt: 0 }])
      await store.record(event, [{ device: 'x', state: 'retry 1' }], [job('again', 1)])
      expect(await dueAt(1)).toEqual(['again'])
      expect(await store.claim(event, [{ device: 'x', attempt: 2 }])).toEqual(['taken'])
      expect(await store.claim(event, [{ device: 'x', attempt: 1 }])).toEqual(['claimed'])
      expect(await store.claim(event, [{ device: 'x', attempt: 1 }])).toEqual(['unknown'])
    })

    test('[PU16] what devices have, and what they were sent last, only rises', async () => {
      const mark = { userId: 'alice' as UserId, deviceId: 'phone', sessionId: chat }
      const marks = (...seqs: number[]) =>
        store.add({ partition: 3, jobs: [], delivered: seqs.map(seq => ({ ...mark, seq })), position: POSITION_START })
      await marks(4, 6, 5)
      await marks(3)
      expect(await store.delivered({ partition: 3, sessionId: chat })).toEqual(new Map([['alice/phone', 6]]))
      for (const seq of [5, 4]) await store.noteSent({ ...event, seq, offset: 10 + seq, devices: ['x'] })
      expect(await store.lastSent({ partition: 3, sessionId: chat })).toEqual(new Map([['x', 5]]))
      expect(await store.lastSent({ partition: 3, sessionId: 'g:other' as SessionId })).toEqual(new Map())
    })

    test('[PU20] of an event it is known to whom it was sent, and to nobody else', async () => {
      const wanted = ['x', 'y', 'z'].map(device => ({ device, attempt: 0 }))
      await store.claim(event, wanted)
      const state = acceptedState({ userId: 'alice' as UserId, seq: 5 })
      await store.record(
        event,
        [
          { device: 'x', state },
          { device: 'y', state: 'done rejected' },
        ],
        [],
      )
      await store.noteSent({ ...event, offset: 70, devices: ['x'] })
      const sent = { userId: 'alice', seq: 5, sessionId: chat }
      const devices = ['x', 'y', 'z', 'q']
      expect(await store.sent({ partition: 3, offset: 70, devices })).toEqual(new Map([['x', sent]]))
      expect(await store.sent({ partition: 3, offset: 70, devices: [] })).toEqual(new Map())
      expect(await store.sent({ partition: 3, offset: 71, devices })).toEqual(new Map())
      expect(await store.sent({ partition: 4, offset: 70, devices })).toEqual(new Map())
    })
  })
}
