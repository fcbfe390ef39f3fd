import { type RecordCodec, Undecodable } from '../../../schemas/codec.ts'
import type { Event } from '../../../schemas/event.ts'
import type { Pack } from '../../../schemas/pack.ts'
import type { StoredRecord } from '../../../topics/log.ts'
import { decide } from '../decide.ts'
import { TestState } from './packs.ts'
import type { World } from './world.ts'

/**
 * What one sequencer that never fails answers to what lies on im.packs. Byte for byte the same has to stand on
 * im.events, whatever happened (SIM6 of STYLE.md).
 */
export async function referenceValues(world: World, partition = 0): Promise<string[]> {
  const state = new TestState()
  const { partitions } = world.topics.packs
  const values: string[] = []
  for (const { key, value, offset, appendedAt } of await world.records(world.topics.packs.name, partition)) {
    const pack = value === null ? undefined : world.codecs.pack.decode(value)
    const request = { cause: { era: 0, offset }, appendedAt, key, pack }
    const event: Event = decide(state, state.time, request, { partition, partitions })
    state.apply(event)
    values.push(world.codecs.event.encode(event).toString('hex'))
  }
  return values
}

/** What stands on im.events. */
export async function validValues(world: World, partition = 0): Promise<string[]> {
  return (await world.valid(partition)).records.map(({ value }) => value!.toString('hex'))
}

/** A build that cannot read some of the packs: its outcomes differ from those of one that can. */
export function hardToRead(codec: RecordCodec<Pack>): RecordCodec<Pack> {
  return {
    encode: pack => codec.encode(pack),
    learn: schemaId => codec.learn(schemaId),
    decode: bytes => {
      if (bytes.at(-1)! % 4 === 0) throw new Undecodable('not known to this build')
      return codec.decode(bytes)
    },
  }
}

/**
 * Folds a valid log that two builds have written: each outcome has to be the one that either of them decides for the
 * pack at its cause, on what stands before it.
 */
export async function foldOfEither(
  world: World,
  valid: readonly StoredRecord[],
): Promise<{ state: TestState; faults: string[]; differing: number }> {
  const state = new TestState()
  const { partitions } = world.topics.packs
  const packs = await world.records(world.topics.packs.name)
  const faults: string[] = []
  let differing = 0
  if (packs.length !== valid.length) faults.push(`${valid.length} outcomes of ${packs.length} packs`)
  for (const [index, { key, value, offset, appendedAt }] of packs.slice(0, valid.length).entries()) {
    const outcomes = [world.codecs.pack, hardToRead(world.codecs.pack)].map(codec => {
      const request = { cause: { era: 0, offset }, appendedAt, key, pack: decoded(codec, value!) }
      return world.codecs.event.encode(decide(state, state.time, request, { partition: 0, partitions }))
    })
    const found = valid[index]!.value!
    if (!outcomes.some(outcome => outcome.equals(found))) faults.push(`the outcome of pack ${offset} is nobody's`)
    if (!outcomes[0]!.equals(found)) differing++
    state.apply(world.codecs.event.decode(found))
  }
  return { state, faults, differing }
}

function decoded(codec: RecordCodec<Pack>, value: Buffer): Pack | undefined {
  try {
    return codec.decode(value)
  } catch {
    return undefined
  }
}
