import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Content, SendExtra, Target } from '../../schemas/content.ts'
import type { Event } from '../../schemas/event.ts'
import type { PackId, UserId } from '../../schemas/ids.ts'
import { Flag, type Pack, type PackBody, RULES_DEFAULT, type Stamp } from '../../schemas/pack.ts'
import { EMOJI_BYTES_MAX, REACTIONS_MAX } from './decide-target.ts'
import { evolve } from './evolve.ts'
import { amendedKey } from './session.ts'
import { brief, chess, inChess, makePack, packIdAt, rulesPack, T0, TestState, text } from './testing/packs.ts'

const { revokeWindowMs, overrideWindowMs, deleteWindowMs, dedupeWindowMs } = RULES_DEFAULT

const targetOf = (pack: Pack, seq: number): Target => ({ seq, packId: pack.packId, from: pack.from })
const revoke = (target: Target): PackBody => ({ kind: 'RevokeMessage', target })
const erase = (target: Target): PackBody => ({ kind: 'DeleteForAll', target })
const edit = (target: Target, content: Content = { kind: 'Text', text: 'better' }, extra?: SendExtra): PackBody => ({
  kind: 'OverrideMessage',
  target,
  content,
  ...(extra === undefined ? {} : { extra }),
})
const react = (target: Target, emoji = '👍'): PackBody => ({ kind: 'AddReaction', target, emoji })
const unreact = (target: Target, emoji = '👍'): PackBody => ({ kind: 'RemoveReaction', target, emoji })

/** A single chat with a message of alice at seq 1. */
function chat() {
  const state = new TestState()
  const first = makePack({ text: 'first' })
  state.run(first)
  const run = (from: string, body: PackBody, { at = T0, stamp = null }: { at?: number; stamp?: Stamp | null } = {}) =>
    state.run(makePack({ from, body, flags: 0, time: at }, { stamp }), at)
  return {
    state,
    first,
    target: targetOf(first, 1),
    run,
    brief: (...args: Parameters<typeof run>) => brief(run(...args)),
  }
}

/** The group of alice (owner), bob and carol, with a message of bob at seq 2. */
function club() {
  const state = chess()
  const first = inChess('bob', text('first'))
  state.run(first)
  const run = (from: string, body: PackBody, at = T0) => brief(state.run(inChess(from, body), at))
  const makeAdmin = (userId: string) => {
    const key = `g:chess#${userId}`
    state.rows.members.set(key, { ...state.rows.members.get(key)!, admin: true })
  }
  return { state, first, target: targetOf(first, 2), run, makeAdmin }
}

