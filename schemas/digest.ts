import { createHash } from 'node:crypto'
import type avro from 'avsc'
import { avroType, packSchema, recordToAvro } from './codec.ts'
import { Flag, type Pack } from './pack.ts'

/** What a client itself says in a pack; everything else is added by the gateway. */
export type ClientWords = Pick<Pack, 'sessionId' | 'from' | 'flags' | 'pushInfo' | 'body'>

const CLIENT_FIELDS = new Set(['sessionId', 'from', 'flags', 'pushInfo', 'body'])

const clientWordsType = avroType({
  type: 'record',
  name: 'ClientWords',
  namespace: 'packlog',
  fields: (packSchema as avro.schema.RecordType).fields.filter(field => CLIENT_FIELDS.has(field.name)),
})

const NOT_DIGESTED = Flag.ACK | Flag.DUP

/**
 * 16 bytes of SHA-256 over the canonical Avro of what the client said, without ACK and DUP, so that JSON and Avro,
 * first send and resend agree (DESIGN 2). The device is not part of it: another device may resend.
 */
export function packDigest(words: ClientWords): Buffer {
  const canonical = clientWordsType.toBuffer(recordToAvro({ ...words, flags: words.flags & ~NOT_DIGESTED }))
  return createHash('sha256').update(canonical).digest().subarray(0, 16)
}
