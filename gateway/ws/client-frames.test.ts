import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldSchema } from '../../schemas/avro-shape.ts'
import { RESUME_SESSIONS_MAX } from '../../schemas/frames.ts'
import { encodeClientFrame, framesSchema } from '../../schemas/frames-avro.ts'
import { CLIENT_FRAMES, eachFrame } from '../../schemas/testing/frame-samples.ts'
import { JSON_DEPTH_MAX } from '../limits.ts'
import { parseFrame } from './client-frames.ts'
import { FRAME_USERS_MAX } from './frame-fields.ts'

const packId = '01890a5d-ac96-774b-bcce-b302099a8057'
const sessionId = 's:alice:bob'
const send = { type: 'send', packId, sessionId, content: { kind: 'Text', text: 'x' } }

function parse(value: unknown) {
  return parseFrame('json', Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), false)
}

test.each(eachFrame(CLIENT_FRAMES))('[GW3] JSON and Avro give the same frame: $type', frame => {
  expect(parse(frame)).toEqual({ ok: true, frame })
  expect(parseFrame('avro', encodeClientFrame(frame), true)).toEqual({ ok: true, frame })
})

/** Fields of a frame that may be left out: null by default in frames.avsc. */
function optionalFields(type: string): string[] {
  const union = framesSchema[0]!.fields[0]!.type as unknown as { name: string; fields: FieldSchema[] }[]
  const record = union.find(({ name }) => name.toLowerCase() === type.toLowerCase())!
  return record.fields.filter(field => field.default === null).map(({ name }) => name)
}

/** Objects whose fields may all be absent. */
const PATCHES = ['attributes', 'settings', 'profile', 'info', 'extra']
const whole = eachFrame(CLIENT_FRAMES).filter(({ type }) => type !== 'history')

test.each(whole)('[GW4] without one of its fields, or with nonsense in it, a frame is refused: $type', frame => {
  const optional = optionalFields(frame.type)
  for (const name of Object.keys(frame).filter(key => key !== 'type')) {
    expect(parse({ ...frame, [name]: undefined }).ok, `without ${name}`).toBe(optional.includes(name))
    expect(parse({ ...frame, [name]: -1 }).ok, `${name}: -1`).toBe(false)
    if (!PATCHES.includes(name)) expect(parse({ ...frame, [name]: {} }).ok, `${name}: {}`).toBe(false)
  }
})

test('[GW3] defaults are filled in, unknown fields are left out', () => {
  expect(parse({ ...send, colour: 1 })).toEqual({ ok: true, frame: { ...send, flags: 0 } })
  expect(parse({ type: 'history', requestId: 1, sessionId, beforeSeq: 5 })).toMatchObject({
    ok: true,
    frame: { limit: 200 },
  })
})