describe('revoke and delete', () => {
  const kinds = [
    ['revoke', revoke, 'MessageRevoked', revokeWindowMs],
    ['delete', erase, 'MessageDeleted', deleteWindowMs],
  ] as const

  test.each(kinds)('[SQ44] %s says which message it was, and whether it counted', (_name, take, kind) => {
    const { first, target, run } = chat()
    const event = run('alice', take(target), { at: T0 + 5 })
    expect(event).toMatchObject({ seq: 2, count: 1, at: T0 + 5 })
    expect(event.body).toEqual({
      kind,
      target: { seq: 1, packId: first.packId, from: 'alice', at: T0, counted: true },
    })
    const quiet = makePack({ flags: 0 })
    const other = chat()
    other.state.run(quiet)
    expect(other.run('alice', take(targetOf(quiet, 2))).body).toMatchObject({ target: { counted: false } })
  })

  test.each(kinds)('[SQ44] %s by the sender up to the last ms of the window', (_name, take, kind, windowMs) => {
    const late = chat()
    expect(late.brief('alice', take(late.target), { at: T0 + windowMs + 1 })).toBe('TOO_LATE')
    const inTime = chat()
    expect(inTime.brief('alice', take(inTime.target), { at: T0 + windowMs })).toBe(`${kind} seq 2 count 1`)
  })

  test.each(kinds)('[SQ44] %s of the other user is not allowed in a single chat', (_name, take) => {
    const { target, brief } = chat()
    expect(brief('bob', take(target))).toBe('NO_PRIVILEGE')
  })

  test.each(kinds)(
    '[SQ44] %s in a group: the sender within the window, owner and admins always',
    (_n, take, kind, ms) => {
      const late = T0 + ms + 1
      expect(club().run('bob', take(club().target), late)).toBe('MSG_NOT_EXIST')
      const bob = club()
      expect(bob.run('bob', take(bob.target), late)).toBe('TOO_LATE')
      expect(bob.run('carol', take(bob.target), late)).toBe('NO_PRIVILEGE')
      expect(bob.run('dave', take(bob.target), late)).toBe('GROUP_USER_NOT_EXIST')
      expect(bob.run('alice', take(bob.target), late)).toBe(`${kind} seq 3 count 0`)
      const carol = club()
      carol.makeAdmin('carol')
      expect(carol.run('carol', take(carol.target), late)).toBe(`${kind} seq 3 count 0`)
    },
  )

  test('[SQ44] what is gone is gone for good', () => {
    const revoked = chat()
    revoked.run('alice', revoke(revoked.target))
    expect(revoked.brief('alice', revoke(revoked.target))).toBe('MSG_REPEATED')
    expect(revoked.brief('alice', erase(revoked.target))).toBe('MSG_NOT_EXIST')
    expect(revoked.brief('alice', edit(revoked.target))).toBe('MSG_NOT_EXIST')
    expect(revoked.brief('bob', react(revoked.target))).toBe('MSG_NOT_EXIST')
    const quote: PackBody = {
      kind: 'SendMessage',
      content: { kind: 'Text', text: 'x' },
      extra: { quote: revoked.target },
    }
    expect(revoked.brief('bob', quote)).toBe('MSG_NOT_EXIST')
    const deleted = chat()
    deleted.run('alice', erase(deleted.target))
    expect(deleted.brief('alice', erase(deleted.target))).toBe('MSG_REPEATED')
    expect(deleted.brief('alice', revoke(deleted.target))).toBe('MSG_NOT_EXIST')
  })

  test('[SQ44] rules say how long', () => {
    const { state, target, brief } = chat()
    const short = { ...RULES_DEFAULT, version: 1, revokeWindowMs: 0, deleteWindowMs: 10 }
    state.run(rulesPack(short))
    expect(brief('alice', revoke(target), { at: T0 + 1 })).toBe('TOO_LATE')
    expect(brief('alice', erase(target), { at: T0 + 10 })).toBe('MessageDeleted seq 2 count 1')
  })
})

