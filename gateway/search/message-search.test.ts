import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { MemoryArchive } from '../../processors/archive/memory-archive-store.ts'
import { projectEvent } from '../../processors/archive/project.ts'
import { placed, sampleEvent } from '../../processors/archive/testing/sample-events.ts'
import type { KeptOfSession } from '../../processors/history/history-store.ts'
import { NOTHING_KEPT } from '../../processors/history/session-summary.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { ARCHIVE_BEHIND_MS_MAX, SEARCHES_AT_ONCE_MAX, SEARCHES_WAITING_MAX } from '../limits.ts'
import { QuestionFailed, type Range } from '../ws/views.ts'
import { MessageSearch, type SearchRequest } from './message-search.ts'

const ME = 'me' as UserId
const BOB = 'bob' as UserId
const CHAT = 's:bob:me' as SessionId
const GROUP = 'g:crew' as SessionId
const ALL: Range = { fromSeq: 1, toSeq: Number.POSITIVE_INFINITY }

/** A user with a single chat and a group; what they may see is what a test says. */
function world() {
  const archive = new MemoryArchive()
  const ranges = new Map<SessionId, Range[]>([
    [CHAT, [ALL]],
    [GROUP, [ALL]],
  ])
  const kept = new Map<SessionId, KeptOfSession>()
  const events: Event[] = []
  const heads = new Map<SessionId, number>()
  const clock = new VirtualClock()
  const switches = { behind: false, maySearch: true, caughtUp: 0, onSearch: async () => {} }
  const happened = (sessionId: SessionId, body: EventBody, from = BOB) => {
    const seq = (heads.get(sessionId) ?? 0) + 1
    heads.set(sessionId, seq)
    const event = sampleEvent(events.length, { sessionId, from, seq, body })
    events.push(event)
    const rows = [projectEvent(0, placed(event))]
    void archive.store().insert({ token: String(events.length), ranges: [] }, rows)
    return { seq, packId: event.packId, from, at: event.at, counted: true }
  }
  const say = (sessionId: SessionId, text: string, from = BOB) =>
    happened(sessionId, { kind: 'MessageAccepted', content: { kind: 'Text', text } }, from)
  const search = new MessageSearch({
    archive: {
      positions: async () => new Map(),
      sessionsOf: request => archive.sessionsOf(request),
      search: async request => {
        await switches.onSearch()
        return archive.search(request)
      },
      messagesAt: places => archive.messagesAt(places),
    },
    views: {
      ask: (_, question) => question(),
      rangesOfAll: async (_, ids) => new Map(ids.map(id => [id, ranges.get(id) ?? []])),
      kept: async (_, ids) => ids.map(id => kept.get(id) ?? NOTHING_KEPT),
      gatewayCaughtUp: async () => {
        switches.caughtUp++
      },
    },
    index: { seenSeq: () => 0, sawSeq: () => {} },
    lag: { behind: () => (switches.behind ? [0] : []) },
    rates: { maySearch: () => switches.maySearch },
    clock,
    partitionOf: () => 0,
  })
  const find = async (request: Partial<SearchRequest>) => {
    const { events: found, cursor } = await search.search(ME, { limit: 20, ...request })
    const texts = found.map(({ body }) =>
      body.kind === 'MessageAccepted' && body.content.kind === 'Text' ? body.content.text : body.kind,
    )
    return { texts, cursor, found }
  }
  happened(GROUP, { kind: 'GroupCreated', info: { name: 'c', avatar: '', notice: '' }, members: [ME] })
  return { happened, say, find, search, ranges, kept, switches, clock }
}

const failing = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    error => (error instanceof QuestionFailed ? error.code : error),
  )

describe('what is found', () => {
  test('[SE2] by words, sender, session, kind and time, the newest first', async () => {
    const { happened, say, find } = world()
    say(CHAT, 'the first train')
    const second = say(GROUP, 'the second train')
    say(CHAT, 'a plane', ME)
    const file = { url: 'u', mime: 'm', size: 1, hash: 'h' }
    happened(CHAT, {
      kind: 'MessageAccepted',
      content: { kind: 'Image', file, width: 1, height: 1, caption: 'my train' },
    })
    say('g:other' as SessionId, 'their train')
    expect((await find({ words: 'train' })).texts).toEqual(['MessageAccepted', 'the second train', 'the first train'])
    expect((await find({ words: 'train', sessionId: CHAT })).texts).toEqual(['MessageAccepted', 'the first train'])
    expect((await find({ from: ME })).texts).toEqual(['a plane'])
    expect((await find({ contentKind: 'Image' })).texts).toEqual(['MessageAccepted'])
    expect((await find({ words: 'train', sinceAt: second.at })).texts).toHaveLength(2)
    expect((await find({ words: 'train', beforeAt: second.at })).texts).toEqual(['the first train'])
    expect((await find({ words: 'nobody said this' })).texts).toEqual([])
  })

  test('[SE2] pages go on where they ended, with nothing twice and nothing left out', async () => {
    const { say, find } = world()
    for (let i = 1; i <= 25; i++) say(i % 2 === 0 ? CHAT : GROUP, `word ${i}`)
    const all: string[] = []
    let cursor: string | undefined
    let pages = 0
    do {
      const page = await find({ words: 'word', limit: 7, ...(cursor === undefined ? {} : { cursor }) })
      all.push(...page.texts)
      cursor = page.cursor
      pages++
    } while (cursor !== undefined)
    expect(all).toEqual(Array.from({ length: 25 }, (_, i) => `word ${25 - i}`))
    expect(pages).toBe(4)
  })

  test('[SE3] an edited message by what it says now, a message that was taken back never', async () => {
    const { happened, say, find } = world()
    const edited = say(CHAT, 'old words')
    const revoked = say(CHAT, 'old words too')
    const deleted = say(CHAT, 'old words again')
    happened(CHAT, { kind: 'MessageOverridden', target: edited, content: { kind: 'Text', text: 'newer' }, version: 1 })
    happened(CHAT, { kind: 'MessageOverridden', target: edited, content: { kind: 'Text', text: 'newest' }, version: 2 })
    happened(CHAT, { kind: 'MessageRevoked', target: revoked })
    happened(CHAT, { kind: 'MessageDeleted', target: deleted })
    expect((await find({ words: 'old' })).texts).toEqual([])
    expect((await find({ words: 'newer' })).texts).toEqual([])
    const { found } = await find({ words: 'newest' })
    expect(found).toMatchObject([{ seq: edited.seq, state: { change: 'edited', version: 2 } }])
  })
})

