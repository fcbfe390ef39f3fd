import { expect, test } from 'vitest'
import { eventSchema, Undecodable } from './codec.ts'
import type { ClientFrame } from './frames.ts'
import {
  AVRO_ITEMS_MAX,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  framesSchema,
} from './frames-avro.ts'
import type { PackId, SessionId, UserId } from './ids.ts'
import { CLIENT_FRAMES, eachFrame, SERVER_FRAMES } from './testing/frame-samples.ts'

const packId = '01890a5d-ac96-774b-bcce-b302099a8057' as PackId
const sessionId = 's:alice:bob' as SessionId

test.each(eachFrame(CLIENT_FRAMES))('[GW1] a client frame survives Avro: $type', frame => {
  expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame)
})

test.each(eachFrame(SERVER_FRAMES))('[GW1] a server frame survives Avro: $type', frame => {
  const decoded = decodeServerFrame(encodeServerFrame(frame))
  expect(decoded).toEqual(frame)
  // The text of a frame is the same whichever way it came, down to what is left out.
  expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify(frame)))
})

test('[GW1] the bodies of event frames are those of event.avsc that clients see', () => {
  type Field = { name: string; type: unknown }
  type Named = { name: string; fields: Field[] }
  const bodies = (schema: { fields: Field[] }) => schema.fields.find(field => field.name === 'body')!.type as Named[]
  const server = framesSchema[1]! as unknown as { fields: { type: Named[] }[] }
  const frame = server.fields[0]!.type.find(record => record.name === 'Event')!
  const shown = bodies(frame).map(({ name, fields }) => [name, fields.map(field => field.name)])
  const hidden = ['RulesSet', 'PackRefused', 'PackRepeated']
  const recorded = bodies(eventSchema as unknown as { fields: Field[] })
    .filter(({ name }) => !hidden.includes(name))
    .map(({ name, fields }) => [name, fields.map(field => field.name)])
  expect(shown).toEqual(recorded)
})

/** The bytes of a Resume whose array is written by hand. */
function resumeWith(array: number[]): Buffer {
  const branch = 11 * 2
  return Buffer.from([branch, 2, ...array])
}

const BOMBS: Record<string, Buffer> = {
  'a block of 2^31 items': resumeWith([0x80, 0x80, 0x80, 0x80, 0x10]),
  'a negative block count with no bytes': resumeWith([0xff, 0xff, 0xff, 0xff, 0x0f, 2]),
  'a string longer than the frame': resumeWith([2, 0xfe, 0xff, 0xff, 0x0f]),
  'a string of negative length': resumeWith([2, 1, 0, 0]),
  'a number of eleven bytes': resumeWith(Array(11).fill(0x80)),
  'a union branch that does not exist': Buffer.from([126]),
  'a branch below zero': Buffer.from([1]),
  'nothing at all': Buffer.alloc(0),
  'bytes after the record': Buffer.concat([encodeClientFrame({ type: 'ping', requestId: 1 }), Buffer.from([0])]),
}

test.each(Object.entries(BOMBS))('[GW2] Avro bytes that claim more than they hold are refused: %s', (_name, bytes) => {
  expect(() => decodeClientFrame(bytes)).toThrow(Undecodable)
})

test('[GW2] an array within the bytes but above the named maximum is refused', () => {
  const items = (count: number): ClientFrame => ({
    type: 'addMembers',
    packId,
    sessionId,
    userIds: Array<UserId>(count).fill('u' as UserId),
  })
  expect(() => decodeClientFrame(encodeClientFrame(items(AVRO_ITEMS_MAX)))).not.toThrow()
  expect(() => decodeClientFrame(encodeClientFrame(items(AVRO_ITEMS_MAX + 1)))).toThrow(Undecodable)
})

test('[GW2] every prefix of a good frame is refused, never read', () => {
  for (const bytes of eachFrame(CLIENT_FRAMES).map(encodeClientFrame)) {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeClientFrame(bytes.subarray(0, length))).toThrow(Undecodable)
    }
  }
})