/** What is sent -> the code and the field that the answer names. */
const BROKEN: [string, unknown, string, string][] = [
  ['no JSON', 'nonsense', 'PROTOCOL', 'not a JSON text'],
  ['a list', '[]', 'PROTOCOL', 'a JSON object'],
  ['null', 'null', 'PROTOCOL', 'a JSON object'],
  ['an unknown type', { type: 'fly', requestId: 1 }, 'PROTOCOL', '"fly"'],
  ['no type', {}, 'PROTOCOL', 'no frame of type'],
  ['a packId of version 4', { ...send, packId: packId.replace('-7', '-4') }, 'PARAM', 'packId'],
  ['a packId in upper case', { ...send, packId: packId.toUpperCase() }, 'PARAM', 'packId'],
  ['ids in the wrong order', { ...send, sessionId: 's:bob:alice' }, 'PARAM', 'sessionId'],
  ['a session of a list', { ...send, sessionId: ['s:a:b'] }, 'PARAM', 'sessionId'],
  ['no content', { ...send, content: undefined }, 'PARAM', 'content'],
  ['an unknown content', { ...send, content: { kind: 'Hologram' } }, 'PARAM', 'content.kind'],
  ['a text that is none', { ...send, content: { kind: 'Text', text: 5 } }, 'PARAM', 'content.text'],
  ['a flag that clients may not set', { ...send, flags: 16 }, 'PARAM', 'flags'],
  ['flags that are no number', { ...send, flags: '4' }, 'PARAM', 'flags'],
  ['flags that are no whole number', { ...send, flags: 4.5 }, 'PARAM', 'flags'],
  ['push text that is none', { ...send, pushInfo: { title: 'x' } }, 'PARAM', 'pushInfo.summary'],
  ['a join of a chat', { type: 'joinGroup', packId, sessionId }, 'PARAM', 'sessionId'],
  [
    'a group id with a colon',
    { type: 'createGroup', packId, groupId: 'a:b', info: { name: '' }, members: [] },
    'PARAM',
    'groupId',
  ],
  ['a group without a name', { type: 'createGroup', packId, info: {}, members: [] }, 'PARAM', 'info.name'],
  [
    'a member that is no id',
    { type: 'createGroup', packId, info: { name: '' }, members: ['a', 'b c'] },
    'PARAM',
    'members[1]',
  ],
  [
    'too many members',
    { type: 'addMembers', packId, sessionId: 'g:x', userIds: Array(FRAME_USERS_MAX + 1).fill('u') },
    'PARAM',
    'userIds',
  ],
  ['a seq that the log cannot hold', { type: 'markRead', packId, sessionId, seq: 2 ** 53 - 1 }, 'PARAM', 'seq'],
  ['no direction', { type: 'history', requestId: 1, sessionId }, 'PARAM', 'afterSeq'],
  ['both directions', { type: 'history', requestId: 1, sessionId, afterSeq: 1, beforeSeq: 2 }, 'PARAM', 'afterSeq'],
  ['a negative seq', { type: 'history', requestId: 1, sessionId, afterSeq: -1 }, 'PARAM', 'afterSeq'],
  ['a page that is too large', { type: 'history', requestId: 1, sessionId, afterSeq: 1, limit: 201 }, 'PARAM', 'limit'],
  ['no requestId', { type: 'ping' }, 'PARAM', 'requestId'],
  ['a fraction as requestId', { type: 'ping', requestId: 1.5 }, 'PARAM', 'requestId'],
  [
    'a seq that is no number',
    { type: 'resume', requestId: 1, sessions: [{ sessionId, seq: 'x' }] },
    'PARAM',
    'sessions[0].seq',
  ],
  [
    'a session named twice',
    {
      type: 'resume',
      requestId: 1,
      sessions: [
        { sessionId, seq: 1 },
        { sessionId, seq: 2 },
      ],
    },
    'PARAM',
    'sessions[1]',
  ],
  [
    'too many sessions',
    { type: 'resume', requestId: 1, sessions: Array(RESUME_SESSIONS_MAX + 1).fill({ sessionId, seq: 1 }) },
    'PARAM',
    'sessions',
  ],
]

test.each(BROKEN)('[GW4] a broken frame is answered with its code and its field: %s', (_name, frame, code, field) => {
  const parsed = parse(frame)
  expect(parsed).toMatchObject({ ok: false, broken: { code } })
  expect(!parsed.ok && parsed.broken.reason).toContain(field)
})

test('[GW4] what a broken frame said about itself comes back with the answer', () => {
  expect(parse({ ...send, content: 1 })).toMatchObject({ broken: { packId, sessionId } })
  expect(parse({ type: 'createGroup', packId })).toMatchObject({
    broken: { packId, sessionId: 'g:01890a5dac96774bbcceb302099a8057' },
  })
  expect(parse({ type: 'history', requestId: 9 })).toMatchObject({ broken: { requestId: 9 } })
})

test('[GW5] JSON that nests too deep is refused unparsed; brackets within texts do not count', () => {
  const nested = (depth: number) => `{"type":"ping","requestId":1,"x":${'['.repeat(depth)}${']'.repeat(depth)}}`
  expect(parse(nested(JSON_DEPTH_MAX - 1))).toMatchObject({ ok: true })
  expect(parse(nested(JSON_DEPTH_MAX))).toMatchObject({ ok: false, broken: { code: 'PROTOCOL' } })
  expect(parse('['.repeat(500_000))).toMatchObject({ ok: false, broken: { code: 'PROTOCOL' } })
  for (const text of ['{"'.repeat(50), `\\${'[{'.repeat(50)}`, '\\\\', '"', '{\\"[\\\\"{{{{{{{{{{']) {
    expect(parse({ ...send, content: { kind: 'Text', text } })).toMatchObject({ ok: true })
  }
})

test('[GW4] a message of the other subprotocol is a broken frame', () => {
  expect(parseFrame('json', encodeClientFrame({ type: 'ping', requestId: 1 }), true)).toMatchObject({
    broken: { code: 'PROTOCOL' },
  })
  expect(parseFrame('avro', Buffer.from('{"type":"ping","requestId":1}'), false)).toMatchObject({
    broken: { code: 'PROTOCOL' },
  })
})

test('[GW4] no bytes and no JSON make the parser throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      parseFrame('avro', Buffer.from(bytes), true)
      parseFrame('json', Buffer.from(bytes), false)
    }),
  )
  const types = Object.keys(CLIENT_FRAMES)
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.jsonValue()), (type, fields) => {
      parse({ ...send, requestId: 1, ...fields, type })
    }),
  )
})
