import { afterEach, expect, test } from 'vitest'
import type { ArchiveReader, OutcomeRequest } from '../../processors/archive/archive-reader.ts'
import type { ArchiveSearch } from '../../processors/archive/archive-search.ts'
import { type ArchiveStore, type Load, loadToken, type Range } from '../../processors/archive/archive-store.ts'
import { EVENT_COLUMNS, type EventRow } from '../../processors/archive/event-row.ts'
import { type ArchiveInspector, type MessageRow, messageOfEvent } from '../../processors/archive/inspect.ts'
import { projectEvent } from '../../processors/archive/project.ts'
import { encodeRows } from '../../processors/archive/row-binary.ts'
import { parseSearchWords } from '../../processors/archive/search-words.ts'
import { AT, placed, sampleBatch, sampleEvent } from '../../processors/archive/testing/sample-events.ts'
import type { ViewBatch } from '../../processors/view.ts'
import { Code } from '../../schemas/codes.ts'
import type { Content } from '../../schemas/content.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import { eventFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { CONTENTS } from '../../schemas/testing/samples.ts'

const CHAT = 's:alice:bob' as SessionId
const ALICE = 'alice' as UserId

export interface ArchiveHarness {
  /** A store on the archive of this harness; every call is another process. */
  open(): ArchiveStore
  inspector: ArchiveInspector
  reader: ArchiveReader
  /** Rows that are really there, doubles that readers never see included. */
  rawRows(): Promise<{ events: number; messages: number }>
  /** An insert that the server begins and does not finish: `events` has it, what views fill has not. */
  insertHalf(load: Load, rows: readonly EventRow[]): Promise<void>
  remove(): Promise<void>
}

function rangeOf({ partition, events }: ViewBatch): Range {
  const last = events.at(-1)!.position
  return { partition, firstOffset: events[0]!.position.offset, last, rows: events.length }
}

