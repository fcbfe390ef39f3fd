import { createHash } from 'node:crypto'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { isPackId, makePackId, type PackId, packIdTime } from '../../schemas/ids.ts'
import type { Caller } from './callers.ts'
import { Problem } from './problem.ts'

/**
 * The packId of a request. An Idempotency-Key that is a UUIDv7 becomes the packId: its time, the rest hashed with the
 * caller and the key, so that the log itself knows the request again, at any age. Any other key is remembered for a
 * day; that is a convenience, and not exact where Redis loses it. Without a key every request is a new one.
 */

export const KEY_CHARS_MAX = 255
export const REMEMBERED_MS: Millis = 86_400_000

/** Which packId a name was given first. */
export interface RememberedPackIds {
  /** The packId that was given under this name within REMEMBERED_MS, or else this one, from now on. */
  remember(name: string, packId: PackId): Promise<PackId>
}

export class PackIds {
  private readonly options: { clock: Clock; random: Random; remembered: RememberedPackIds }

  constructor(options: PackIds['options']) {
    this.options = options
  }

  async of(caller: Caller, key: string | undefined): Promise<PackId> {
    const { clock, random, remembered } = this.options
    const fresh = () => makePackId(clock.now(), random.bytes(10))
    if (key === undefined) return fresh()
    if (key === '' || key.length > KEY_CHARS_MAX) {
      throw new Problem('PARAM', `idempotency-key: 1 to ${KEY_CHARS_MAX} characters`)
    }
    const name = hashOf(caller.kind === 'app' ? `app ${caller.app}` : `user ${caller.identity.userId}`, key)
    if (isPackId(key)) return makePackId(packIdTime(key), name)
    try {
      return await remembered.remember(name.toString('base64url'), fresh())
    } catch {
      throw new Problem('REDIS_ERROR', 'idempotency keys that are no UUIDv7 cannot be remembered now')
    }
  }
}

function hashOf(caller: string, key: string): Buffer {
  return createHash('sha256').update(caller).update('\n').update(key).digest()
}

/**
 * The packId of the part of a request that goes to one of many sessions: the same time, the rest a hash of the
 * request's packId and the session.
 */
export function derivedPackId(packId: PackId, sessionId: string): PackId {
  return makePackId(packIdTime(packId), createHash('sha256').update(`${packId}\n${sessionId}`).digest())
}

/** For tests, and for a gateway without Redis. */
export class MemoryPackIds implements RememberedPackIds {
  private readonly byName = new Map<string, PackId>()

  async remember(name: string, packId: PackId): Promise<PackId> {
    const known = this.byName.get(name)
    if (known === undefined) this.byName.set(name, packId)
    return known ?? packId
  }
}
