import { packDigest } from '../schemas/digest.ts'
import { makePackId, type SessionId, type UserId } from '../schemas/ids.ts'
import type { Pack, PackBody } from '../schemas/pack.ts'
import { sessionPartition } from '../topics/topics.ts'
import type { Context } from './context.ts'

const OPERATOR = 'operator'

/** Appends a pack of an operator; its outcome is not waited for. */
export async function appendOperatorPack(
  { log, topics, codecs, clock, random, config }: Context,
  { sessionId, from, body }: { sessionId: SessionId; from: UserId; body: PackBody },
): Promise<void> {
  const words = { sessionId, from, flags: 0, pushInfo: null, body }
  const pack: Pack = {
    ...words,
    packId: makePackId(clock.now(), random.bytes(10)),
    gateway: config.nodeName,
    actor: { kind: 'OPERATOR', id: OPERATOR },
    device: { type: 0, id: '' },
    digest: packDigest(words),
    stamp: null,
  }
  const record = { key: Buffer.from(sessionId), value: codecs.packs.encode(pack), headers: {} }
  const partition = sessionPartition(topics.packs, sessionId)
  await log.append({ topic: topics.packs.name, partition, records: [record] })
}