function loadOf(...batches: ViewBatch[]): { load: Load; rows: EventRow[] } {
  const ranges = batches.map(rangeOf)
  const rows = batches.flatMap(batch => batch.events.map(event => projectEvent(batch.partition, event)))
  return { load: { token: loadToken('im.events', ranges), ranges }, rows }
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

/** What every archive store does; run over the one in memory and a real ClickHouse. */
export function archiveStoreContract(makeHarness: () => Promise<ArchiveHarness>): void {
  let harness: ArchiveHarness | undefined
  afterEach(async () => {
    await harness?.remove()
    harness = undefined
  })

  async function prepared(): Promise<ArchiveHarness & { store: ArchiveStore }> {
    harness = await makeHarness()
    const store = harness.open()
    await store.prepare()
    return { ...harness, store }
  }

  test('[AR1] rows come back as they went in, whatever the event', async () => {
    const { store, inspector } = await prepared()
    const bodies: EventBody[] = [
      { kind: 'MessageAccepted', content: { kind: 'Text', text: "it's 50% «你好» 👋\n\ttab \\ `tick`" } },
      { kind: 'MessageAccepted', content: { kind: 'Custom', type: 'poll', data: '{"a":[1,"é"]}' } },
      { kind: 'GroupCreated', info: { name: 'n', avatar: '', notice: 'x' }, members: ['bob', 'carol'] as UserId[] },
      { kind: 'RulesSet', rules: RULES_DEFAULT },
      {
        kind: 'MessageAccepted',
        content: { kind: 'Markdown', text: '*hi*' },
        extra: { mentions: [ALICE], quote: { seq: 1, packId: sampleEvent(0).packId, from: ALICE } },
      },
      { kind: 'PackRefused', code: 33, reason: 'not a member' },
      { kind: 'PackRepeated', code: 0, seq: 4, count: 3, at: 1_700_000_000_123 },
    ]
    const digest = Buffer.from('00ff10802755c30a0d5c27228090a0b0', 'hex')
    const events = bodies.map((body, number) => placed(sampleEvent(number, { body, digest })))
    const odd = placed(
      sampleEvent(events.length, {
        cause: { era: 2, offset: 2 ** 44 },
        sessionId: '' as SessionId,
        packId: 'no uuid' as PackId,
        device: { type: -1, id: '' },
        pushInfo: { title: 't', summary: 's', url: 'u' },
      }),
    )
    const { load, rows } = loadOf({ partition: 3, events: [...events, odd], position: odd.position })
    await store.insert(load, rows)
    expect(await all(inspector.events(3))).toEqual(rows)
    const messages = rows.map(messageOfEvent).filter((row): row is MessageRow => row !== undefined)
    messages.sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
    expect(await all(inspector.messages(3))).toEqual(messages)
    expect(messages).toHaveLength(4)
  })

  test('[AR7] what was recorded is found again by another process', async () => {
    const { store, open } = await prepared()
    const { load } = loadOf(sampleBatch(0, 0, 3), sampleBatch(2, 5, 9))
    expect((await store.progress()).intents.size).toBe(0)
    await store.recordIntent(load)
    const other = open()
    const intended = await other.progress()
    const partitions = [0, 2]
    expect([...intended.intents.values()]).toEqual(
      load.ranges.map(range => ({ ...range, token: load.token, partitions })),
    )
    expect(intended.done.size).toBe(0)
    await store.recordDone(load)
    expect((await other.progress()).done).toEqual(intended.intents)
  })

  test('[AR7] progress does not go back when an older range is recorded late', async () => {
    const { store, inspector } = await prepared()
    const older = loadOf(sampleBatch(0, 0, 3)).load
    const newer = loadOf(sampleBatch(0, 4, 6)).load
    await store.recordDone(newer)
    await store.recordDone(older)
    expect(await inspector.positions()).toEqual(new Map([[0, newer.ranges[0]!.last]]))
  })

  test('[AR4] the same load again changes nothing, in what views fill neither', async () => {
    const { store, open, rawRows } = await prepared()
    const { load, rows } = loadOf(sampleBatch(0, 0, 9), sampleBatch(1, 0, 9, { kind: 'MemberJoined' }))
    await store.insert(load, rows)
    expect(await rawRows()).toEqual({ events: 20, messages: 10 })
    await store.insert(load, rows)
    await open().insert(load, rows)
    expect(await rawRows()).toEqual({ events: 20, messages: 10 })
  })

  test('[AR4] a load that was stored by half is completed by the same load again', async () => {
    const { store, insertHalf, rawRows } = await prepared()
    const { load, rows } = loadOf(sampleBatch(0, 0, 9))
    await insertHalf(load, rows)
    expect(await rawRows()).toEqual({ events: 10, messages: 0 })
    await store.insert(load, rows)
    expect(await rawRows()).toEqual({ events: 10, messages: 10 })
  })

  test('[AR4] ranges that overlap, as two owners of a partition insert them, are read once', async () => {
    const { store, inspector, rawRows } = await prepared()
    const first = loadOf(sampleBatch(0, 0, 6))
    const second = loadOf(sampleBatch(0, 4, 9))
    await Promise.all([store.insert(first.load, first.rows), store.insert(second.load, second.rows)])
    expect((await rawRows()).events).toBeGreaterThanOrEqual(10)
    const whole = loadOf(sampleBatch(0, 0, 9)).rows
    expect(await all(inspector.events(0))).toEqual(whole)
    expect((await all(inspector.messages(0))).map(({ seq }) => seq)).toEqual(whole.map(({ seq }) => seq))
  })

  test('[AR14] the first outcome of a pack that counts is found, at any age', async () => {
    const { store, reader } = await prepared()
    const packIdOf = (number: number) => sampleEvent(number).packId
    const message = (number: number, given: Partial<Event> = {}) => placed(sampleEvent(number, given))
    const refusal = (number: number, code: number, packId: PackId) =>
      message(number, { packId, seq: 0, count: 0, body: { kind: 'PackRefused', code, reason: 'no' } })
    const repeated: EventBody = { kind: 'PackRepeated', code: 0, seq: 1, count: 1, at: AT }
    const events = [
      message(0),
      message(1, { packId: packIdOf(0), seq: 0, body: repeated }),
      refusal(2, Code.PACK_CONFLICT.number, packIdOf(0)),
      refusal(3, Code.EXPIRED.number, packIdOf(0)),
      refusal(4, Code.BAD_CLIENT_IDENTITY.number, packIdOf(6)),
      refusal(5, Code.OVERLOADED.number, packIdOf(6)),
      message(6),
      refusal(7, Code.MSG_TOO_LONG.number, packIdOf(7)),
      refusal(8, Code.EXPIRED.number, packIdOf(8)),
    ]
    const { load, rows } = loadOf({ partition: 1, events, position: events.at(-1)!.position })
    await store.insert(load, rows)
    const ask = (number: number, given: Partial<OutcomeRequest> = {}) =>
      reader.outcome({ partition: 1, sessionId: CHAT, from: ALICE, packId: packIdOf(number), ...given })
    expect(await ask(0)).toEqual({ code: 0, seq: 1, count: 1, at: AT })
    expect(await ask(6)).toEqual({ code: 0, seq: 7, count: 7, at: AT + 60 })
    expect(await ask(7)).toEqual({ code: Code.MSG_TOO_LONG.number, seq: 0, count: 0, at: AT + 70 })
    expect(await ask(8)).toBeUndefined()
    expect(await ask(9)).toBeUndefined()
    expect(await ask(0, { from: 'bob' as UserId })).toBeUndefined()
    expect(await ask(0, { sessionId: 's:alice:zoe' as SessionId })).toBeUndefined()
    expect(await ask(0, { partition: 2 })).toBeUndefined()
  })

  test('[AR14] a message is found at its seq, whatever it holds', async () => {
    const { store, reader } = await prepared()
    const contents = Object.values(CONTENTS).filter(({ kind }) => kind !== 'Removed')
    const bodies: EventBody[] = [
      ...contents.map(content => ({ kind: 'MessageAccepted', content }) as const),
      { kind: 'MemberQuit' },
    ]
    const events = bodies.map((body, number) => placed(sampleEvent(number, { body, flags: number % 2 === 0 ? 4 : 0 })))
    const { load, rows } = loadOf({ partition: 1, events, position: events.at(-1)!.position })
    await store.insert(load, rows)
    const ask = (seq: number, partition = 1) => reader.message({ partition, sessionId: CHAT, seq })
    for (const [number, content] of contents.entries()) {
      const { packId, at, seq } = sampleEvent(number)
      expect(await ask(seq)).toEqual({ packId, from: ALICE, at, counted: number % 2 === 0, content })
    }
    expect(await ask(events.at(-1)!.event.seq)).toBeUndefined()
    expect(await ask(99)).toBeUndefined()
    expect(await ask(1, 2)).toBeUndefined()
  })

  test('[AR14] a message is read with the content that it has now', async () => {
    const { store, reader } = await prepared()
    const said = (number: number) => sampleEvent(number, { body: { kind: 'MessageAccepted', content: CONTENTS.Text } })
    const target = (number: number) => {
      const { seq, packId, from, at } = said(number)
      return { seq, packId, from, at, counted: true }
    }
    const override = (version: number, content: Content): EventBody => ({
      kind: 'MessageOverridden',
      target: target(1),
      content,
      version,
    })
    const bodies: EventBody[] = [
      override(1, CONTENTS.Markdown),
      override(2, CONTENTS.Location),
      { kind: 'ReactionAdded', target: target(1), emoji: '👍' },
      { kind: 'MessageRevoked', target: target(2) },
      { kind: 'MessageDeleted', target: target(3) },
    ]
    const changes = bodies.map((body, index) => sampleEvent(4 + index, { body, flags: 0 }))
    const events = [...[0, 1, 2, 3].map(said), ...changes].map(event => placed(event))
    const { load, rows } = loadOf({ partition: 1, events, position: events.at(-1)!.position })
    await store.insert(load, rows)
    const contentAt = async (number: number) =>
      (await reader.message({ partition: 1, sessionId: CHAT, seq: said(number).seq }))!.content
    expect(await contentAt(0)).toEqual(CONTENTS.Text)
    expect(await contentAt(1)).toEqual(CONTENTS.Location)
    expect(await contentAt(2)).toEqual(CONTENTS.Removed)
    expect(await contentAt(3)).toEqual(CONTENTS.Removed)
  })

  test('[LH5] a part of a timeline comes with everything that ever changed the messages in it', async () => {
    const { store, reader } = await prepared()
    const group = 'g:crew' as SessionId
    const bodies: EventBody[] = [
      {
        kind: 'GroupCreated',
        info: { name: 'n', avatar: 'a', notice: '', attributes: [{ name: 'x', value: 'y' }] },
        members: ['bob'] as UserId[],
        settings: { ...GROUP_SETTINGS_DEFAULT, historyShown: 'all' },
      },
      { kind: 'MessageAccepted', content: CONTENTS.Text, extra: { mentions: [ALICE], mentionsAll: true } },
      { kind: 'MembersAdded', userIds: ['carol'] as UserId[] },
      { kind: 'MessageAccepted', content: CONTENTS.Image },
      { kind: 'MemberQuit' },
      { kind: 'AliasSet', userId: ALICE, alias: 'Al' },
    ]
    const said = bodies.map((body, number) => sampleEvent(number, { sessionId: group, body }))
    const target = (seq: number) => {
      const { packId, from, at } = said[seq - 1]!
      return { seq, packId, from, at, counted: true }
    }
    const changes: EventBody[] = [
      { kind: 'MessageOverridden', target: target(2), content: CONTENTS.Markdown, version: 1 },
      { kind: 'ReactionAdded', target: target(4), emoji: '👍' },
      { kind: 'MessageDeleted', target: target(4) },
      { kind: 'MessageRevoked', target: target(2) },
    ]
    const changed = changes.map((body, i) => sampleEvent(said.length + i, { sessionId: group, body, flags: 0 }))
    const refused = sampleEvent(20, { sessionId: group, seq: 0, body: { kind: 'PackRefused', code: 30, reason: '' } })
    const events = [...said, ...changed, refused].map(event => placed(event))
    const { load, rows } = loadOf({ partition: 1, events, position: events.at(-1)!.position })
    await store.insert(load, rows)
    const ask = (fromSeq: number, toSeq: number) => reader.timeline({ partition: 1, sessionId: group, fromSeq, toSeq })
    const all = [...said, ...changed].map(eventFrame)
    const of = (...seqs: number[]) => all.filter(({ seq }) => seqs.includes(seq))
    expect(await ask(1, 100)).toEqual({ events: all, changes: of(7, 8, 9, 10), firstSeq: 1 })
    expect(await ask(4, 5)).toEqual({ events: of(4, 5), changes: of(8, 9), firstSeq: 1 })
    expect(await ask(7, 7)).toEqual({ events: of(7), changes: of(7, 10), firstSeq: 1 })
    expect(await ask(11, 20)).toEqual({ events: [], changes: [], firstSeq: 1 })
    const other = { partition: 1, sessionId: 'g:none' as SessionId, fromSeq: 1, toSeq: 9 }
    expect(await reader.timeline(other)).toEqual({ events: [], changes: [], firstSeq: undefined })
  })

  test('[SE2, SE3] messages are found by what they say now, in the sessions of a user and no others', async () => {
    const { store, reader } = await prepared()
    const group = 'g:crew' as SessionId
    const events: Event[] = []
    const heads = new Map<SessionId, number>()
    const happened = (sessionId: SessionId, body: EventBody, from = ALICE) => {
      const seq = (heads.get(sessionId) ?? 0) + 1
      heads.set(sessionId, seq)
      const event = sampleEvent(events.length, { sessionId, seq, from, body })
      events.push(event)
      return { seq, packId: event.packId, from, at: event.at, counted: true }
    }
    const say = (sessionId: SessionId, text: string, from = ALICE) =>
      happened(sessionId, { kind: 'MessageAccepted', content: { kind: 'Text', text } }, from)
    happened(group, { kind: 'GroupCreated', info: { name: 'n', avatar: '', notice: '' }, members: [] })
    say(CHAT, 'The fast Train leaves') // chat 1
    say(CHAT, '我们坐高铁去上海 用iPhone拍') // chat 2
    happened(group, { kind: 'MembersAdded', userIds: ['bob'] as UserId[] }) // group 2
    const late = say(group, 'a late train', 'bob' as UserId) // group 3
    const edited = say(CHAT, 'a train that was edited') // chat 3
    const revoked = say(CHAT, 'a train that was revoked') // chat 4
    say('s:carol:dave' as SessionId, 'their train')
    happened(CHAT, { kind: 'MessageOverridden', target: edited, content: { kind: 'Text', text: 'ПРИВЕТ' }, version: 1 })
    happened(CHAT, {
      kind: 'MessageOverridden',
      target: edited,
      content: { kind: 'Markdown', text: '50% off_ \\ trains' },
      version: 2,
    })
    happened(CHAT, { kind: 'MessageRevoked', target: revoked })
    const { load, rows } = loadOf({
      partition: 1,
      events: events.map(event => placed(event)),
      position: placed(events.at(-1)!).position,
    })
    await store.insert(load, rows)
    const bob = 'bob' as UserId
    const find = async (words: string, given: Partial<ArchiveSearch> = {}) => {
      const terms = parseSearchWords(words)
      const places = await reader.search({ userId: bob, parts: [], terms, limit: 10, ...given })
      return places.map(({ sessionId, seq }) => `${sessionId} ${seq}`)
    }
    expect(await reader.sessionsOf({ userId: bob, limit: 10 })).toEqual([group, CHAT])
    expect(await reader.sessionsOf({ userId: bob, limit: 1 })).toEqual([group])
    expect(await reader.sessionsOf({ userId: 'carol' as UserId, limit: 10 })).toEqual(['s:carol:dave'])
    expect(await find('train')).toEqual(['g:crew 3', `${CHAT} 1`])
    expect(await find('"train"')).toEqual([`${CHAT} 3`, 'g:crew 3', `${CHAT} 1`])
    expect(await find('高铁 iphone')).toEqual([`${CHAT} 2`])
    expect(await find('高')).toEqual([`${CHAT} 2`])
    expect(await find('铁高')).toEqual([])
    expect(await find('привет')).toEqual([])
    expect(await find('50% off_')).toEqual([`${CHAT} 3`])
    expect(await find('"\\ tr"')).toEqual([`${CHAT} 3`])
    expect(await find('"it\'s"')).toEqual([])
    expect(await find('', { contentKind: 'Markdown' })).toEqual([`${CHAT} 3`])
    expect(await find('train', { from: bob })).toEqual(['g:crew 3'])
    expect(await find('train', { sinceAt: late.at })).toEqual(['g:crew 3'])
    expect(await find('train', { beforeAt: late.at })).toEqual([`${CHAT} 1`])
    expect(await find('train', { sessionId: 's:carol:dave' as SessionId })).toEqual(['s:carol:dave 1'])
    expect(await find('train', { ofApp: true, userId: 'shop' as UserId })).toEqual([
      's:carol:dave 1',
      'g:crew 3',
      `${CHAT} 1`,
    ])
    const parts = (fromSeq: number, toSeq: number) => [{ sessionId: group, fromSeq, toSeq }]
    expect(await find('train', { parts: parts(1, 2) })).toEqual([`${CHAT} 1`])
    expect(await find('train', { parts: [...parts(1, 2), ...parts(3, 9)] })).toEqual(['g:crew 3', `${CHAT} 1`])
    expect(await find('train', { parts: parts(1, 0) })).toEqual([`${CHAT} 1`])
    const [first] = await reader.search({ userId: bob, parts: [], terms: parseSearchWords('train'), limit: 1 })
    expect(first).toEqual({ at: late.at, sessionId: group, seq: 3 })
    expect(await find('train', { after: first! })).toEqual([`${CHAT} 1`])
    const { events: read, changes } = await reader.messagesAt([
      { at: edited.at, sessionId: CHAT, seq: 3 },
      { at: late.at, sessionId: group, seq: 3 },
      { at: late.at, sessionId: group, seq: 2 },
    ])
    expect(new Set(read.map(({ sessionId, seq }) => `${sessionId} ${seq}`))).toEqual(new Set([`${CHAT} 3`, 'g:crew 3']))
    expect(changes.map(({ seq }) => seq)).toEqual([5, 6])
    const sent = await reader.sentBy({ userId: ALICE, limit: 3 })
    const placeOf = (sessionId: SessionId, seq: number) => {
      const { at } = events.find(event => event.sessionId === sessionId && event.seq === seq)!
      return { at, sessionId, seq }
    }
    expect(sent).toEqual([1, 2, 3].map(seq => placeOf(CHAT, seq)))
    expect(await reader.sentBy({ userId: ALICE, after: sent[2]!, limit: 3 })).toEqual([
      placeOf(CHAT, 4),
      placeOf('s:carol:dave' as SessionId, 1),
    ])
    expect(await reader.sentCount(ALICE)).toBe(5)
    expect(await reader.sentCount('nobody' as UserId)).toBe(0)
  })

  test('[AR41] a search finds the newest first however far apart they are, page by page', async () => {
    const { store, reader } = await prepared()
    const daysAgo = [900, 400, 90, 90, 30, 8, 3, 2, 1, 0]
    const events = daysAgo.map((days, number) => {
      const content = { kind: 'Text', text: number % 3 === 1 ? 'by ship' : 'by train' } as const
      const said = sampleEvent(number, { seq: number + 1, body: { kind: 'MessageAccepted', content } })
      return { ...said, at: said.at - days * 86_400_000 }
    })
    const { load, rows } = loadOf({
      partition: 1,
      events: events.map(event => placed(event)),
      position: placed(events.at(-1)!).position,
    })
    await store.insert(load, rows)
    const trains = events.filter((_, number) => number % 3 !== 1).map(({ seq }) => seq)
    const search = { userId: ALICE, parts: [], terms: parseSearchWords('train') }
    const whole = await reader.search({ ...search, limit: 20 })
    expect(whole.map(({ seq }) => seq)).toEqual(trains.toReversed())
    for (const limit of [1, 2, 3]) {
      const paged: typeof whole = []
      for (let page = whole.slice(0, 0); paged.length === 0 || page.length > 0; paged.push(...page)) {
        const after = paged.at(-1)
        page = await reader.search({ ...search, limit, ...(after && { after }) })
      }
      expect(paged, `pages of ${limit}`).toEqual(whole)
    }
    const [sinceAt, beforeAt] = [events[1]!.at, events[6]!.at]
    const between = await reader.search({ ...search, limit: 20, sinceAt, beforeAt })
    expect(between.map(({ seq }) => seq)).toEqual([6, 4, 3])
  })

  test('[AR7] a reader knows how far the archive is in a partition', async () => {
    const { store, reader } = await prepared()
    const { load } = loadOf(sampleBatch(2, 5, 9))
    expect(await reader.position(2)).toBeUndefined()
    await store.recordDone(load)
    expect(await reader.position(2)).toEqual(load.ranges[0]!.last)
    expect(await reader.position(1)).toBeUndefined()
  })

  test('[AR9] rows are read by partition, in the order of the log and of the timeline', async () => {
    const { store, inspector } = await prepared()
    const { load, rows } = loadOf(sampleBatch(0, 0, 11), sampleBatch(1, 0, 4))
    await store.insert(load, rows)
    const events = await all(inspector.events(0))
    expect(events.map(({ offset }) => offset)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22])
    expect((await all(inspector.messages(1))).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(await all(inspector.events(2))).toEqual([])
  })
  test('[AR42] messages are told to be those of events, or not to be, in a range of offsets', async () => {
    const { store, inspector, insertHalf } = await prepared()
    const first = loadOf(sampleBatch(0, 0, 11))
    await store.insert(first.load, first.rows)
    const of = async (partition: number, lastOffset: number) => {
      const ranges = [partition, 7].map(each => ({ partition: each, firstOffset: 0, lastOffset }))
      const found = await inspector.messagesOfEvents(ranges)
      expect([...found.keys()]).toEqual([partition, 7])
      return found.get(partition)!
    }
    const { rows } = await of(0, 22)
    expect(rows).toBe((await all(inspector.messages(0))).length)
    const half = loadOf(sampleBatch(0, 12, 14))
    await insertHalf(half.load, half.rows)
    const upTo = (lastOffset: number) => of(0, lastOffset)
    expect(await upTo(22)).toMatchObject({ isSame: true, rows, lastOffset: 22 })
    expect(await upTo(28)).toMatchObject({ isSame: false, rows, lastOffset: 22 })
    await store.insert(half.load, half.rows)
    expect(await upTo(22)).toMatchObject({ isSame: true, rows, lastOffset: 28 })
    expect(await upTo(28)).toMatchObject({ isSame: true, lastOffset: 28 })
    expect(await of(2, 28)).toEqual({ isSame: true, rows: 0, lastOffset: -1 })
  })

  test('[AR9] the bytes of rows are those of the rows', async () => {
    const { store, inspector } = await prepared()
    const { load, rows } = loadOf(sampleBatch(0, 0, 11))
    await store.insert(load, rows)
    const events = await all(inspector.events(0, 6))
    expect(events).toHaveLength(8)
    const bytes = Buffer.concat(await all(inspector.eventBytes(0, 6)))
    expect(bytes.equals(encodeRows(EVENT_COLUMNS, events, 0))).toBe(true)
  })
}
