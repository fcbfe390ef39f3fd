import type { Millis } from '../../infra/clock.ts'
import { packDigest } from '../../schemas/digest.ts'
import { type SessionId, userSessionId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { OWN_MARK_MS, OWN_MARK_SESSIONS_MAX } from '../limits.ts'
import type { MarkFrame } from './marks.ts'

/**
 * Sessions whose read marks lie with the users: notifications, and groups that the sequencer has called too large. What
 * it has said is remembered for a while, and not for good: a group may shrink.
 */
export class OwnMarks {
  private readonly until = new Map<SessionId, Millis>()

  has(sessionId: SessionId, now: Millis): boolean {
    return sessionId.startsWith('b:') || (this.until.get(sessionId) ?? 0) > now
  }

  add(sessionId: SessionId, now: Millis): void {
    if (this.until.size >= OWN_MARK_SESSIONS_MAX) this.until.clear()
    this.until.set(sessionId, now + OWN_MARK_MS)
  }
}

/** The same mark, kept in the user's own session. */
export function ownMark(pack: Pack, { sessionId, seq }: MarkFrame): Pack {
  const own: Pack = {
    ...pack,
    sessionId: userSessionId(pack.from),
    body: { kind: 'MarkSessionRead', sessionId, seq },
    stamp: null,
  }
  return { ...own, digest: packDigest(own) }
}
