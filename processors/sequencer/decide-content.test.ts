import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CodeName } from '../../schemas/codes.ts'
import type { Content, PlainContent, SendExtra } from '../../schemas/content.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type PackBody, RULES_DEFAULT, type Stamp } from '../../schemas/pack.ts'
import { CONTENTS } from '../../schemas/testing/samples.ts'
import { contentBytes, FORWARDED_ITEMS_MAX, LINK_BYTES_MAX } from './decide-content.ts'
import { MENTIONS_MAX } from './decide-message.ts'
import { brief, chess, inChess, makePack, T0, TestState, text } from './testing/packs.ts'

const ACCEPTED = 'MessageAccepted seq 1 count 1'
const bytesMax = RULES_DEFAULT.contentBytesMax
const send = (content: Content, extra?: SendExtra): PackBody => ({
  kind: 'SendMessage',
  content,
  ...(extra === undefined ? {} : { extra }),
})
const outcomeOf = (content: Content) => brief(new TestState().run(makePack({ body: send(content) })))

describe('contents', () => {
  const kinds = Object.values(CONTENTS).filter(({ kind }) => kind !== 'Removed')
  test.each(kinds)('[SQ40] $kind is taken in single chats and groups as it is', content => {
    const event = new TestState().run(makePack({ body: send(content) }))
    expect(event.body).toEqual({ kind: 'MessageAccepted', content })
    expect(brief(chess().run(inChess('bob', send(content))))).toBe('MessageAccepted seq 2 count 0')
  })

  const { Image, Voice, Video, File, Location, Card, Markdown, MergedForward, Removed, Text } = CONTENTS
  const withFile = (file: Partial<typeof Image.file>): Content => ({ ...Image, file: { ...Image.file, ...file } })
  const merged = (items: typeof MergedForward.items): Content => ({ ...MergedForward, items })
  const item = (content: PlainContent, from = 'bob', at = T0) => ({ from: from as UserId, at, content })
  const bad: [string, Content, CodeName][] = [
    ['a removed content', Removed, 'MSG_INVALID_FORMAT'],
    ['an empty markdown', { ...Markdown, text: '' }, 'MSG_TOO_SHORT'],
    ['a file without a link', withFile({ url: '' }), 'MSG_INVALID_FORMAT'],
    ['a file whose link runs a script', withFile({ url: 'javascript:alert(1)' }), 'MSG_INVALID_FORMAT'],
    ['a link with a blank', withFile({ url: 'https://a b' }), 'MSG_INVALID_FORMAT'],
    ['a link that is too long', withFile({ url: `https://${'a'.repeat(LINK_BYTES_MAX)}` }), 'MSG_INVALID_FORMAT'],
    ['a mime type that is none', withFile({ mime: 'png' }), 'MSG_INVALID_FORMAT'],
    ['a size below 0', withFile({ size: -1 }), 'MSG_INVALID_FORMAT'],
    ['a hash that is none', withFile({ hash: 'abc' }), 'MSG_INVALID_FORMAT'],
    ['a long file name', withFile({ name: '名'.repeat(86) }), 'MSG_INVALID_FORMAT'],
    ['a width below 0', { ...Image, width: -1 }, 'MSG_INVALID_FORMAT'],
    ['a thumbnail that is no link', { ...Image, thumbnailUrl: 'x' }, 'MSG_INVALID_FORMAT'],
    ['a duration below 0', { ...Voice, durationMs: -1 }, 'MSG_INVALID_FORMAT'],
    ['a video without a size', { ...Video, height: -1 }, 'MSG_INVALID_FORMAT'],
    ['a latitude out of range', { ...Location, latitude: 90.1 }, 'MSG_INVALID_FORMAT'],
    ['a longitude that is no number', { ...Location, longitude: Number.NaN }, 'MSG_INVALID_FORMAT'],
    ['a card of nobody', { ...Card, of: 'user', id: 'a b' }, 'MSG_INVALID_FORMAT'],
    ['a card whose avatar is no link', { ...Card, avatar: 'data:x' }, 'MSG_INVALID_FORMAT'],
    ['a merged forward of nothing', merged([]), 'MSG_TOO_SHORT'],
    ['too many forwarded messages', merged(Array(FORWARDED_ITEMS_MAX + 1).fill(item(Text))), 'MSG_INVALID_FORMAT'],
    [
      'a forwarded message that is wrong',
      merged([item(Text), item({ ...File, file: { ...File.file, url: 'x' } })]),
      'MSG_INVALID_FORMAT',
    ],
    ['a forwarded message that is empty', merged([item({ ...Text, text: '' })]), 'MSG_INVALID_FORMAT'],
    ['a forwarded message of nobody', merged([item(Text, 'a:b')]), 'MSG_INVALID_FORMAT'],
    ['a forwarded message before all time', merged([item(Text, 'bob', -1)]), 'MSG_INVALID_FORMAT'],
  ]
  test.each(bad)('[SQ40] %s is refused', (_name, content, code) => {
    expect(outcomeOf(content)).toBe(code)
  })

  test('[SQ40] as many forwarded messages as there may be', () => {
    expect(outcomeOf(merged(Array(FORWARDED_ITEMS_MAX).fill(item(Text))))).toBe(ACCEPTED)
  })

  const padded: [string, (padding: string) => Content][] = [
    ['text', padding => ({ ...Text, text: padding })],
    ['markdown', padding => ({ ...Markdown, text: padding })],
    ['JSON', padding => ({ kind: 'Custom', type: 'poll', data: `"${padding}"` })],
    ['a caption of an image', padding => ({ ...Image, caption: padding })],
    ['a caption of a video', padding => ({ ...Video, caption: padding })],
    ['a caption of a file', padding => ({ ...File, caption: padding })],
    ['one of several forwarded texts', padding => merged([item(Text), item({ ...Text, text: padding })])],
  ]
  test.each(padded)('[SQ40] %s fills a content up to the last byte, whatever it is written in', (_name, build) => {
    fc.assert(
      fc.property(fc.constantFrom('x', 'é', '你', '🎉'), fc.nat({ max: 30 }), (letter, fewer) => {
        const room = bytesMax - contentBytes(build('')) - fewer
        const size = Buffer.byteLength(letter)
        const full = letter.repeat(Math.floor(room / size)) + 'x'.repeat(room % size)
        expect(contentBytes(build(full))).toBe(bytesMax - fewer)
        expect(outcomeOf(build(full))).toBe(ACCEPTED)
        expect(outcomeOf(build(full + 'x'.repeat(fewer + 1)))).toBe('MSG_TOO_LONG')
      }),
      { numRuns: 20 },
    )
  })

  test('[SQ40] whatever a content holds, there is an outcome', () => {
    const anyText = fc.oneof(fc.string(), fc.constantFrom('https://a/b', 'image/png', '{}', 'bob'))
    const anyNumber = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -(2 ** 31)))
    const anyContent = fc
      .constantFrom(...Object.values(CONTENTS))
      .chain(sample => scrambled(sample, anyText, anyNumber))
    fc.assert(
      fc.property(anyContent, content => {
        const known = [ACCEPTED, 'MSG_TOO_SHORT', 'MSG_TOO_LONG', 'MSG_INVALID_FORMAT']
        expect(known).toContain(outcomeOf(content as Content))
      }),
    )
  })
})