describe('the message that is meant', () => {
  const missing: [string, Partial<Target>, string][] = [
    ['seq 0', { seq: 0 }, 'PARAM'],
    ['a seq that is no whole number', { seq: 1.5 }, 'PARAM'],
    ['a packId that is none', { packId: 'x' as PackId }, 'PARAM'],
    ['a sender who is none', { from: 'a b' as UserId }, 'PARAM'],
    ['a seq that is not there yet', { seq: 99 }, 'MSG_NOT_EXIST'],
    ['a seq of another packId', { packId: packIdAt(T0, 77) }, 'MSG_NOT_EXIST'],
    ['another sender', { from: 'bob' as UserId }, 'MSG_NOT_EXIST'],
  ]
  test.each(missing)('[SQ42] %s', (_name, part, code) => {
    const { first } = chat()
    // The digest cannot be made of what Avro does not hold; the rules come after it.
    for (const body of [revoke, erase, edit, react].map(make => make({ ...targetOf(first, 1), ...part }))) {
      const pack = makePack({ from: 'alice' })
      const { state } = chat()
      expect(brief(state.run({ ...pack, body }))).toBe(code)
    }
  })

  test('[SQ42] a pack that made no message is none', () => {
    const state = chess()
    const join = inChess('dave', { kind: 'JoinGroup' })
    state.run(join)
    expect(brief(state.run(inChess('alice', revoke(targetOf(join, 2)))))).toBe('MSG_NOT_EXIST')
    const refused = inChess('bob', text(''))
    state.run(refused)
    expect(brief(state.run(inChess('bob', revoke(targetOf(refused, 2)))))).toBe('MSG_NOT_EXIST')
  })

  const old = T0 - dedupeWindowMs - 60_000
  const oldTarget = { seq: 1, packId: packIdAt(old, 5) }
  const stampOf = (from: string, at: number, counted = true): Stamp => ({
    verdict: null,
    target: { from: from as UserId, at, counted },
    quote: null,
    origin: null,
    count: 0,
    friendsOnly: false,
    rewritten: false,
  })

  test('[SQ42] an old message is what the gateway stamped', () => {
    const { run } = chat()
    const event = run('alice', revoke(oldTarget), { stamp: stampOf('alice', T0 - revokeWindowMs) })
    expect(event.body).toEqual({
      kind: 'MessageRevoked',
      target: { ...oldTarget, from: 'alice', at: T0 - revokeWindowMs, counted: true },
    })
  })

  test('[SQ42] the windows hold for old ones as well', () => {
    const { brief } = chat()
    expect(brief('alice', revoke(oldTarget), { stamp: stampOf('alice', old) })).toBe('TOO_LATE')
    expect(brief('alice', revoke(oldTarget), { stamp: stampOf('bob', T0) })).toBe('NO_PRIVILEGE')
    const named = { ...oldTarget, from: 'alice' as UserId }
    expect(brief('alice', revoke(named), { stamp: stampOf('bob', T0) })).toBe('MSG_NOT_EXIST')
  })

  test('[SQ42] where neither sequencer nor stamp knows it, the same pack may come again', () => {
    const { state, first, target } = chat()
    const pack = makePack({ body: revoke(oldTarget) })
    expect(brief(state.run(pack))).toBe('VIEW_BEHIND')
    expect(brief(state.run({ ...pack, stamp: stampOf('alice', T0) }))).toBe('MessageRevoked seq 2 count 1')
    const unnamed = makePack({ from: 'bob', body: react({ seq: 1, packId: first.packId }) })
    expect(brief(state.run(unnamed))).toBe('VIEW_BEHIND')
    expect(target.seq).toBe(1)
  })

  test('[SQ42] what the sequencer remembers goes before the stamp', () => {
    const { first, run } = chat()
    const stamp = stampOf('alice', T0 - 1_000, false)
    const { body } = run('alice', revoke({ seq: 1, packId: first.packId }), { stamp })
    expect(body).toMatchObject({ target: { at: T0, counted: true } })
  })

  test('[SQ42] a remembered pack that the store has not forgotten yet is not known any more', () => {
    const { target, brief } = chat()
    expect(brief('alice', revoke(target), { at: T0 + dedupeWindowMs + 1 })).toBe('VIEW_BEHIND')
  })
})

describe('override', () => {
  test('[SQ45] the event has the new content and a version that rises by one', () => {
    const { target, run } = chat()
    const content: Content = { kind: 'Markdown', text: '*better*' }
    const { body, count } = run('alice', edit(target, content, { mentions: ['bob' as UserId] }))
    expect(count).toBe(1)
    expect(body).toMatchObject({ kind: 'MessageOverridden', content, extra: { mentions: ['bob'] }, version: 1 })
    expect(run('alice', edit(target)).body).toMatchObject({ version: 2 })
  })

  test('[SQ45] by the sender only, owner and admins included, within the window', () => {
    const { run, target } = club()
    expect(run('alice', edit(target))).toBe('NO_PRIVILEGE')
    expect(run('bob', edit(target), T0 + overrideWindowMs + 1)).toBe('TOO_LATE')
    expect(run('bob', edit(target), T0 + overrideWindowMs + 1)).toBe('TOO_LATE')
    const other = club()
    expect(other.run('bob', edit(other.target), T0 + overrideWindowMs)).toBe('MessageOverridden seq 3 count 0')
  })

  test('[SQ45] the new content is checked like that of a message', () => {
    const { target, brief } = chat()
    expect(brief('alice', edit(target, { kind: 'Text', text: '' }))).toBe('MSG_TOO_SHORT')
    expect(brief('alice', edit(target, { kind: 'Removed' }))).toBe('MSG_INVALID_FORMAT')
    expect(brief('alice', edit(target, { kind: 'Text', text: 'x' }, { mentionsAll: true }))).toBe('PARAM')
  })
})

