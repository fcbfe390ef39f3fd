import { expect, test } from 'vitest'
import { eventCodec, packCodec, readCause, type SchemaRegistry, Undecodable, UnknownSchema } from './codec.ts'
import { packDigest } from './digest.ts'
import type { Event } from './event.ts'
import type { PackId, SessionId, UserId } from './ids.ts'
import { Flag, type Pack } from './pack.ts'

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
  body: { kind: 'SendMessage', content: { kind: 'Text', text: 'hé 你好' } },
}

test('[SC1] a pack survives the wire format', async () => {
  const codec = await packCodec(registry, 'x')
  const bytes = codec.encode(pack)
  expect(bytes.readUInt32BE(1)).toBe(7)
  expect(codec.decode(bytes)).toEqual(pack)
})

test('[SC1] every kind of body survives the wire format', async () => {
  const codec = await packCodec(registry, 'x')
  const bodies: Pack['body'][] = [
    { kind: 'SendMessage', content: { kind: 'Custom', type: 'poll', data: '{}' } },
    { kind: 'CreateGroup', info: { name: 'n', avatar: '', notice: '' }, members: ['bob' as UserId] },
    { kind: 'JoinGroup' },
    { kind: 'AddMembers', userIds: ['bob' as UserId] },
    { kind: 'DismissGroup' },
  ]
  for (const body of bodies) expect(codec.decode(codec.encode({ ...pack, body }))).toEqual({ ...pack, body })
})

test('[SC2] the cause is read without decoding the event', async () => {
  const codec = await eventCodec(registry, 'x')
  for (const offset of [0, 1, 63, 64, 8_191, 2 ** 31, 2 ** 44]) {
    const event: Event = {
      ...pack,
      cause: { era: 3, offset },
      at: 1_700_000_000_000,
      seq: 1,
      count: 1,
      body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'x' } },
    }
    const bytes = codec.encode(event)
    expect(readCause(bytes)).toEqual({ era: 3, offset })
    expect(codec.decode(bytes)).toEqual(event)
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

test('[ID5] the digest tells other content from a resend', () => {
  const digest = packDigest(pack)
  expect(digest).toHaveLength(16)
  expect(packDigest({ ...pack, flags: pack.flags | Flag.DUP | Flag.ACK })).toEqual(digest)
  expect(packDigest({ ...pack, body: { kind: 'SendMessage', content: { kind: 'Text', text: 'x' } } })).not.toEqual(
    digest,
  )
})
