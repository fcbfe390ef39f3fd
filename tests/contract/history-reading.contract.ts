import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HISTORY_DEFAULTS, type HistoryOptions, hotTime } from '../../processors/history/history-store.ts'
import { historyView } from '../../processors/history/main.ts'
import { anyDelivery, anyScript, group, Script, single, USERS, user } from '../../processors/testing/events.ts'
import type { View } from '../../processors/view.ts'
import type { AcceptedBody, Event } from '../../schemas/event.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import { parseSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { dump, type HistoryUnderTest } from './history-store.contract.ts'

/** What every history store does about reading: unread and mentions, receipts, changed messages, what users keep. */

const chat = single('alice', 'bob')
const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]
const crew = group('crew')
const RUNS = 40
const IN_ONE = { partitionOf: () => 0 }

export function historyReadingContract(name: string, make: () => Promise<HistoryUnderTest>): void {
  describe(`reading from history: ${name}`, () => {
    let under: HistoryUnderTest

    beforeEach(async () => {
      under = await make()
    })
    afterEach(() => under.close())

    async function open(options: Partial<HistoryOptions> = {}): Promise<View> {
      const view = historyView(under.openStore({ ...HISTORY_DEFAULTS, ...options }, () => {}))
      await view.position(0)
      return view
    }
    const apply = async (script: Script, options: Partial<HistoryOptions> = {}) => {
      const view = await open(options)
      await view.apply(script.batch())
      return view
    }
    const summary = async (userId: UserId, sessionId: SessionId) => {
      const { sessions } = await under.reader.hotSessions({ userId, limit: 100 })
      return sessions.find(session => session.sessionId === sessionId)
    }
    const frames = async (sessionId: SessionId) => {
      const page = await under.reader.page({ sessionId, afterSeq: 0, limit: 200 })
      return page.events.map(text => JSON.parse(text) as EventFrame)
    }

    test('[HI10] a revoked message has no content left anywhere, stops counting, and stays so', async () => {
      const script = new Script()
      const message = script.message(chat, alice, 'SECRET', Flag.COUNTER | Flag.HIGH_PRIORITY)
      script.message(chat, alice, 'second')
      script.revise(alice, message, 'edit', 'SECRET too')
      script.revise(alice, message, 'edit', 'SECRET three')
      const view = await apply(script)
      expect((await frames(chat)).map(({ body }) => JSON.stringify(body).includes('SECRET'))).toEqual([
        true,
        false,
        // Only the last change still has what the message has.
        false,
        true,
      ])
      expect((await frames(chat))[0]).toMatchObject({
        body: { kind: 'MessageAccepted', content: { text: 'SECRET three' } },
        state: { change: 'edited', by: alice, seq: 4, version: 2 },
      })
      expect(await summary(bob, chat)).toMatchObject({ unread: 2 })
      const revoked = script.revise(bob, message, 'revoke')!
      await view.apply(script.batch(4))
      expect((await frames(chat))[0]).toMatchObject({
        seq: 1,
        body: { kind: 'MessageAccepted', content: { kind: 'Removed' } },
        state: { change: 'revoked', by: bob, at: revoked.at, seq: 5, version: 2 },
      })
      expect(await summary(bob, chat)).toMatchObject({ unread: 1 })
      expect(JSON.stringify((await dump(under.inspector)).sessions)).not.toContain('SECRET')
      // The log says once more what it has said.
      await view.apply(script.batch(0))
      expect(await summary(bob, chat)).toMatchObject({ unread: 1 })
    })

    test('[HI14] what an erased user said has no content left, nor have their edits, their alias and what they kept', async () => {
      const script = new Script()
      script.create(crew, alice, [bob])
      script.change(crew, alice, { kind: 'AliasSet', userId: bob, alias: 'SECRET alias' })
      const message = script.message(crew, bob, 'SECRET', Flag.COUNTER | Flag.HIGH_PRIORITY)
      script.say(crew, bob, 'SECRET again', Flag.COUNTER, { mentions: [alice] })
      script.message(crew, alice, 'mine')
      script.revise(bob, message, 'edit', 'SECRET edit')
      script.react(alice, message, '👍')
      const attributes = { pinned: true, notify: 'all', hidden: false, draft: 'SECRET draft' } as const
      script.own(bob, { kind: 'ProfileUpdated', profile: { name: 'SECRET name', avatar: '' } })
      script.own(bob, { kind: 'SessionAttributesSet', sessionId: crew, attributes })
      const view = await apply(script)
      const erased = script.erase(crew, bob)!
      script.own(bob, { kind: 'UserErased' })
      await view.apply(script.batch(9))
      expect((await frames(crew)).slice(2, 5)).toMatchObject([
        {
          from: bob,
          body: { kind: 'MessageAccepted', content: { kind: 'Removed' } },
          state: { change: 'deleted', by: bob, at: erased.at, seq: 8, version: 1 },
        },
        { body: { content: { kind: 'Removed' } } },
        { body: { content: { text: 'mine' } } },
      ])
      expect((await frames(crew))[1]!.body).toEqual({ kind: 'AliasSet', userId: bob, alias: '' })
      expect((await frames(crew))[2]!.reactions).toBeUndefined()
      const all = await dump(under.inspector)
      expect(JSON.stringify([...all.sessions, ...all.users])).not.toContain('SECRET')
      // The log says once more what it has said.
      await view.apply(script.batch(0))
      expect(await dump(under.inspector)).toEqual(all)
    })

    test('[HI10] reactions stand at the message, and go with its content', async () => {
      const script = new Script()
      const message = script.message(chat, alice, 'x')
      script.react(bob, message, '👍')
      script.react(alice, message, '"}')
      script.react(alice, message, '👍')
      script.react(alice, message, '"}', false)
      const view = await apply(script)
      expect((await frames(chat))[0]).toMatchObject({ reactions: [{ emoji: '👍', count: 2, userIds: [bob, alice] }] })
      script.revise(alice, message, 'delete')
      await view.apply(script.batch(5))
      expect((await frames(chat))[0]!.reactions).toBeUndefined()
    })

    test('[UN3] marks only rise, tell the peer, and an earlier own message does not lower them', async () => {
      const script = new Script()
      for (let n = 0; n < 4; n++) script.message(chat, alice, `${n}`)
      script.mark(chat, bob, 3)
      script.mark(chat, bob, 2)
      script.mark(chat, bob, 4, 'DeliveredMarked')
      script.mark(chat, bob, 1, 'DeliveredMarked')
      await apply(script)
      expect(await summary(bob, chat)).toMatchObject({ unread: 1, readSeq: 3, peerReadSeq: 4 })
      expect(await summary(alice, chat)).toMatchObject({ unread: 0, peerReadSeq: 3, peerDeliveredSeq: 4 })
      expect(await under.reader.readSeqs({ sessionId: chat, userIds: [carol, bob, alice] })).toEqual([0, 3, 4])
    })

    test('[UN4] unread mentions are counted once each, with the first of them', async () => {
      const script = new Script()
      script.create(crew, alice, [bob, carol])
      script.say(crew, alice, 'all', Flag.COUNTER, { mentionsAll: true, mentions: [bob] })
      script.say(crew, alice, 'not counted', 0, { mentions: [bob] })
      const third = script.say(crew, alice, 'bob', Flag.COUNTER, { mentions: [bob] })
      script.say(crew, alice, 'carol', Flag.COUNTER, { mentions: [carol] })
      const view = await apply(script)
      expect(await summary(bob, crew)).toMatchObject({ unread: 3, mentions: 2, firstMentionSeq: 2 })
      expect(await summary(alice, crew)).not.toHaveProperty('mentions')
      script.mark(crew, bob, 2)
      script.revise(alice, third, 'revoke')
      await view.apply(script.batch(5))
      expect(await summary(bob, crew)).toMatchObject({ unread: 1 })
      expect(await summary(bob, crew)).not.toHaveProperty('mentions')
    })

    test('[HI11] what a user keeps of a session: attributes, cleared, hidden, read without receipts', async () => {
      const script = new Script()
      for (let n = 0; n < 5; n++) script.message(chat, bob, `${n}`)
      const attributes = { pinned: true, notify: 'none', hidden: false } as const
      script.own(alice, { kind: 'SessionAttributesSet', sessionId: chat, attributes })
      script.own(alice, { kind: 'DeletedForMe', sessionId: chat, seqs: [5, 2] })
      script.own(alice, { kind: 'SessionCleared', sessionId: chat, seq: 3, count: 3 })
      script.own(alice, { kind: 'SessionCleared', sessionId: chat, seq: 1, count: 1 })
      const view = await apply(script)
      expect(await under.reader.kept({ userId: alice, sessionIds: [crew, chat] })).toEqual([
        { attributes: undefined, read: { seq: 0, count: 0 }, cleared: { seq: 0, count: 0 }, hidden: [] },
        { attributes, read: { seq: 0, count: 0 }, cleared: { seq: 3, count: 3 }, hidden: [2, 5] },
      ])
      const mine = (await summary(alice, chat))!
      expect(mine).toMatchObject({ unread: 2, readSeq: 3, clearedSeq: 3, attributes })
      // The last message is one of those that are hidden.
      expect(mine.last).toBeUndefined()
      expect(await summary(bob, chat)).not.toHaveProperty('clearedSeq')
      script.own(alice, { kind: 'SessionReadMarked', sessionId: chat, seq: 5, count: 5 })
      await view.apply(script.batch(9))
      expect(await summary(alice, chat)).toMatchObject({ unread: 0, readSeq: 5 })
    })

    test('[HI12] since a time only what may look otherwise is listed', async () => {
      const script = new Script()
      const names = ['u0', 'u1', 'u2', 'u3', 'u4']
      for (const name of names) script.message(single('alice', name), alice, 'x')
      const view = await apply(script)
      script.wait(120_000)
      script.message(single('alice', 'u1'), alice, 'later')
      await view.apply(script.batch(5))
      const times = await under.reader.times([0, 7])
      expect(times).toEqual(
        new Map([
          [0, hotTime(script.now)],
          [7, 0],
        ]),
      )
      const list = async () => {
        const since = { times, ...IN_ONE }
        const { sessions } = await under.reader.hotSessions({ userId: alice, limit: 10, since })
        return sessions.map(({ sessionId }) => sessionId.split(':')[2])
      }
      // That minute was not over.
      expect(await list()).toEqual(['u1'])
      script.wait(60_000)
      script.mark(single('alice', 'u2'), user('u2'), 1)
      const attributes = { pinned: true, notify: 'all', hidden: false } as const
      script.own(alice, { kind: 'SessionAttributesSet', sessionId: single('alice', 'u4'), attributes })
      script.message(single('alice', 'u0'), user('u0'), 'hi')
      await view.apply(script.batch(6))
      expect(await list()).toEqual(['u0', 'u1', 'u4', 'u2'])
    })

    test('[HI13] what must not be missed is listed behind an offset, by amount and age, and without removed content', async () => {
      const script = new Script()
      script.create(crew, alice, [bob, carol])
      const urgent = script.message(crew, alice, 'SECRET', Flag.HIGH_PRIORITY)
      script.message(crew, alice, 'plain')
      script.change(crew, alice, { kind: 'MembersRemoved', userIds: [carol] })
      script.message(chat, bob, 'now', Flag.HIGH_PRIORITY)
      script.revise(alice, urgent, 'revoke')
      const view = await apply(script, { urgentMax: 3, urgentAgeMs: 10_000, eventsPerSessionMax: 1 })
      const list = async (userId: UserId, offset?: number) => {
        const offsets = new Map(offset === undefined ? [] : [[0, offset]])
        const events = await under.reader.urgent({ userId, after: { offsets, ...IN_ONE } })
        return events.sort((a, b) => a.offset - b.offset)
      }
      const seen = await list(bob)
      expect(seen.map(({ sessionId, seq, offset }) => [sessionId, seq, offset])).toEqual([
        [crew, 2, 1],
        [crew, 4, 3],
        [chat, 1, 4],
        [crew, 5, 5],
      ])
      expect((await list(bob, 3)).map(({ offset }) => offset)).toEqual([4, 5])
      const texts = await under.reader.urgentTexts([...seen, { sessionId: chat, seq: 9 }])
      const kinds = texts.map(text => text && (JSON.parse(text) as EventFrame).body.kind)
      expect(kinds).toEqual(['MessageAccepted', 'MembersRemoved', 'MessageAccepted', 'MessageRevoked', undefined])
      expect(texts.join()).not.toContain('SECRET')
      script.message(crew, alice, 'four', Flag.HIGH_PRIORITY)
      await view.apply(script.batch(6))
      expect((await list(bob)).map(({ offset }) => offset)).toEqual([3, 4, 5, 6])
      script.wait(10_001)
      script.message(crew, alice, 'five', Flag.HIGH_PRIORITY)
      await view.apply(script.batch(7))
      expect((await list(bob)).map(({ offset }) => offset)).toEqual([4, 7])
    })

    test('[HI15] what another user has made of a friendship is told, by amount, whatever was applied twice', async () => {
      const script = new Script()
      const relate = (from: UserId, body: AcceptedBody) => script.unplaced(chat, from, body)
      relate(alice, { kind: 'FriendRequested', message: 'hi' })
      relate(bob, { kind: 'FriendAccepted' })
      relate(bob, { kind: 'FriendRemarked', remark: 'Al' })
      relate(alice, { kind: 'FriendDeleted' })
      const view = await apply(script, { urgentMax: 2 })
      await view.apply(script.batch(0))
      const told = async (userId: UserId, offset = -1) => {
        const after = { offsets: new Map([[0, offset]]), ...IN_ONE }
        const events = (await under.reader.urgent({ userId, after })).sort((a, b) => a.offset - b.offset)
        const texts = await under.reader.urgentTexts(events)
        return texts.map((text, i) => {
          const { seq, from, body } = JSON.parse(text!) as EventFrame
          return [events[i]!.sessionId, seq, from, body.kind]
        })
      }
      expect(await told(bob)).toEqual([
        [chat, 0, alice, 'FriendRequested'],
        [chat, 0, alice, 'FriendDeleted'],
      ])
      expect(await told(bob, 0)).toEqual([[chat, 0, alice, 'FriendDeleted']])
      expect(await told(alice)).toEqual([[chat, 0, bob, 'FriendAccepted']])
      expect(await told(carol)).toEqual([])
      relate(alice, { kind: 'FriendRequested' })
      await view.apply(script.batch(4))
      await view.apply(script.batch(0))
      const kinds = (await told(bob)).map(([, , , kind]) => kind)
      expect(kinds).toEqual(['FriendDeleted', 'FriendRequested'])
    })

    test('[UN1, UN2, UN3, UN4] unread and mentions are those of a model that counts messages one by one', async () => {
      const property = fc.asyncProperty(
        anyScript.chain(script => anyDelivery(script.events.length).map(batches => ({ script, batches }))),
        async ({ script, batches }) => {
          await under.flush()
          const view = await open()
          for (const [from, to] of batches) await view.apply(script.batch(from, to))
          const model = new UnreadModel()
          for (const { event } of script.events) model.take(event)
          for (const userId of USERS) {
            const { sessions } = await under.reader.hotSessions({ userId, limit: 100 })
            for (const session of sessions) {
              const unread = [...model.unread(userId, session.sessionId)]
              const mentions = unread.filter(seq => model.mentions(session.sessionId, seq, userId))
              const { mentions: mentioned = 0, firstMentionSeq = 0, count } = session
              const found = { unread: session.unread, mentioned, firstMentionSeq }
              expect(found, `${userId} in ${session.sessionId}`).toEqual({
                unread: unread.length,
                mentioned: mentions.length,
                firstMentionSeq: mentions[0] ?? 0,
              })
              expect(session.unread).toBeLessThanOrEqual(count)
            }
          }
        },
      )
      await fc.assert(property, { numRuns: RUNS })
    })
  })
}

