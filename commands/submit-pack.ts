import type { Millis } from '../infra/clock.ts'
import { packDigest } from '../schemas/digest.ts'
import type { Event } from '../schemas/event.ts'
import { makePackId, type SessionId, type UserId } from '../schemas/ids.ts'
import type { Pack, PackBody } from '../schemas/pack.ts'
import { sessionPartition } from '../topics/topics.ts'
import { PartitionReader } from '../verify/read-log.ts'
import type { Context } from './context.ts'

const OPERATOR = 'operator'
/** How long an outcome may take, in ms. */
export const OUTCOME_MS_MAX: Millis = 30_000
const POLL_MS: Millis = 100

/** Sends an operator's pack through the log and waits for what became of it; undefined where no outcome came in time. */
export async function submitPack(
  context: Context,
  said: { sessionId: SessionId; from: UserId; body: PackBody },
): Promise<Event | undefined> {
  const { log, topics, codecs, clock, random, config } = context
  const words = { ...said, flags: 0, pushInfo: null }
  const pack: Pack = {
    ...words,
    packId: makePackId(clock.now(), random.bytes(10)),
    gateway: config.nodeName,
    actor: { kind: 'OPERATOR', id: OPERATOR },
    device: { type: 0, id: '' },
    digest: packDigest(words),
    stamp: null,
  }
  const partition = sessionPartition(topics.packs, pack.sessionId)
  const { end } = (await log.bounds(topics.events.name)).get(partition)!
  const reader = new PartitionReader({ log, topic: topics.events.name, codec: codecs.events }, partition, end)
  const record = { key: Buffer.from(pack.sessionId), value: codecs.packs.encode(pack), headers: {} }
  await log.append({ topic: topics.packs.name, partition, records: [record] })
  const deadline = clock.monotonic() + OUTCOME_MS_MAX
  let outcome: Event | undefined
  while (outcome === undefined && clock.monotonic() < deadline) {
    const bounds = (await log.bounds(topics.events.name)).get(partition)!
    await reader.readTo(bounds.end, event => {
      if (event.packId === pack.packId && event.sessionId === pack.sessionId) outcome ??= event
      return undefined
    })
    if (outcome === undefined) await clock.sleep(POLL_MS)
  }
  return outcome
}
