import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OnlineEntry, PresenceStore, Signal, Signals } from '../../gateway/presence/presence-store.ts'

/** What every presence store and every way of signals do. */

export interface PresenceUnderTest {
  store: PresenceStore
  /** A gateway's end; resolves when it hears what others publish. */
  signals(): Promise<Signals>
  close(): Promise<void>
}

const [alice, bob] = ['alice', 'bob'] as [never, never]
const NOW = 1_700_000_000_000

const entry = (connectionId: string, { type = 6, at = NOW, until = NOW + 1_000 } = {}): OnlineEntry => ({
  userId: alice,
  connectionId,
  device: { type, id: `device-${connectionId}` },
  gateway: 'gw-1',
  at,
  until,
})

export function presenceContract(name: string, make: () => Promise<PresenceUnderTest>): void {
  describe(`presence: ${name}`, () => {
    let under: PresenceUnderTest

    beforeEach(async () => {
      under = await make()
    })
    afterEach(() => under.close())

    test('[US15] nobody is there at first, nor was seen', async () => {
      expect(await under.store.online([alice, bob], NOW)).toEqual([
        { userId: 'alice', connections: [] },
        { userId: 'bob', connections: [] },
      ])
      expect(await under.store.online([], NOW)).toEqual([])
    })

    test('[US15] connections come and go, the oldest first, and the user is remembered', async () => {
      await under.store.enter([entry('b', { at: NOW + 5 }), entry('a')], NOW + 5)
      const [user] = await under.store.online([alice], NOW + 6)
      expect(user).toEqual({
        userId: 'alice',
        connections: [entry('a'), entry('b', { at: NOW + 5 })],
        lastSeenAt: NOW + 5,
      })
      await under.store.leave(
        [
          { userId: alice, connectionId: 'a' },
          { userId: alice, connectionId: 'unknown' },
        ],
        NOW + 9,
      )
      const [left] = await under.store.online([alice], NOW + 10)
      expect(left!.connections.map(({ connectionId }) => connectionId)).toEqual(['b'])
      expect(left!.lastSeenAt).toBe(NOW + 9)
    })

    test('[US15] who is not entered again counts as gone', async () => {
      await under.store.enter([entry('a'), entry('b', { until: NOW + 5_000 })], NOW)
      const [user] = await under.store.online([alice], NOW + 1_000)
      expect(user!.connections.map(({ connectionId }) => connectionId)).toEqual(['b'])
      await under.store.enter([entry('a', { until: NOW + 9_000 })], NOW + 2_000)
      const [again] = await under.store.online([alice], NOW + 6_000)
      expect(again!.connections.map(({ connectionId }) => connectionId)).toEqual(['a'])
    })

    test('[US23] the last claim of a device holds it, and each is told of the one before', async () => {
      const phone = (connectionId: string, at = NOW) => ({
        ...entry(connectionId, { at }),
        device: { type: 1, id: 'phone' },
      })
      const { store } = under
      expect(await store.holders([phone('a')])).toEqual([undefined])
      expect(await store.claim([phone('a'), entry('tab')])).toEqual([undefined, undefined])
      expect(await store.claim([phone('b', NOW + 5)])).toEqual([{ connectionId: 'a', at: NOW }])
      expect(await store.holders([phone('a'), entry('tab')])).toEqual([
        { connectionId: 'b', at: NOW + 5 },
        { connectionId: 'tab', at: NOW },
      ])
      const claims = await Promise.all(['c', 'd', 'e'].map(id => store.claim([phone(id)])))
      const before = claims.flat().map(holder => holder!.connectionId)
      const [last] = await store.holders([phone('a')])
      expect([...before, last!.connectionId].sort()).toEqual(['b', 'c', 'd', 'e'])
      expect(await store.claim([])).toEqual([])
    })

    test('[US17] signals reach every gateway', async () => {
      const signals = [await under.signals(), await under.signals()]
      const heard = signals.map(end => new Promise<Signal>(resolve => end.listen(resolve)))
      const signal: Signal = { kind: 'typing', sessionId: 's:alice:bob' as never, from: alice, on: true }
      let isOver = false
      const both = Promise.all(heard).then(all => {
        isOver = true
        return all
      })
      // What is said before the other end listens is lost: say it until both have heard it.
      while (!isOver) {
        signals[0]!.publish([signal])
        await Promise.race([both, new Promise(resolve => setImmediate(resolve))])
      }
      expect(await both).toEqual([signal, signal])
    })
  })
}
