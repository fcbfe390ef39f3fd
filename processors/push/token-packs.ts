import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { makePackId, type UserId, userSessionId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Pack } from '../../schemas/pack.ts'
import { appendPack } from '../../topics/append-pack.ts'
import type { Log } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'

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
      const pack = makePack({
        sessionId: userSessionId(userId),
        from: userId,
        body: { kind: 'InvalidateToken', serviceType, token, before, reason },
        packId: makePackId(clock.now(), random.bytes(PACK_ID_BYTES)),
        actor: { kind: 'SYSTEM', id: 'push' },
        gateway: 'push',
      })
      await appendPack({ log, topic, codec }, pack)
    },
  }
}

const PACK_ID_BYTES = 10
