import type { RecordCodec } from '../schemas/codec.ts'
import type { Pack } from '../schemas/pack.ts'
import type { Log } from './log.ts'
import { sessionPartition, type Topic } from './topics.ts'

/** Appends one pack to im.packs, where its session belongs. Rejects with AppendFailed. */
export async function appendPack(
  { log, topic, codec }: { log: Log; topic: Topic; codec: RecordCodec<Pack> },
  pack: Pack,
): Promise<void> {
  const record = { key: Buffer.from(pack.sessionId), value: codec.encode(pack), headers: {} }
  await log.append({ topic: topic.name, partition: sessionPartition(topic, pack.sessionId), records: [record] })
}
