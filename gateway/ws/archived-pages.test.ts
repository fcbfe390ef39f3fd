import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryArchive } from '../../processors/archive/memory-archive-store.ts'
import { projectEvent } from '../../processors/archive/project.ts'
import { placed, sampleEvent } from '../../processors/archive/testing/sample-events.ts'
import { HISTORY_DEFAULTS } from '../../processors/history/history-store.ts'
import { historyView } from '../../processors/history/main.ts'
import { MemoryHistory } from '../../processors/history/memory-history.ts'
import { MemoryHistoryStore } from '../../processors/history/memory-history-store.ts'
import type { Content, MessageRef } from '../../schemas/content.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { CONTENTS } from '../../schemas/testing/samples.ts'
import { archivedTexts } from './archived-pages.ts'

const GROUP = 'g:crew' as SessionId
const USERS = ['alice', 'bob', 'carol'] as UserId[]
const contents = Object.values(CONTENTS).filter(({ kind }) => kind !== 'Removed')

type Step =
  | { does: 'say'; who: number; content: number; quotes: boolean }
  | { does: 'edit' | 'revoke' | 'delete'; who: number; target: number; content: number }
  | { does: 'react' | 'unreact'; who: number; target: number; emoji: string }
  | { does: 'other'; who: number; which: number }

const who = fc.nat(USERS.length - 1)
const target = fc.nat(30)
const content = fc.nat(contents.length - 1)
const emoji = fc.constantFrom('👍', '❤', 'x')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('say' as const), who, content, quotes: fc.boolean() }),
  fc.record({ does: fc.constant('say' as const), who, content, quotes: fc.boolean() }),
  fc.record({ does: fc.constantFrom('edit' as const, 'edit', 'revoke', 'delete'), who, target, content }),
  fc.record({ does: fc.constantFrom('react' as const, 'react', 'unreact'), who, target, emoji }),
  fc.record({ does: fc.constant('other' as const), who, which: fc.nat(5) }),
)

const OTHERS: EventBody[] = [
  { kind: 'MemberJoined' },
  { kind: 'MemberJoined', inviteId: 'i1' },
  { kind: 'MembersAdded', userIds: USERS },
  { kind: 'GroupInfoUpdated', info: { name: 'n', avatar: 'a', notice: '' } },
  { kind: 'AliasSet', userId: USERS[0]!, alias: 'Al' },
  { kind: 'MemberQuit' },
]

/** Events as a sequencer would write them: nothing is changed behind a revoke or a delete. */
function eventsOf(steps: readonly Step[]): Event[] {
  const settings = { historyShown: 'all', isPublic: false } as never
  const info = { name: 'Crew', avatar: 'pic', notice: 'hi', attributes: [{ name: 'a', value: 'b' }] } as never
  const events = [sampleEvent(0, { sessionId: GROUP, body: { kind: 'GroupCreated', info, members: USERS, settings } })]
  const messages: { ref: MessageRef; versions: number; isGone: boolean }[] = []
  const bodyOf = (one: Step): EventBody | undefined => {
    if (one.does === 'other') return OTHERS[one.which]
    if (one.does === 'say') {
      const extra = one.quotes ? { extra: { mentions: USERS, mentionsAll: true } } : {}
      return { kind: 'MessageAccepted', content: contents[one.content] as Content, ...extra }
    }
    const message = messages[one.target % Math.max(1, messages.length)]
    if (message === undefined || message.isGone) return undefined
    const { ref } = message
    switch (one.does) {
      case 'edit':
        return {
          kind: 'MessageOverridden',
          target: ref,
          content: contents[one.content] as Content,
          version: ++message.versions,
        }
      case 'revoke':
      case 'delete':
        message.isGone = true
        return { kind: one.does === 'revoke' ? 'MessageRevoked' : 'MessageDeleted', target: ref }
      case 'react':
        return { kind: 'ReactionAdded', target: ref, emoji: one.emoji }
      case 'unreact':
        return { kind: 'ReactionRemoved', target: ref, emoji: one.emoji }
    }
  }
  for (const one of steps) {
    const body = bodyOf(one)
    if (body === undefined) continue
    const event = sampleEvent(events.length, { sessionId: GROUP, from: USERS[one.who]!, body })
    if (body.kind === 'MessageAccepted') {
      const { seq, packId, from, at } = event
      messages.push({ ref: { seq, packId, from, at, counted: true }, versions: 0, isGone: false })
    }
    events.push(event)
  }
  return events
}

test('[LH4] a page of the archive is the page that history would give, whatever became of its messages', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60 }),
    fc.nat(60),
    fc.integer({ min: 1, max: 20 }),
    async (steps, afterSeq, limit) => {
      const events = eventsOf(steps)
      const batch = { partition: 0, events: events.map(placed), position: placed(events.at(-1)!).position }
      const history = new MemoryHistoryStore(new MemoryHistory(), HISTORY_DEFAULTS)
      await history.position(0)
      await historyView(history).apply(batch)
      const archive = new MemoryArchive()
      await archive.store().insert(
        { token: 't', ranges: [] },
        batch.events.map(event => projectEvent(0, event)),
      )
      const page = await history.page({ sessionId: GROUP, afterSeq, limit })
      const range = { fromSeq: afterSeq + 1, toSeq: afterSeq + limit }
      const timeline = await archive.timeline({ partition: 0, sessionId: GROUP, ...range })
      const texts = archivedTexts(timeline)
      expect(texts.map(({ seq }) => seq)).toEqual(page.seqs)
      expect(texts.map(({ text }) => JSON.parse(text))).toEqual(page.events.map(text => JSON.parse(text)))
      expect(timeline.firstSeq).toBe(1)
    },
  )
  await fc.assert(property)
})