describe('[SE5] nothing that the asker may not see', () => {
  const cases: Record<string, { ranges: Range[]; kept?: Partial<KeptOfSession>; seen: number[] }> = {
    'a member from the beginning': { ranges: [ALL], seen: [2, 3, 4, 5, 6] },
    'one who joined later': { ranges: [{ fromSeq: 4, toSeq: Number.POSITIVE_INFINITY }], seen: [4, 5, 6] },
    'one who left': { ranges: [{ fromSeq: 1, toSeq: 3 }], seen: [2, 3] },
    'one who left and came back': {
      ranges: [
        { fromSeq: 1, toSeq: 2 },
        { fromSeq: 5, toSeq: 5 },
      ],
      seen: [2, 5],
    },
    'one whom the group shows all history': { ranges: [{ fromSeq: 1, toSeq: 5 }], seen: [2, 3, 4, 5] },
    'one who deleted messages for themselves': { ranges: [ALL], kept: { hidden: [3, 5] }, seen: [2, 4, 6] },
    'one who cleared it': { ranges: [ALL], kept: { cleared: { seq: 4, count: 3 } }, seen: [5, 6] },
    'a stranger': { ranges: [], seen: [] },
  }
  for (const [who, { ranges: shown, kept: hides, seen }] of Object.entries(cases)) {
    test(who, async () => {
      const { say, find, ranges, kept } = world()
      for (let seq = 2; seq <= 6; seq++) say(GROUP, 'secret')
      ranges.set(GROUP, shown)
      if (hides !== undefined) kept.set(GROUP, { ...NOTHING_KEPT, ...hides })
      expect((await find({ words: 'secret' })).found.map(({ seq }) => seq)).toEqual(seen.toReversed())
      const asked = failing(find({ words: 'secret', sessionId: GROUP }))
      expect(await asked).toBe(shown.length === 0 ? 'HISTORY_DENIED' : 'answered')
    })
  }

  test('one who leaves while the archive is asked', async () => {
    const { say, find, ranges, switches } = world()
    for (let seq = 2; seq <= 6; seq++) say(GROUP, 'secret')
    switches.onSearch = async () => {
      ranges.set(GROUP, [{ fromSeq: 1, toSeq: 4 }])
    }
    expect((await find({ words: 'secret' })).found.map(({ seq }) => seq)).toEqual([4, 3, 2])
    expect(switches.caughtUp).toBe(1)
  })

  test('pages are filled up where many are hidden one by one', async () => {
    const { say, find, kept } = world()
    for (let seq = 2; seq <= 30; seq++) say(GROUP, 'secret')
    kept.set(GROUP, { ...NOTHING_KEPT, hidden: Array.from({ length: 25 }, (_, i) => i + 6) })
    const { found, cursor } = await find({ words: 'secret', limit: 3 })
    expect(found.map(({ seq }) => seq)).toEqual([])
    expect((await find({ words: 'secret', limit: 3, cursor: cursor! })).found.map(({ seq }) => seq)).toEqual([5, 4, 3])
  })
})

test('[SE6] what cannot be looked for is refused with the field', async () => {
  const { find } = world()
  expect(await failing(find({}))).toBe('PARAM')
  expect(await failing(find({ words: ' ' }))).toBe('PARAM')
  expect(await failing(find({ words: '!!', from: ME }))).toBe('answered')
  expect(await failing(find({ words: '!', from: ME }))).toBe('PARAM')
  for (const cursor of ['', 'x', '1/2', '1/2/nowhere']) {
    expect(await failing(find({ words: 'word', cursor }))).toBe('PARAM')
  }
})

test('[SE4] an archive that stays behind is a temporary failure', async () => {
  const { find, switches, clock } = world()
  switches.behind = true
  const asked = failing(find({ words: 'word' }))
  await clock.pass(ARCHIVE_BEHIND_MS_MAX + 1)
  expect(await asked).toBe('VIEW_BEHIND')
})

test('[SE7] searches are bounded per user, and at once', async () => {
  const { say, find, switches } = world()
  say(CHAT, 'word')
  switches.maySearch = false
  expect(await failing(find({ words: 'word' }))).toBe('RATE_LIMITED')
  switches.maySearch = true
  let running = 0
  let most = 0
  switches.onSearch = async () => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
  }
  const asked = Array.from({ length: SEARCHES_AT_ONCE_MAX + SEARCHES_WAITING_MAX + 3 }, () =>
    failing(find({ words: 'word' })),
  )
  const answers = await Promise.all(asked)
  expect(answers.filter(answer => answer === 'OVERLOADED')).toHaveLength(3)
  expect(answers.filter(answer => answer === 'answered')).toHaveLength(SEARCHES_AT_ONCE_MAX + SEARCHES_WAITING_MAX)
  expect(most).toBe(SEARCHES_AT_ONCE_MAX)
  expect((await find({ words: 'word' })).texts).toEqual(['word'])
})
