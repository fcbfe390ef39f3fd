import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { packDigest } from '../../schemas/digest.ts'
import { makePackId, type UserId, userSessionId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { Log } from '../../topics/log.ts'
import { sessionPartition, type Topic } from '../../topics/topics.ts'

/** Takes tokens from users, by packs like everybody's. The same again is refused REQUEST_NOT_EXIST and changes nothing. */
export interface TokenPacks {
  /** What was registered after `before` stays. Rejects with AppendFailed. */
  invalidate(token: {
    userId: UserId
    serviceType: number
    token: string
    before: Millis
    reason: string
  }): Promise<void>
}

export function makeTokenPacks(parts: {
  log: Log
  topic: Topic
  codec: RecordCodec<Pack>
  clock: Clock
  random: Random
}): TokenPacks {
  const { log, topic, codec, clock, random } = parts
  return {
    invalidate: async ({ userId, serviceType, token, before, reason }) => {
      const sessionId = userSessionId(userId)
      const words = {
        sessionId,
        from: userId,
        flags: 0,
        pushInfo: null,
        body: { kind: 'InvalidateToken', serviceType, token, before, reason },
      } as const
      const pack: Pack = {
        ...words,
        packId: makePackId(clock.now(), random.bytes(PACK_ID_BYTES)),
        actor: { kind: 'SYSTEM', id: 'push' },
        device: { type: 0, id: '' },
        gateway: 'push',
        digest: packDigest(words),
        stamp: null,
      }
      const record = { key: Buffer.from(sessionId), value: codec.encode(pack), headers: {} }
      await log.append({ topic: topic.name, partition: sessionPartition(topic, sessionId), records: [record] })
    },
  }
}

const PACK_ID_BYTES = 10
