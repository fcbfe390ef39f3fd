import { readFileSync } from 'node:fs'
import { decide } from '../../processors/sequencer/decide.ts'
import { TestState } from '../../processors/sequencer/testing/packs.ts'
import { packCodec, type RecordCodec, registeredCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Pack } from '../../schemas/pack.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'

/**
 * A recording: one line per pack, what lay on im.packs and the Avro bytes (hex, without schema id) of its outcome.
 * It stands for every log in the field: the same packs have to give the same bytes for ever under the rules that
 * applied then. A line is never changed; a new kind of pack or new rules get a recording of their own.
 */
export interface Recorded {
  /** Broker's append time. */
  appendedAt: number
  partition: number
  key: string | null
  /** The digest in hex; null for a record that could not be read. */
  pack: (Omit<Pack, 'digest'> & { digest: string }) | null
  event: string
}

/**
 * The schema that events had when the recording was made: a field that is added later, with its default, is no change
 * of an outcome.
 */
export function recordedCodec(): Promise<RecordCodec<Event>> {
  const schema = JSON.parse(readFileSync(new URL('./rules-0.avsc', import.meta.url), 'utf8')) as object
  return registeredCodec<Event>(new MemoryRegistry(), 'recording', schema)
}

/** Partitions of im.packs in recordings. */
export const RECORDED_PARTITIONS = 12
const WIRE_HEADER_BYTES = 5

/** The outcomes of the packs, each partition on a state of its own. */
export async function replay(lines: readonly Omit<Recorded, 'event'>[]): Promise<string[]> {
  const codec = await recordedCodec()
  const packs = await packCodec(new MemoryRegistry(), 'packs')
  // As they are read from im.packs by this build: fields that were added since have their defaults.
  const read = (pack: NonNullable<Recorded['pack']>) =>
    packs.decode(packs.encode({ ...pack, digest: Buffer.from(pack.digest, 'hex') }))
  const states = Array.from({ length: RECORDED_PARTITIONS }, () => new TestState())
  return lines.map(({ appendedAt, partition, key, pack }) => {
    const state = states[partition]!
    const request = {
      cause: { era: 0, offset: state.offset++ },
      appendedAt,
      key: key === null ? null : Buffer.from(key),
      pack: pack === null ? undefined : read(pack),
    }
    const event = decide(state, state.time, request, { partition, partitions: RECORDED_PARTITIONS })
    state.apply(event)
    return codec.encode(event).subarray(WIRE_HEADER_BYTES).toString('hex')
  })
}
