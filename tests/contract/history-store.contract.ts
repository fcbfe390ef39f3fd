import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  HISTORY_DEFAULTS,
  type HistoryGap,
  type HistoryOptions,
  type HistoryReader,
  type HistoryStore,
} from '../../processors/history/history-store.ts'
import type { HistoryInspector, HistoryUserRow } from '../../processors/history/inspect.ts'
import { historyView } from '../../processors/history/main.ts'
import { MemoryHistory } from '../../processors/history/memory-history.ts'
import { MemoryHistoryStore } from '../../processors/history/memory-history-store.ts'
import { anyDelivery, anyScript, group, Script, single, user } from '../../processors/testing/events.ts'
import { type View, ViewMoved } from '../../processors/view.ts'
import { Code } from '../../schemas/codes.ts'
import type { Event } from '../../schemas/event.ts'
import { eventJson } from '../../schemas/frames.ts'
import { isPackId, type SessionId } from '../../schemas/ids.ts'

/** What every history store does, in memory or on a server. */

export interface HistoryUnderTest {
  reader: HistoryReader
  inspector: HistoryInspector
  /** Another writer to the same data. */
  openStore(options: HistoryOptions, onGap: (gap: HistoryGap) => void): HistoryStore
  /** Loses everything, as an emptied server. */
  flush(): Promise<void>
  close(): Promise<void>
}

const chat = single('alice', 'bob')
const alice = user('alice')
const bob = user('bob')
const carol = user('carol')
const crew = group('crew')

/** Property runs of which each talks to a store of its own. */
const RUNS = 40