/** The same shape with other texts and numbers. */
function scrambled(
  value: unknown,
  anyText: fc.Arbitrary<string>,
  anyNumber: fc.Arbitrary<number>,
): fc.Arbitrary<unknown> {
  if (typeof value === 'number') return fc.oneof(fc.constant(value), anyNumber)
  if (typeof value === 'string') return fc.oneof(fc.constant(value), anyText)
  if (Array.isArray(value)) return fc.tuple(...value.map(part => scrambled(part, anyText, anyNumber)))
  if (typeof value !== 'object' || value === null) return fc.constant(value)
  const parts = Object.entries(value).map(([name, part]) => {
    const isKind = name === 'kind' || name === 'of'
    return [name, isKind ? fc.constant(part) : scrambled(part, anyText, anyNumber)] as const
  })
  return fc.record(Object.fromEntries(parts))
}

describe('mentions', () => {
  const mention = (extra: SendExtra) => send(CONTENTS.Text, extra)
  const ids = (...userIds: string[]) => ({ mentions: userIds as UserId[] })

  test('[SQ41] whoever is mentioned is named once', () => {
    const { body } = chess().run(inChess('bob', mention(ids('carol', 'alice', 'carol'))))
    expect(body).toMatchObject({ extra: { mentions: ['carol', 'alice'] } })
  })

  test('[SQ41] what says nothing is left out', () => {
    const { body } = chess().run(inChess('bob', mention({ mentions: [], mentionsAll: false })))
    expect(body).toEqual({ kind: 'MessageAccepted', content: CONTENTS.Text })
  })

  test('[SQ41] ids are valid and not too many', () => {
    const many = Array.from({ length: MENTIONS_MAX + 1 }, (_, n) => `user-${n}`)
    expect(brief(chess().run(inChess('bob', mention(ids('a b')))))).toBe('PARAM')
    expect(brief(chess().run(inChess('bob', mention(ids(...many)))))).toBe('PARAM')
    expect(brief(chess().run(inChess('bob', mention(ids(...many.slice(1))))))).toBe('MessageAccepted seq 2 count 0')
  })

  test('[SQ41] in a single chat only its two users are mentioned, and never all', () => {
    const run = (extra: SendExtra) => brief(new TestState().run(makePack({ body: mention(extra) })))
    expect(run(ids('bob', 'alice'))).toBe(ACCEPTED)
    expect(run(ids('carol'))).toBe('PARAM')
    expect(run({ mentionsAll: true })).toBe('PARAM')
  })

  test('[SQ41] in a group only owner and admins mention all', () => {
    const state = chess()
    expect(brief(state.run(inChess('bob', mention({ mentionsAll: true }))))).toBe('GROUP_NO_PRIVILEGE')
    const { body } = state.run(inChess('alice', mention({ mentionsAll: true })))
    expect(body).toMatchObject({ extra: { mentionsAll: true } })
    const bob = state.rows.members.get('g:chess#bob')!
    state.rows.members.set('g:chess#bob', { ...bob, admin: true })
    expect(brief(state.run(inChess('bob', mention({ mentionsAll: true }))))).toBe('MessageAccepted seq 3 count 0')
  })
})

