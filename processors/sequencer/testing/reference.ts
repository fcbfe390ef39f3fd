import type { Event } from '../../../schemas/event.ts'
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
