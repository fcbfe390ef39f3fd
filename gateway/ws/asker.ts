import type { Millis } from '../../infra/clock.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Actor, Device } from '../../schemas/pack.ts'

/** Who asks, as authenticated. */
export interface Identity {
  userId: UserId
  device: Device
  /** When the token runs out; undefined: never. */
  expiresAt?: Millis
  /** When the token was issued, and its jti, as far as it says so. */
  issuedAt?: Millis
  tokenId?: string
  /** Who really asks, where that is not the user. */
  actor?: Actor
}

/**
 * Whoever sends packs and gets their answers: a connection of a client, or one call of HTTP. What both may do, and what
 * they are told, is one code, so that HTTP and WebSocket never disagree.
 */
export interface Asker {
  readonly id: string
  readonly identity: Identity
  /** Sends without an answer yet. */
  pendingPacks: number
  /** Packs that wait for what is looked up for them. */
  lookUps: number
  /** Takes one pack out of the allowance; false when that is used up. `now` is monotonic. */
  admitPack(now: Millis): boolean
  /** How long until it has one again. */
  readonly packWaitMs: Millis
  send(frame: ServerFrame): void
  /** An ack was sent that stands for the event of this seq. */
  acked(sessionId: SessionId, seq: Seq): void
}

/** True where an app asks in its own name: it sees what its key's scopes let it see, member or not. */
export function isService({ userId, actor }: Identity): boolean {
  return actor?.kind === 'APP' && actor.id === userId
}