const stamp = (part: Partial<Stamp>): Stamp => ({
  verdict: null,
  target: null,
  quote: null,
  origin: null,
  count: 0,
  friendsOnly: false,
  rewritten: false,
  ...part,
})

describe('quote and forward', () => {
  const first = makePack({ from: 'bob', body: text('question') })
  const seenFirst = () => {
    const state = new TestState()
    state.run(first)
    return state
  }
  const answer = (quote: SendExtra['quote'], stamped: Partial<Stamp> = {}) =>
    makePack({ body: send(CONTENTS.Text, { quote: quote! }) }, { stamp: stamp(stamped) })

  test('[SQ42] a quote that the sequencer remembers gets its sender', () => {
    const { body } = seenFirst().run(answer({ seq: 1, packId: first.packId, from: 'bob' as UserId }))
    expect(body).toMatchObject({ extra: { quote: { seq: 1, packId: first.packId, from: 'bob' } } })
  })

  test('[SQ42] a quote of another seq, of a seq that is not there, or of another sender does not exist', () => {
    const state = seenFirst()
    state.run(makePack({ from: 'bob' }))
    const of = (seq: number, from: string) =>
      brief(state.run(answer({ seq, packId: first.packId, from: from as UserId })))
    expect([of(2, 'bob'), of(9, 'bob'), of(1, 'alice')]).toEqual(Array(3).fill('MSG_NOT_EXIST'))
    expect(of(0, 'bob')).toBe('PARAM')
    expect(of(1, 'bob')).toBe('MessageAccepted seq 3 count 3')
  })

  test('[SQ42] an old quote is what the gateway found', () => {
    const quote = { seq: 1, packId: makePack({ time: T0 - 86_400_000 }).packId }
    const { body } = seenFirst().run(
      answer(quote, { quote: { from: 'bob' as UserId, at: T0 - 86_400_000, counted: true } }),
    )
    expect(body).toMatchObject({ extra: { quote: { ...quote, from: 'bob' } } })
    expect(brief(seenFirst().run(answer(quote)))).toBe('VIEW_BEHIND')
  })

  test('[SQ42] nobody quotes from before their stay', () => {
    const state = chess()
    const early = inChess('alice', text('secret'))
    state.run(early)
    state.run(inChess('dave', { kind: 'JoinGroup' }))
    const quote = { seq: 2, packId: early.packId, from: 'alice' as UserId }
    expect(brief(state.run(inChess('dave', send(CONTENTS.Text, { quote }))))).toBe('MSG_NOT_EXIST')
    expect(brief(state.run(inChess('bob', send(CONTENTS.Text, { quote }))))).toBe('MessageAccepted seq 4 count 0')
  })

  test('[SQ42] a forward says whose words they are, as the gateway found them', () => {
    const forward = { sessionId: first.sessionId, seq: 1, packId: first.packId }
    const pack = makePack({ body: send(CONTENTS.Text, { forward }) })
    expect(brief(new TestState().run(pack))).toBe('MSG_NOT_EXIST')
    const found = { ...pack, stamp: stamp({ origin: { from: 'bob' as UserId, at: T0 - 5 } }) }
    expect(new TestState().run(found).body).toMatchObject({ extra: { forward: { from: 'bob', at: T0 - 5 } } })
  })
})

describe('what the gateway stamped', () => {
  test('[SQ43] a verdict is the answer, also to a resend without it', () => {
    const state = new TestState()
    const pack = makePack()
    const judged = { ...pack, stamp: stamp({ verdict: { code: 10, reason: 'a forbidden word' } }) }
    expect(brief(state.run(judged))).toBe('SENSITIVE_MATCH')
    expect(brief(state.run(pack))).toBe('repeated 10 0 0')
  })

  test.each([0, 9_999])('[SQ43] a verdict with the code %d is still a refusal', code => {
    const judged = makePack({}, { stamp: stamp({ verdict: { code, reason: '' } }) })
    expect(brief(new TestState().run(judged))).toBe('SERVER_REFUSED')
  })

  test('[SQ43] a content that the gateway changed says so', () => {
    const { body } = new TestState().run(makePack({}, { stamp: stamp({ rewritten: true }) }))
    expect(body).toMatchObject({ extra: { rewritten: true } })
  })
})