export function historyStoreContract(name: string, make: () => Promise<HistoryUnderTest>): void {
  describe(`history store: ${name}`, () => {
    let under: HistoryUnderTest
    let gaps: HistoryGap[]

    beforeEach(async () => {
      under = await make()
      gaps = []
    })
    afterEach(() => under.close())

    function open(options: Partial<HistoryOptions> = {}): View {
      return historyView(under.openStore({ ...HISTORY_DEFAULTS, ...options }, gap => gaps.push(gap)))
    }

    /** Applies the whole script to a fresh view. */
    async function apply(script: Script, options: Partial<HistoryOptions> = {}): Promise<View> {
      const view = open(options)
      await view.position(script.partition)
      await view.apply(script.batch())
      return view
    }

    const hot = (userId: string, limit = 100) => under.reader.hotSessions({ userId: user(userId), limit })

    test('[HI1] a session without events has an empty page, no head and no outcome', async () => {
      expect(await under.reader.position(0)).toBeUndefined()
      const empty = { events: [], seqs: [], lastSeq: 0, firstSeq: 1 }
      expect(await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 10 })).toEqual(empty)
      expect(await under.reader.heads([chat])).toEqual([undefined])
      expect(await hot('alice')).toEqual({ sessions: [] })
      const script = new Script()
      const { packId } = script.message(chat, alice, 'x')
      expect(await under.reader.outcome({ sessionId: chat, from: alice, packId })).toBeUndefined()
      expect(await under.inspector.session(chat)).toBeUndefined()
      expect(await under.inspector.user(alice)).toBeUndefined()
    })

    test('[HI1, HI3] a page goes either way from a seq and holds the very text that clients get', async () => {
      const script = new Script()
      const events = Array.from({ length: 9 }, (_, i) => script.message(chat, alice, `nr ${i + 1} 你好 "\\n`))
      await apply(script)
      const texts = (...seqs: number[]) => seqs.map(seq => eventJson(events[seq - 1]!))
      const page = async (where: { afterSeq: number } | { beforeSeq: number }, limit = 3) => {
        const { events, seqs, ...rest } = await under.reader.page({ sessionId: chat, limit, ...where })
        expect(rest).toEqual({ lastSeq: 9, firstSeq: 1 })
        expect(events).toEqual(texts(...seqs))
        return seqs
      }
      expect(await page({ afterSeq: 0 })).toEqual([1, 2, 3])
      expect(await page({ afterSeq: 7 })).toEqual([8, 9])
      expect(await page({ afterSeq: 9 })).toEqual([])
      expect(await page({ afterSeq: 50 })).toEqual([])
      expect(await page({ beforeSeq: 9 })).toEqual([6, 7, 8])
      expect(await page({ beforeSeq: 3 })).toEqual([1, 2])
      expect(await page({ beforeSeq: 1 })).toEqual([])
      expect(await page({ beforeSeq: 1_000 }, 200)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    })

    test('[HI1] heads come in the order asked', async () => {
      const script = new Script()
      script.message(chat, alice, 'one')
      const last = script.message(chat, bob, 'two')
      const other = script.message(single('bob', 'carol'), bob, 'three', 0)
      await apply(script)
      expect(await under.reader.heads([other.sessionId, group('none'), chat])).toEqual([
        { lastSeq: 1, count: 0, at: other.at },
        undefined,
        { lastSeq: 2, count: 2, at: last.at },
      ])
    })

    test('[HI4] the newest events of a session are kept by amount, with their outcomes', async () => {
      const script = new Script()
      const events = Array.from({ length: 12 }, (_, i) => script.message(chat, alice, `${i}`))
      const view = open({ eventsPerSessionMax: 5 })
      await view.position(0)
      await view.apply(script.batch(0, 7))
      await view.apply(script.batch(7, 12))
      const page = await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 100 })
      expect(page).toMatchObject({ seqs: [8, 9, 10, 11, 12], firstSeq: 8, lastSeq: 12 })
      const outcome = ({ packId }: Event) => under.reader.outcome({ sessionId: chat, from: alice, packId })
      expect(await outcome(events[6]!)).toBeUndefined()
      expect(await outcome(events[7]!)).toEqual({ code: 0, seq: 8, count: 8, at: events[7]!.at })
    })

    test('[HI4] a batch larger than what is kept leaves the newest', async () => {
      const script = new Script()
      for (let i = 0; i < 2_500; i++) script.message(chat, alice, `${i}`)
      await apply(script, { eventsPerSessionMax: 3 })
      const row = await under.inspector.session(chat)
      expect(row!.events.map(event => event.seq)).toEqual([2_498, 2_499, 2_500])
      expect(row!.outcomes).toHaveLength(3)
      expect(row!.head).toMatchObject({ firstSeq: 2_498, lastSeq: 2_500, count: 2_500 })
    })

    test('[HI4] events are dropped by age in log time, in silent sessions too, and the head stays', async () => {
      const script = new Script()
      const silent = single('carol', 'dave')
      script.message(silent, carol, 'long ago')
      script.message(silent, carol, 'long ago too')
      script.message(chat, alice, 'old')
      script.wait(10_000)
      script.message(chat, alice, 'new')
      await apply(script, { eventAgeMs: 5_000, sweepEveryMs: 0 })
      expect(await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 9 })).toMatchObject({
        seqs: [2],
        firstSeq: 2,
      })
      expect(await under.reader.page({ sessionId: silent, afterSeq: 0, limit: 9 })).toEqual({
        events: [],
        seqs: [],
        lastSeq: 2,
        firstSeq: 3,
      })
      const listed = (await hot('dave')).sessions
      expect(listed).toEqual([
        { sessionId: silent, lastSeq: 2, count: 2, at: expect.any(Number), unread: 2, readSeq: 0, peerReadSeq: 2 },
      ])
    })

    test('[HI4] a session that was trimmed empty goes on', async () => {
      const script = new Script()
      script.message(chat, alice, 'old')
      script.wait(10_000).message(single('carol', 'dave'), carol, 'x')
      script.message(chat, bob, 'new')
      const view = open({ eventAgeMs: 5_000, sweepEveryMs: 0 })
      await view.position(0)
      await view.apply(script.batch(0, 2))
      expect((await under.inspector.session(chat))!.events).toEqual([])
      await view.apply(script.batch(2, 3))
      expect(await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 9 })).toMatchObject({
        seqs: [2],
        firstSeq: 2,
      })
      expect(gaps).toEqual([])
    })

    test('[HI5] the outcome of a pack belongs to its session and its sender', async () => {
      const script = new Script()
      const { packId, at } = script.message(chat, alice, 'x')
      await apply(script)
      const outcome = (sessionId: SessionId, from: typeof alice) => under.reader.outcome({ sessionId, from, packId })
      expect(await outcome(chat, alice)).toEqual({ code: 0, seq: 1, count: 1, at })
      expect(await outcome(chat, bob)).toBeUndefined()
      expect(await outcome(single('alice', 'carol'), alice)).toBeUndefined()
    })

    test('[HI9] a final refusal is remembered for its sender and makes no session', async () => {
      const script = new Script()
      const ghost = group('ghost')
      const refused = script.refuse(ghost, alice, Code.GROUP_NOT_EXIST.number)
      await apply(script)
      const { packId, at } = refused
      const code = Code.GROUP_NOT_EXIST.number
      expect(await under.reader.outcome({ sessionId: ghost, from: alice, packId })).toEqual({
        code,
        seq: 0,
        count: 0,
        at,
      })
      expect(await under.reader.outcome({ sessionId: crew, from: alice, packId })).toBeUndefined()
      expect(await under.reader.outcome({ sessionId: ghost, from: bob, packId })).toBeUndefined()
      expect(await under.reader.heads([ghost])).toEqual([undefined])
      expect(await under.inspector.session(ghost)).toBeUndefined()
      expect((await hot('alice')).sessions).toEqual([])
    })

    test('[HI9] temporary refusals, conflicts and expired packs are no outcome', async () => {
      const script = new Script()
      const names = ['OVERLOADED', 'PACK_CONFLICT', 'EXPIRED', 'MISROUTED', 'UNREADABLE'] as const
      for (const name of names) script.refuse(chat, alice, Code[name].number)
      await apply(script)
      expect(await under.inspector.user(alice)).toBeUndefined()
    })

    test('[HI9] only the newest refusals of a sender are kept', async () => {
      const script = new Script()
      for (let i = 0; i < 9; i++) script.refuse(chat, alice, Code.BLACKLIST.number)
      const view = open({ refusalsPerUserMax: 4 })
      await view.position(0)
      await view.apply(script.batch())
      await view.apply(script.batch(0, 3))
      const kept = (await under.inspector.user(alice))!.refusals.map(refusal => refusal.packId)
      expect(kept).toEqual(script.events.slice(5).map(({ event }) => event.packId))
      expect(kept.every(isPackId)).toBe(true)
    })

    test('[UN1] unread counts what others sent since the own last counted message, never the own ones', async () => {
      const script = new Script()
      script.message(chat, alice, '1')
      script.message(chat, bob, '2')
      script.message(chat, alice, 'typing', 0)
      script.message(chat, bob, '3')
      await apply(script)
      const unread = async (userId: string) => {
        const { unread, readSeq, count } = (await hot(userId)).sessions[0]!
        return { unread, readSeq, count }
      }
      // The message without COUNTER moves nobody's mark and counts for nobody.
      expect(await unread('alice')).toEqual({ unread: 2, readSeq: 1, count: 3 })
      expect(await unread('bob')).toEqual({ unread: 0, readSeq: 4, count: 3 })
    })

    test('[UN2] creating, joining, being added and rejoining read everything up to there', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.message(crew, alice, '1')
      script.message(crew, alice, '2')
      script.change(crew, carol, { kind: 'MemberJoined' })
      script.message(crew, alice, '3')
      script.change(crew, bob, { kind: 'MemberQuit' })
      script.message(crew, alice, '4')
      script.change(crew, alice, { kind: 'MembersAdded', userIds: [bob, user('dave')] })
      script.message(crew, alice, '5')
      await apply(script)
      const unread = async (userId: string) => (await hot(userId)).sessions[0]!.unread
      expect(await unread('alice')).toBe(0)
      expect(await unread('bob')).toBe(1)
      expect(await unread('carol')).toBe(3)
      expect(await unread('dave')).toBe(1)
    })

    test('[HI6] sessions come newest first, in pages that neither repeat nor leave out', async () => {
      const script = new Script()
      for (let i = 0; i < 7; i++) script.message(single('alice', `u${i}`), alice, 'x')
      const last = script.message(single('alice', 'u2'), user('u2'), 'again')
      await apply(script)
      const seen: SessionId[] = []
      let cursor: string | undefined
      do {
        const page = await under.reader.hotSessions({ userId: alice, limit: 3, ...(cursor ? { cursor } : {}) })
        seen.push(...page.sessions.map(session => session.sessionId))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(seen).toEqual(['u2', 'u6', 'u5', 'u4', 'u3', 'u1', 'u0'].map(name => single('alice', name)))
      expect((await hot('alice', 1)).sessions).toEqual([
        {
          sessionId: last.sessionId,
          lastSeq: 2,
          count: 2,
          at: last.at,
          unread: 1,
          readSeq: 1,
          peerReadSeq: 2,
          last: eventJson(last),
        },
      ])
    })

    test('[HI6] pages are exact within a minute and over minutes, whatever is written when', async () => {
      const script = new Script()
      const names = Array.from({ length: 9 }, (_, i) => `u${i}`)
      for (const name of names) script.message(single('alice', name), alice, 'x')
      script.wait(60_000)
      for (const name of ['u4', 'u1', 'u7', 'u4', 'u2']) script.message(single('alice', name), user(name), 'again')
      script.create(crew, alice, [bob])
      script.message(single('alice', 'u7'), alice, 'third')
      const view = open({ hotGroupMembersMax: 1 })
      await view.position(0)
      for (let i = 0; i < script.events.length; i++) await view.apply(script.batch(i, i + 1))
      const expected = ['u7', crew, 'u2', 'u4', 'u1', 'u8', 'u6', 'u5', 'u3', 'u0']
      for (let limit = 1; limit <= 11; limit++) {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await under.reader.hotSessions({ userId: alice, limit, ...(cursor ? { cursor } : {}) })
          seen.push(...page.sessions.map(({ sessionId }) => (sessionId === crew ? crew : sessionId.split(':')[2]!)))
          cursor = page.cursor
        } while (cursor !== undefined)
        expect(seen, `pages of ${limit}`).toEqual(expected)
      }
    })

    test('[HI6] a hot list keeps its newest sessions', async () => {
      const script = new Script()
      for (let i = 0; i < 5; i++) script.message(single('alice', `u${i}`), alice, 'x')
      const view = open({ hotSessionsMax: 2 })
      await view.position(0)
      for (let i = 0; i < 5; i++) await view.apply(script.batch(i, i + 1))
      await view.apply(script.batch(0, 2))
      expect((await hot('alice')).sessions.map(session => session.sessionId)).toEqual([
        single('alice', 'u4'),
        single('alice', 'u3'),
      ])
    })

    test('[HI7] who left a group sees it as it was then, until they are back', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.message(crew, alice, 'before')
      const quit = script.change(crew, bob, { kind: 'MemberQuit' })
      script.message(crew, alice, 'secret')
      const view = await apply(script)
      expect((await hot('bob')).sessions).toEqual([
        { sessionId: crew, lastSeq: 3, count: 1, at: quit.at, unread: 1, readSeq: 1, last: eventJson(quit) },
      ])
      const back = script.change(crew, bob, { kind: 'MemberJoined' })
      await view.apply(script.batch(4, 5))
      expect((await hot('bob')).sessions).toEqual([
        { sessionId: crew, lastSeq: 5, count: 2, at: back.at, unread: 0, readSeq: 5, last: eventJson(back) },
      ])
    })

    test.each([1, 2, 100])('[HI7] lists are alike with groups called large above %i members', async max => {
      const script = new Script()
      script.message(single('alice', 'zoe'), alice, 'first')
      script.create(crew, alice, [bob])
      script.change(crew, carol, { kind: 'MemberJoined' })
      script.change(crew, bob, { kind: 'MemberQuit' })
      script.message(single('bob', 'zoe'), bob, 'x')
      script.message(crew, alice, 'after bob')
      script.message(single('alice', 'dave'), alice, 'last')
      await apply(script, { hotGroupMembersMax: max })
      const list = async (userId: string) => (await hot(userId)).sessions.map(s => [s.sessionId, s.lastSeq])
      expect(await list('alice')).toEqual([
        [single('alice', 'dave'), 1],
        [crew, 4],
        [single('alice', 'zoe'), 1],
      ])
      expect(await list('bob')).toEqual([
        [single('bob', 'zoe'), 1],
        [crew, 3],
      ])
      expect(await list('carol')).toEqual([[crew, 4]])
      const paged = await under.reader.hotSessions({ userId: alice, limit: 1 })
      const next = await under.reader.hotSessions({ userId: alice, limit: 5, cursor: paged.cursor! })
      expect(next.sessions.map(session => session.sessionId)).toEqual([crew, single('alice', 'zoe')])
    })

    test('[HI7] nothing is written per member of a large group', async () => {
      const script = new Script()
      script.create(crew, alice, [bob, carol])
      const view = open({ hotGroupMembersMax: 2 })
      await view.position(0)
      await view.apply(script.batch())
      const before = await under.inspector.user(bob)
      script.message(crew, alice, 'x')
      await view.apply(script.batch(1, 2))
      expect(await under.inspector.user(bob)).toEqual(before)
      expect(before).toMatchObject({ hot: [], largeGroups: [crew] })
      expect((await hot('bob')).sessions[0]).toMatchObject({ lastSeq: 2, unread: 1 })
    })

    test('[RN9] the position is that of the last batch and never goes back', async () => {
      const script = new Script()
      for (let i = 0; i < 6; i++) script.message(chat, alice, `${i}`)
      const view = open()
      expect(await view.position(0)).toBeUndefined()
      await view.apply(script.batch(0, 4))
      expect(await under.reader.position(0)).toEqual(script.events[3]!.position)
      expect(await under.reader.position(1)).toBeUndefined()
      const late = open()
      await late.position(0)
      await late.apply(script.batch(0, 2))
      expect(await under.reader.position(0)).toEqual(script.events[3]!.position)
      await late.apply(script.batch(2, 6))
      expect(await under.inspector.positions()).toEqual(new Map([[0, script.events[5]!.position]]))
      // The first writer's knowledge is older than what is stored: no reason to move.
      await view.apply(script.batch(4, 6))
      expect((await under.inspector.session(chat))!.events).toHaveLength(6)
    })

    test("[RN6] a writer whose store was emptied is told so, and what it wrote meanwhile is in nobody's way", async () => {
      const script = new Script()
      for (let i = 0; i < 6; i++) script.message(chat, alice, `${i}`)
      const view = open()
      await view.position(0)
      await view.apply(script.batch(0, 4))
      await under.flush()
      expect(await under.reader.position(0)).toBeUndefined()
      await expect(view.apply(script.batch(4, 6))).rejects.toThrow(ViewMoved)
      expect(await view.position(0)).toBeUndefined()
      await view.apply(script.batch())
      expect((await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 9 })).seqs).toEqual([1, 2, 3, 4, 5, 6])
      expect(await under.reader.position(0)).toEqual(script.events[5]!.position)
      expect(gaps).toEqual([])
    })

    test('[HI8] a session whose events do not reach up to the next one begins anew, and that is told', async () => {
      const script = new Script()
      for (let i = 0; i < 6; i++) script.message(chat, alice, `${i}`)
      const view = open()
      await view.position(0)
      await view.apply(script.batch(0, 2))
      await view.apply(script.batch(4, 6))
      expect(gaps).toEqual([{ sessionId: chat, firstSeq: 5 }])
      expect(await under.reader.page({ sessionId: chat, afterSeq: 0, limit: 9 })).toMatchObject({
        seqs: [5, 6],
        firstSeq: 5,
        lastSeq: 6,
      })
    })

    test('[HI8] a batch whose seqs are not dense is a corrupt log', async () => {
      const script = new Script()
      for (let i = 0; i < 3; i++) script.message(chat, alice, `${i}`)
      script.events.splice(1, 1)
      const view = open()
      await view.position(0)
      await expect(view.apply(script.batch())).rejects.toThrow(/seq 3 follows 1/)
    })

    test('[HI2] any split, repeat and replay of the same events gives the same rows', async () => {
      const options = { eventsPerSessionMax: 6, eventAgeMs: 5_000, sweepEveryMs: 0, hotGroupMembersMax: 2 }
      const property = fc.asyncProperty(
        anyScript.chain(script => anyDelivery(script.events.length).map(batches => ({ script, batches }))),
        async ({ script, batches }) => {
          const model = new MemoryHistoryStore(new MemoryHistory(), { ...HISTORY_DEFAULTS, ...options })
          await model.position(0)
          await historyView(model).apply(script.batch())
          const expected = await dump(model)
          expect(expected.sessions.length).toBeGreaterThan(1)
          await under.flush()
          const view = open(options)
          await view.position(0)
          for (const [from, to] of batches) await view.apply(script.batch(from, to))
          expect(await dump(under.inspector)).toEqual(expected)
        },
      )
      await fc.assert(property, { numRuns: RUNS })
      expect(gaps).toEqual([])
    })
  })
}

function isKnown({ hot, largeGroups, refusals, kept }: HistoryUserRow): boolean {
  return hot.length + largeGroups.length + refusals.length + kept.length > 0
}

/** All rows, sorted. */
export async function dump(inspector: HistoryInspector) {
  const sessions = []
  for await (const ids of inspector.sessionIds()) {
    for (const id of ids) sessions.push(await inspector.session(id))
  }
  const users = []
  for await (const ids of inspector.userIds()) for (const id of ids) users.push(await inspector.user(id))
  const byId = (one: { sessionId?: string; userId?: string }, other: typeof one) =>
    (one.sessionId ?? one.userId)! < (other.sessionId ?? other.userId)! ? -1 : 1
  return {
    positions: await inspector.positions(),
    sessions: sessions.filter(row => row !== undefined).sort(byId),
    // A user of whom nothing is left is the same as an unknown one.
    users: users.filter(row => row !== undefined && isKnown(row)).sort((a, b) => byId(a!, b!)),
  }
}