describe('reactions', () => {
  test('[SQ46] whoever sees a message reacts to it, with each emoji once', () => {
    const { target, brief } = chat()
    expect(brief('bob', react(target))).toBe('ReactionAdded seq 2 count 1')
    expect(brief('bob', react(target))).toBe('MSG_REPEATED')
    expect(brief('bob', react(target, '🎉'))).toBe('ReactionAdded seq 3 count 1')
    expect(brief('alice', react(target))).toBe('ReactionAdded seq 4 count 1')
    expect(brief('bob', unreact(target))).toBe('ReactionRemoved seq 5 count 1')
    expect(brief('bob', unreact(target))).toBe('MSG_REPEATED')
    expect(brief('bob', react(target))).toBe('ReactionAdded seq 6 count 1')
  })

  test('[SQ46] a user has a bounded number of emojis on a message', () => {
    const { target, brief } = chat()
    for (let n = 0; n < REACTIONS_MAX; n++) expect(brief('bob', react(target, `e${n}`))).toMatch(/^ReactionAdded/)
    expect(brief('bob', react(target, 'one-more'))).toBe('LIMIT_REACHED')
    expect(brief('bob', unreact(target, 'e0'))).toMatch(/^ReactionRemoved/)
    expect(brief('bob', react(target, 'other'))).toMatch(/^ReactionAdded/)
  })

  test.each(['', ' ', 'a b', '\u0007', 'x'.repeat(EMOJI_BYTES_MAX + 1)])('[SQ46] %j is no emoji', emoji => {
    const { target, brief } = chat()
    expect(brief('bob', react(target, emoji))).toBe('PARAM')
    expect(brief('bob', unreact(target, emoji))).toBe('PARAM')
  })

  test('[SQ46] nobody reacts to what lies before their stay', () => {
    const { state, target, run } = club()
    state.run(inChess('dave', { kind: 'JoinGroup' }))
    expect(run('dave', react(target))).toBe('MSG_NOT_EXIST')
    expect(run('carol', react(target))).toBe('ReactionAdded seq 4 count 0')
  })
})

/** What was asked for, on one of the first messages, at a time of its own. */
const anyStep = fc.record({
  from: fc.constantFrom('alice', 'bob', 'carol', 'dave'),
  what: fc.constantFrom('send', 'revoke', 'erase', 'edit', 'react', 'unreact'),
  which: fc.nat({ max: 4 }),
  later: fc.constantFrom(0, 1_000, 60_000, 200_000),
})

const MAKE = { revoke, erase, edit, react, unreact }

test('[SQ44, SQ45, SQ46] any history: revokes are for good, versions dense, counts stand, rows follow from events', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), steps => {
      const { state, events } = play(steps)
      const gone = new Map<number, string>()
      const versions = new Map<number, number>()
      const reactions = new Set<string>()
      let seq = 0
      let count = 0
      for (const { body, from, flags, ...event } of events) {
        if (body.kind === 'PackRefused') continue
        expect(event.seq).toBe(++seq)
        if (body.kind === 'MessageAccepted' && (flags & Flag.COUNTER) !== 0) count++
        expect(event.count).toBe(count)
        if (!('target' in body)) continue
        expect(gone.has(body.target.seq), 'nothing happens to what is gone').toBe(false)
        if (body.kind === 'MessageRevoked' || body.kind === 'MessageDeleted') gone.set(body.target.seq, body.kind)
        if (body.kind === 'MessageOverridden') {
          expect(body.version).toBe((versions.get(body.target.seq) ?? 0) + 1)
          versions.set(body.target.seq, body.version)
        }
        const reaction = `${body.target.seq} ${from}`
        if (body.kind === 'ReactionAdded') expect(reactions.size).toBe(reactions.add(reaction).size - 1)
        if (body.kind === 'ReactionRemoved') expect(reactions.delete(reaction)).toBe(true)
      }
      for (const [of, kind] of gone) {
        const row = state.rows.amended.get(amendedKey('g:chess' as Pack['sessionId'], of))
        expect(row).toEqual({
          change: kind === 'MessageRevoked' ? 'revoked' : 'deleted',
          version: versions.get(of) ?? 0,
        })
      }
      const kept = [...state.rows.reactions.values()].filter(emojis => emojis.length > 0)
      expect(kept).toHaveLength(reactions.size)
    }),
  )
})