/** Which messages each user has not read, each by itself: no counts, no marks. */
class UnreadModel {
  private readonly sessions = new Map<
    SessionId,
    { members: Set<UserId>; unread: Map<UserId, Set<number>>; whom: Map<number, (userId: UserId) => boolean> }
  >()

  unread(userId: UserId, sessionId: SessionId): Set<number> {
    const { unread } = this.session(sessionId)
    const seqs = unread.get(userId) ?? new Set()
    unread.set(userId, seqs)
    return seqs
  }

  mentions(sessionId: SessionId, seq: number, userId: UserId): boolean {
    return this.session(sessionId).whom.get(seq)?.(userId) ?? false
  }

  take({ sessionId, from, seq, flags, body }: Event): void {
    const { members, unread, whom } = this.session(sessionId)
    const come = (userIds: readonly UserId[]) => {
      for (const userId of userIds) {
        members.add(userId)
        unread.set(userId, new Set())
      }
    }
    switch (body.kind) {
      case 'MessageAccepted':
        if ((flags & Flag.COUNTER) === 0) return
        for (const userId of members) this.unread(userId, sessionId).add(seq)
        this.unread(from, sessionId).clear()
        whom.set(seq, userId => body.extra?.mentionsAll === true || (body.extra?.mentions ?? []).includes(userId))
        return
      case 'GroupCreated':
        come([from, ...body.members])
        return
      case 'MemberJoined':
        come([from])
        return
      case 'MembersAdded':
        come(body.userIds)
        return
      case 'MemberQuit':
        members.delete(from)
        return
      case 'MembersRemoved':
        for (const userId of body.userIds) members.delete(userId)
        return
      case 'MessageRevoked':
      case 'MessageDeleted':
        for (const seqs of unread.values()) seqs.delete(body.target.seq)
        return
      case 'MessageOverridden':
        whom.set(body.target.seq, () => false)
        return
      case 'ReadMarked':
        this.read(from, sessionId, body.seq)
        return
      case 'SessionReadMarked':
      case 'SessionCleared':
        this.read(from, body.sessionId, body.seq)
        return
      default:
        return
    }
  }

  private read(userId: UserId, sessionId: SessionId, upTo: number): void {
    const seqs = this.unread(userId, sessionId)
    for (const seq of seqs) if (seq <= upTo) seqs.delete(seq)
  }

  private session(sessionId: SessionId) {
    let session = this.sessions.get(sessionId)
    if (session === undefined) {
      const parsed = parseSessionId(sessionId)
      const members = new Set(parsed?.kind === 'Single' ? [parsed.a, parsed.b] : [])
      session = { members, unread: new Map(), whom: new Map() }
      this.sessions.set(sessionId, session)
    }
    return session
  }
}
