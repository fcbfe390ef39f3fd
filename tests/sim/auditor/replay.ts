import { decide } from '../../../processors/sequencer/decide.ts'
import { TestState } from '../../../processors/sequencer/testing/packs.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/**
 * SIM6: one sequencer that never fails answers the same packs, one by one; byte for byte the same must stand on
 * im.events. The rule is about the product's own decisions being the same twice, so here they are used.
 */
export function checkReplay({ truth, topics, codecs }: World, say: Say): void {
  for (const { partition, requests, outcomes } of truth.partitions) {
    const state = new TestState()
    const place = { partition, partitions: topics.packs.partitions }
    for (const [index, { record, pack }] of requests.entries()) {
      const cause = { era: 0, offset: record.offset }
      const request = { cause, appendedAt: record.appendedAt, key: record.key, pack: pack ?? undefined }
      const event = decide(state, state.time, request, place)
      state.apply(event)
      const found = outcomes[index]
      if (found !== undefined && codecs.event.encode(event).equals(found.value)) continue
      const what = found === undefined ? 'nothing' : JSON.stringify(found.event.body)
      say('SIM6', `pack ${index} of partition ${partition}: replayed ${JSON.stringify(event.body)}, on the log ${what}`)
      return
    }
  }
}