describe('operators', () => {
  const operator = { actor: { kind: 'OPERATOR', id: 'admin' as UserId } } as const
  const DAY_MS = 86_400_000

  test('[SQ54] take any message of a chat back at any age, and nothing else there', () => {
    const { state, target, first } = chat()
    const at = T0 + DAY_MS
    const stamp: Stamp = {
      verdict: null,
      target: { from: first.from, at: T0, counted: true },
      quote: null,
      origin: null,
      count: 0,
      friendsOnly: false,
      rewritten: false,
    }
    const run = (body: PackBody, changes: Partial<Pack> = operator) =>
      brief(state.run(makePack({ from: 'admin', body, flags: 0, time: at }, { stamp, ...changes }), at))
    expect(run(revoke(target), {})).toBe('MSG_FORBIDDEN')
    expect(run(revoke(target), { actor: { kind: 'APP', id: 'admin' as UserId } })).toBe('MSG_FORBIDDEN')
    for (const body of [erase(target), edit(target), react(target), text('hi')]) expect(run(body)).toBe('MSG_FORBIDDEN')
    expect(run(revoke(target))).toBe('MessageRevoked seq 2 count 1')
    expect(run(revoke(target))).toBe('MSG_REPEATED')
  })

  test('[SQ54] take messages of groups back and end groups, members or not', () => {
    const { state, target } = club()
    const run = (body: PackBody, changes: Partial<Pack> = operator) => brief(state.run(inChess('admin', body, changes)))
    expect(run({ kind: 'DismissGroup' }, {})).toBe('GROUP_USER_NOT_EXIST')
    expect(run(text('hi'))).toBe('GROUP_USER_NOT_EXIST')
    expect(run(revoke(target))).toBe('MessageRevoked seq 3 count 0')
    expect(run({ kind: 'DismissGroup' })).toBe('GroupDismissed seq 4 count 0')
    expect(run({ kind: 'DismissGroup' })).toBe('GROUP_NOT_EXIST')
  })
})

test('[SQ20] a log with edits behind a revoke, and events twice, leaves the message revoked', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (steps, numbers) => {
      const { events } = play(steps)
      const state = new TestState()
      const gone = new Set<number>()
      for (let n = 0; n < events.length; n++) {
        const event = events[(numbers.next().value as number) % events.length]!
        state.apply(event)
        expect(evolve(state, event)).toBeDefined()
        if (event.body.kind === 'MessageRevoked' || event.body.kind === 'MessageDeleted')
          gone.add(event.body.target.seq)
        for (const of of gone) {
          expect(['revoked', 'deleted']).toContain(
            state.rows.amended.get(amendedKey('g:chess' as Pack['sessionId'], of))?.change,
          )
        }
      }
    }),
  )
})

function play(steps: { from: string; what: string; which: number; later: number }[]) {
  const state = new TestState()
  const events: Event[] = []
  const messages: Target[] = []
  let at = T0
  const run = (from: string, body: PackBody) => {
    const flags = body.kind === 'SendMessage' ? Flag.COUNTER : 0
    const pack = makePack({ session: 'g:chess', from, body, flags, time: at })
    const event = state.run(pack, at)
    events.push(event)
    if (event.body.kind === 'MessageAccepted') messages.push(targetOf(pack, event.seq))
  }
  run('alice', {
    kind: 'CreateGroup',
    info: { name: 'Chess', avatar: '', notice: '' },
    members: ['bob', 'carol'] as UserId[],
  })
  for (const { from, what, which, later } of steps) {
    at += later
    const target = messages[which]
    if (what === 'send' || target === undefined) run(from, text('hi'))
    else run(from, MAKE[what as keyof typeof MAKE](target))
  }
  return { state, events }
}
