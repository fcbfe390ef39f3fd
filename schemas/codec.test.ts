import { expect, test } from 'vitest'
import { eventCodec, packCodec, readCause, type SchemaRegistry, Undecodable, UnknownSchema } from './codec.ts'
import { packDigest } from './digest.ts'
import type { Event } from './event.ts'
import type { PackId, SessionId, UserId } from './ids.ts'
import { Flag, type Pack, type PackBody, type Stamp } from './pack.ts'
import { sessionCodec } from './session.ts'
import { EVENT_BODIES, each, PACK_BODIES, SESSION_BODIES } from './testing/samples.ts'

const registry: SchemaRegistry = { register: async () => 7, schemaById: async () => undefined }

const pack: Pack = {
  packId: '0193a5c0-0000-7000-8000-000000000001' as PackId,
  sessionId: 's:alice:bob' as SessionId,
  from: 'alice' as UserId,
  actor: { kind: 'USER', id: 'alice' },
  device: { type: 6, id: 'laptop' },
  gateway: 'gw-1',
  flags: Flag.COUNTER,
  digest: Buffer.alloc(16, 3),
  pushInfo: null,
  stamp: null,
  body: { kind: 'SendMessage', content: { kind: 'Text', text: 'hé 你好' } },
}

const { stamp: _, ...words } = pack
const event: Event = {
  ...words,
  cause: { era: 0, offset: 7 },
  at: 1_700_000_000_000,
  seq: 1,
  count: 1,
  body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x' } },
}

test('[SC1] a pack survives the wire format', async () => {
  const codec = await packCodec(registry, 'x')
  const bytes = codec.encode(pack)
  expect(bytes.readUInt32BE(1)).toBe(7)
  expect(codec.decode(bytes)).toEqual(pack)
})

test.each(each(PACK_BODIES))('[SC1] every kind of pack survives the wire format: $kind', async body => {
  const codec = await packCodec(registry, 'x')
  expect(codec.decode(codec.encode({ ...pack, body }))).toEqual({ ...pack, body })
})

test.each(each(EVENT_BODIES))('[SC1] every kind of event survives the wire format: $kind', async body => {
  const codec = await eventCodec(registry, 'x')
  const decoded = codec.decode(codec.encode({ ...event, body }))
  expect(decoded).toEqual({ ...event, body })
  // Views keep the JSON text: nothing that is absent may come back as null.
  expect(JSON.stringify(decoded.body)).not.toContain('null')
})

test.each(each(SESSION_BODIES))('[SC1] every row of im.sessions survives the wire format: $kind', async body => {
  const codec = await sessionCodec(registry, 'x')
  const record = { writer: 'w', offset: 3, body }
  expect(codec.decode(codec.encode(record))).toEqual(record)
})

test('[SC1] what the gateway stamps survives the wire format', async () => {
  const codec = await packCodec(registry, 'x')
  const fact = { from: 'bob' as UserId, at: 5 }
  const none = {
    verdict: null,
    target: null,
    quote: null,
    origin: null,
    count: 0,
    friendsOnly: false,
    rewritten: false,
  }
  const stamps: Stamp[] = [
    { ...none, verdict: { code: 10, reason: 'word' } },
    { ...none, target: { ...fact, counted: true }, quote: { ...fact, counted: false } },
    { ...none, origin: fact, count: 2 ** 40, friendsOnly: true, rewritten: true },
  ]
  for (const stamp of stamps) expect(codec.decode(codec.encode({ ...pack, stamp }))).toEqual({ ...pack, stamp })
})

test('[SC2] the cause is read without decoding the event', async () => {
  const codec = await eventCodec(registry, 'x')
  for (const offset of [0, 1, 63, 64, 8_191, 2 ** 31, 2 ** 44]) {
    const told = { ...event, cause: { era: 3, offset } }
    const bytes = codec.encode(told)
    expect(readCause(bytes)).toEqual({ era: 3, offset })
    expect(codec.decode(bytes)).toEqual(told)
  }
})

test('[SC3] bytes that are no record are Undecodable, an unknown schema id is told apart', async () => {
  const codec = await packCodec(registry, 'x')
  const bytes = codec.encode(pack)
  expect(() => codec.decode(Buffer.alloc(0))).toThrow(Undecodable)
  expect(() => codec.decode(bytes.subarray(0, 20))).toThrow(Undecodable)
  expect(() => codec.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(Undecodable)
  const foreign = Buffer.from(bytes)
  foreign.writeUInt32BE(99, 1)
  expect(() => codec.decode(foreign)).toThrow(UnknownSchema)
})

const digestOf = (body: PackBody, changes: Partial<Pack> = {}) =>
  packDigest({ ...pack, body, ...changes }).toString('hex')

test('[ID5] the digest tells other content from a resend', () => {
  const digest = packDigest(pack)
  expect(digest).toHaveLength(16)
  expect(packDigest({ ...pack, flags: pack.flags | Flag.DUP | Flag.ACK })).toEqual(digest)
  const bodies = each(PACK_BODIES).filter(({ kind }) => kind !== 'SetRules')
  expect(new Set(bodies.map(body => digestOf(body))).size).toBe(bodies.length)
})

test('[ID5] optional fields count wherever they stand, and only where a pack has them', () => {
  const target = { seq: 1, packId: pack.packId }
  const content = { kind: 'Image', file: { url: 'u', mime: 'm', size: 1, hash: 'h' }, width: 1, height: 1 } as const
  const variants: PackBody[] = [
    { kind: 'OverrideMessage', target, content },
    { kind: 'OverrideMessage', target: { ...target, from: 'bob' as UserId }, content },
    { kind: 'OverrideMessage', target, content: { ...content, caption: '' } },
    { kind: 'OverrideMessage', target, content: { ...content, file: { ...content.file, name: 'n' } } },
    { kind: 'OverrideMessage', target, content, extra: {} },
    { kind: 'OverrideMessage', target, content, extra: { quote: target } },
  ]
  expect(new Set(variants.map(body => digestOf(body))).size).toBe(variants.length)
  expect(digestOf({ kind: 'OverrideMessage', target, content, extra: undefined })).toBe(digestOf(variants[0]!))
})

test('[ID5] packs of the first release have the digest that they had then', () => {
  const changes = { pushInfo: { title: 't', summary: 's', url: '' } }
  expect(digestOf({ kind: 'SendMessage', content: { kind: 'Text', text: 'hé' } }, changes)).toBe(
    'fde162807a5a2ee1993fada1006c2b6f',
  )
  const info = { name: 'n', avatar: '', notice: '' }
  const others: PackBody[] = [
    { kind: 'SendMessage', content: { kind: 'Custom', type: 'poll', data: '{}' } },
    { kind: 'CreateGroup', info, members: ['bob' as UserId] },
    { kind: 'JoinGroup' },
    { kind: 'DismissGroup' },
  ]
  expect(others.map(body => digestOf(body))).toEqual([
    '89bd1f4066f6869b3e7f1a76d47e163d',
    '8cc86aeb26876fec6857f71084b8cb29',
    '1e86f421336b8856fa40487e1cdcdbd9',
    'c00ac65fe19d345d0d03cc7a57fa5dfe',
  ])
})
