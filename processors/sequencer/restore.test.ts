import { describe, expect, test } from 'vitest'
import type { Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import { chainHeaders } from '../../topics/valid-events.ts'
import { CHANGELOG_DELAY_MS_MAX } from './changelog.ts'
import { RestoreCode, RestoreRefused } from './failures.ts'
import type { StoredCheckpoint } from './session.ts'
import { STORE_DELAY_MS_MAX } from './session-state.ts'
import { MemoryStateDir } from './state-store.ts'
import { start } from './testing/nodes.ts'
import { makePack, packIdAt, rulesPack, T0 } from './testing/packs.ts'
import { type NodeOptions, World } from './testing/world.ts'

const info = { name: 'Chess', avatar: '', notice: '' }
const group = (from: string, body: Parameters<typeof makePack>[0] = {}) =>
  makePack({ session: 'g:chess', from, ...body })

/** A world in which a sequencer has answered some packs and was stopped; gives what is left of it. */
async function past(): Promise<{ world: World; dirs: MemoryStateDir[] }> {
  const world = await World.make()
  const node = await world.start()
  world.send(makePack({ packId: packIdAt(T0, 1), text: 'first' }), makePack())
  world.send(group('alice', { body: { kind: 'CreateGroup', info, members: ['bob' as UserId] } }))
  await world.untilAnswered()
  await world.clock.pass(2 * CHANGELOG_DELAY_MS_MAX)
  world.send(group('carol', { body: { kind: 'JoinGroup' } }), makePack({ text: '', packId: packIdAt(T0, 2) }))
  await world.untilAnswered()
  await world.stop(node)
  return { world, dirs: node.dirs }
}

/** What a sequencer answers that knows the past: the first pack again, a refusal again, and new ones. */
async function answers(world: World): Promise<string[]> {
  world.send(makePack({ packId: packIdAt(T0, 1), text: 'first' }), makePack({ text: '', packId: packIdAt(T0, 2) }))
  world.send(makePack(), group('carol'), group('zoe'))
  await world.untilAnswered()
  return (await world.events()).slice(-5).map(brief)
}
const brief = ({ body, seq }: Event) =>
  body.kind === 'PackRepeated' ? `repeated ${body.code} ${body.seq}` : `${body.kind} ${seq}`
const KNOWING = ['repeated 0 1', 'repeated 40 0', 'MessageAccepted 3', 'MessageAccepted 3', 'PackRefused 0']

/** The code of the refusal; its message is the alarm: where, what, and what an operator does. */
async function refusal(world: World, options: NodeOptions = {}): Promise<string> {
  const error = await world.start(options).then(
    async node => {
      await world.stop(node)
      return undefined
    },
    thrown => thrown,
  )
  if (!(error instanceof RestoreRefused)) return String(error)
  expect(error.message).toMatch(new RegExp(`^partition 0: ${error.code}: [^;]+; `))
  expect(error.message.endsWith(RestoreCode[error.code])).toBe(true)
  return error.code
}

/** Cuts everything that the topic holds up to its end. */
async function expire(world: World, topic: string, before?: number): Promise<void> {
  const { end } = (await world.log.bounds(topic)).get(0)!
  world.log.deleteBefore(topic, 0, before ?? end)
}

describe('what a restore finds', () => {
  test('[ST5] a local checkpoint that fits the log is taken as it is', async () => {
    const { world, dirs } = await past()
    // im.sessions is not needed for it.
    await expire(world, world.topics.sessions.name)
    await start(world, { dirs })
    expect(await answers(world)).toEqual(KNOWING)
  })

  test('[ST5] a local checkpoint from before other packs goes on with those', async () => {
    const { world, dirs } = await past()
    const node = await world.start({ name: 'other' })
    world.send(makePack())
    await world.untilAnswered()
    await world.stop(node)
    await start(world, { dirs })
    expect((await answers(world))[2]).toBe('MessageAccepted 4')
  })

  test('[ST6] an empty disk is filled from im.sessions, with every packId that is remembered', async () => {
    const { world } = await past()
    await start(world)
    expect(await answers(world)).toEqual(KNOWING)
  })

  test('[ST6] im.sessions is behind: the events after its mark are folded', async () => {
    const { world } = await past()
    const before = (await world.records(world.topics.sessions.name)).find(
      ({ key, offset }) => offset > 1 && key?.toString() === '#pos',
    )!
    world.log.truncateTo(world.topics.sessions.name, 0, before.offset + 1)
    await start(world)
    expect(await answers(world)).toEqual(KNOWING)
  })

  test('[ST6] rules and log time come back as well', async () => {
    const world = await World.make()
    const node = await world.start()
    world.clock.skipTo(T0 + 60_000)
    world.send(rulesPack({ ...RULES_DEFAULT, version: 3, contentBytesMax: 4 }))
    await world.untilAnswered()
    await world.stop(node)
    for (const dirs of [undefined, node.dirs]) {
      const again = await world.start(dirs === undefined ? {} : { dirs })
      world.send(makePack({ text: 'too long', time: T0 }))
      await world.untilAnswered()
      const last = (await world.events()).at(-1)!
      expect(last.body).toMatchObject({ kind: 'PackRefused', code: 41 })
      await world.stop(again)
    }
  })

  test('[ST4] rows that are newer than the last mark do not count twice', async () => {
    const { world } = await past()
    // The transaction with the mark is missing, the one with the rows is there.
    const records = await world.records(world.topics.sessions.name)
    const marks = records.filter(({ key }) => key?.toString() === '#pos')
    expect(marks).toHaveLength(2)
    world.log.truncateTo(world.topics.sessions.name, 0, marks.at(-1)!.offset)
    expect(records.at(-2)!.key!.toString()).toContain('#')
    const { dirs } = await start(world)
    expect(await answers(world)).toEqual(KNOWING)
    await world.clock.pass(1_000)
    const { heads, members } = dirs[0]!.rows
    // Owner, bob and carol; carol's joining was folded once.
    expect(heads.get('g:chess')).toMatchObject({ lastSeq: 3, memberCount: 3 })
    expect(members.get('g:chess#carol')?.intervals).toEqual([{ joinSeq: 2, leaveSeq: 0 }])
  })

  test('[ST4] im.sessions is at most two seconds behind, and a row is written once however often it changed', async () => {
    const world = await World.make()
    await start(world)
    for (let n = 0; n < 20; n++) world.send(makePack())
    await world.untilAnswered()
    await world.clock.pass(2_000)
    const keys = (await world.records(world.topics.sessions.name)).map(({ key }) => key!.toString())
    expect(keys).toEqual(['#claim', 's:alice:bob#head', '#pos'])
    const mark = world.codecs.session.decode((await world.records(world.topics.sessions.name)).at(-1)!.value!)
    expect(mark.body).toMatchObject({ kind: 'PositionMark', position: { offset: 19 } })
  })

  test('[ST14] what a crash kept from im.sessions is written there by the next start on the same disk', async () => {
    const world = await World.make()
    const dirs = [new MemoryStateDir()]
    const node = await world.start({ dirs })
    world.send(makePack(), makePack())
    await world.untilAnswered()
    // The store has it, im.sessions not yet: as a process that is killed here would leave it.
    await world.clock.pass((STORE_DELAY_MS_MAX + CHANGELOG_DELAY_MS_MAX) / 2)
    const crashed = structuredClone({ rows: dirs[0]!.rows, checkpoint: dirs[0]!.checkpoint })
    expect(crashed.checkpoint?.position.offset).toBe(1)
    expect(crashed.checkpoint?.logged).toBeNull()
    await world.stop(node)
    const sessions = world.topics.sessions.name
    world.log.truncateTo(sessions, 0, 2)
    const survivor = Object.assign(new MemoryStateDir(), crashed)
    const again = await world.start({ dirs: [survivor] })
    world.send(makePack({ session: 's:alice:carol' }))
    await world.untilAnswered()
    await world.stop(again)
    const keys = (await world.records(sessions)).map(({ key }) => key!.toString())
    expect(keys).toContain('s:alice:bob#head')
    await start(world)
    expect((await answers(world))[2]).toBe('MessageAccepted 4')
  })
})

describe('what is never guessed', () => {
  test('[ST5] MARKER_AHEAD: the local checkpoint lies beyond the log', async () => {
    const { world, dirs } = await past()
    world.log.truncateTo(world.topics.events.name, 0, 2)
    expect(await refusal(world, { dirs })).toBe('MARKER_AHEAD')
  })

  test('[ST6] MARKER_AHEAD: the mark on im.sessions lies beyond the log', async () => {
    const { world } = await past()
    world.log.truncateTo(world.topics.events.name, 0, 2)
    expect(await refusal(world)).toBe('MARKER_AHEAD')
  })

  test('[ST9] HASH_MISMATCH: another log stands where the mark points', async () => {
    const { world } = await past()
    await replaceEvents(world)
    expect(await refusal(world)).toBe('HASH_MISMATCH')
  })

  test('[ST9] a local checkpoint of another log is dropped for im.sessions', async () => {
    const { world, dirs } = await past()
    const stored = dirs[0]!.checkpoint!
    dirs[0]!.checkpoint = { ...stored, position: { ...stored.position, hash: '0123456789abcdef' } }
    await start(world, { dirs })
    expect(await answers(world)).toEqual(KNOWING)
  })

  test('[ST9] HASH_MISMATCH: the record at the mark has expired, and the next one follows another', async () => {
    const { world } = await past()
    const { end } = (await world.log.bounds(world.topics.events.name)).get(0)!
    await expire(world, world.topics.events.name)
    const record = { key: null, value: Buffer.from('x'), headers: chainHeaders(end, '0123456789abcdef') }
    world.log.put(world.topics.events.name, 0, [record])
    expect(await refusal(world)).toBe('HASH_MISMATCH')
  })

  test('[ST10] EVENTS_EXPIRED: events after the mark are gone', async () => {
    const { world, dirs } = await past()
    const { end } = (await world.log.bounds(world.topics.events.name)).get(0)!
    world.log.put(world.topics.events.name, 0, [{ key: null, value: null, headers: {} }])
    await expire(world, world.topics.events.name, end + 1)
    expect(await refusal(world)).toBe('EVENTS_EXPIRED')
    expect(await refusal(world, { dirs })).toBe('EVENTS_EXPIRED')
  })

  test('[ST11] an empty im.events that starts right behind the checkpoint is an idle partition', async () => {
    for (const local of [true, false]) {
      const { world, dirs } = await past()
      await expire(world, world.topics.events.name)
      const later = T0 + 1_000_000
      await start(world, local ? { dirs } : {})
      world.clock.skipTo(later)
      world.send(makePack({ time: later }), makePack({ time: later }), group('carol', { time: later }))
      await world.clock.pass(100)
      expect((await readFrom(world)).map(({ seq }) => seq)).toEqual([3, 4, 3])
    }
  })

  test('[ST8] NO_MARKER: im.events does not begin at 0 and nothing is stored', async () => {
    const world = await World.make()
    const events = world.topics.events.name
    world.log.put(events, 0, [{ key: null, value: null, headers: {} }])
    world.log.put(events, 0, [{ key: null, value: null, headers: {} }])
    world.log.deleteBefore(events, 0, 1)
    expect(await refusal(world)).toBe('NO_MARKER')
    world.log.deleteBefore(events, 0, 2)
    expect(await refusal(world)).toBe('NO_MARKER')
  })

  test('[ST12] PACKS_EXPIRED: packs without an outcome are gone', async () => {
    const { world, dirs } = await past()
    world.send(makePack(), makePack())
    await expire(world, world.topics.packs.name, 6)
    expect(await refusal(world, { dirs })).toBe('PACKS_EXPIRED')
    expect(await refusal(await worldWithoutFirstPacks())).toBe('PACKS_EXPIRED')
  })

  test('[ST12] packs with an outcome may be gone', async () => {
    const { world, dirs } = await past()
    await expire(world, world.topics.packs.name)
    await start(world, { dirs })
    expect(await answers(world)).toEqual(KNOWING)
  })

  test('[ST12] PACKS_AHEAD: im.packs is shorter than what was answered', async () => {
    const { world, dirs } = await past()
    world.log.truncateTo(world.topics.packs.name, 0, 4)
    expect(await refusal(world, { dirs })).toBe('PACKS_AHEAD')
  })

  test('[ST13] a raised era begins im.packs anew; a lowered one is refused', async () => {
    const { world, dirs } = await past()
    world.log.truncateTo(world.topics.packs.name, 0, 0)
    const node = await world.start({ dirs, era: 1 })
    world.send(makePack())
    await world.clock.pass(100)
    expect((await world.events()).at(-1)).toMatchObject({ cause: { era: 1, offset: 0 }, seq: 3 })
    await world.stop(node)
    expect(await refusal(world, { dirs, era: 0 })).toBe('ERA_BEHIND')
  })

  test('[ST15] TOPICS_DIFFER: a topic has another number of partitions', async () => {
    const world = await World.make()
    const { topics } = await World.make({ partitions: 2 })
    world.log.createTopic({ ...topics.events, name: 'other.events' })
    const wrong = Object.assign(world, {
      topics: { ...world.topics, events: { ...topics.events, name: 'other.events' } },
    })
    expect(await refusal(wrong)).toBe('TOPICS_DIFFER')
  })
})

test('[ST7] events of remembered packs have expired: their packIds are EXPIRED, not accepted again', async () => {
  const { world } = await past()
  await expire(world, world.topics.events.name)
  await start(world)
  world.send(makePack({ packId: packIdAt(T0, 1), text: 'first' }))
  world.send(makePack({ packId: packIdAt(T0 + 5, 9) }))
  await world.clock.pass(100)
  expect((await readFrom(world)).map(brief)).toEqual(['PackRefused 0', 'PackRefused 0'])
})

test('[ST7] remembered packs are found again over hours of log time', async () => {
  const world = await World.make()
  const node = await world.start()
  const minute = 60_000
  for (let n = 0; n < 180; n++) {
    world.clock.skipTo(T0 + n * minute)
    world.send(makePack({ packId: packIdAt(T0 + n * minute, n) }))
    await world.clock.pass(0)
  }
  await world.untilAnswered()
  await world.stop(node)
  const { marks } = node.dirs[0]!.checkpoint as StoredCheckpoint
  expect(marks[0]!.position.offset).toBeGreaterThan(80)
  await start(world)
  for (const n of [179, 150, 120, 119, 118, 60]) world.send(makePack({ packId: packIdAt(T0 + n * minute, n) }))
  await world.untilAnswered()
  const outcomes = (await world.events()).slice(-6).map(brief)
  expect(outcomes).toEqual([
    'repeated 0 180',
    'repeated 0 151',
    'repeated 0 121',
    'repeated 0 120',
    'PackRefused 0',
    'PackRefused 0',
  ])
})

/** im.events with the same offsets and other outcomes. */
async function replaceEvents(world: World): Promise<void> {
  const events = world.topics.events.name
  const records = await world.records(events)
  world.log.truncateTo(events, 0, 0)
  for (const { key, headers } of records) world.log.put(events, 0, [{ key, headers, value: Buffer.from('other') }])
}

async function worldWithoutFirstPacks(): Promise<World> {
  const world = await World.make()
  world.send(makePack(), makePack())
  await expire(world, world.topics.packs.name, 1)
  return world
}

/** Events of a log that has lost its beginning. */
async function readFrom(world: World): Promise<Event[]> {
  return (await world.records(world.topics.events.name)).map(({ value }) => world.codecs.event.decode(value!))
}
