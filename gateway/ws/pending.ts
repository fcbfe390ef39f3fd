import type { Millis } from '../../infra/clock.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { PENDING_MS_MAX } from '../limits.ts'
import type { ClientConnection } from './client-connection.ts'

/**
 * Sends that wait for their outcome. A pack is known by session, sender, packId and digest: the same pack sent again
 * joins, the same packId with other content is a pack of its own and gets its own answer (PACK_CONFLICT).
 *
 * An accepted outcome and a repeat answer whoever waits for that pack, whichever gateway appended it. A refusal
 * answers only where this gateway appended: a temporary one of another gateway's append says nothing about ours.
 */

export interface PendingPack {
  readonly sessionId: SessionId
  readonly packId: PackId
  readonly key: string
  /** Monotonic. */
  readonly startedAt: Millis
  readonly waiters: ClientConnection[]
  /** False once it is answered: a record that was not appended yet is then left out. */
  isOpen: boolean
}

export class PendingPacks {
  private readonly bySession = new Map<SessionId, Map<string, PendingPack>>()
  /** In the order of their start, which is the order in which they run out of time. */
  private readonly byAge = new Set<PendingPack>()
  private readonly gateway: string

  constructor(gateway: string) {
    this.gateway = gateway
  }

  get size(): number {
    return this.byAge.size
  }

  /** True when a pack of this session waits: its outcomes are of interest here. */
  hasSession(sessionId: SessionId): boolean {
    return this.bySession.has(sessionId)
  }

  /** True when this user's pack waits here, whatever its content. */
  hasPack(sessionId: SessionId, packId: PackId, from: UserId): boolean {
    const start = `${packId} ${from} `
    for (const key of this.bySession.get(sessionId)?.keys() ?? []) if (key.startsWith(start)) return true
    return false
  }

  /** How long the oldest has waited; 0 when none does. */
  oldestAge(now: Millis): Millis {
    for (const pending of this.byAge) return now - pending.startedAt
    return 0
  }

  /** Joins the connection to the same pack that waits already; false when there is none. */
  join(pack: Pack, connection: ClientConnection): boolean {
    const pending = this.bySession.get(pack.sessionId)?.get(keyOf(pack))
    if (pending === undefined) return false
    if (!pending.waiters.includes(connection)) {
      pending.waiters.push(connection)
      connection.pendingPacks++
    }
    return true
  }

  add(pack: Pack, connection: ClientConnection, now: Millis): PendingPack {
    const { sessionId, packId } = pack
    const key = keyOf(pack)
    const pending: PendingPack = { sessionId, packId, key, startedAt: now, waiters: [connection], isOpen: true }
    const ofSession = this.bySession.get(sessionId)
    if (ofSession === undefined) this.bySession.set(sessionId, new Map([[key, pending]]))
    else ofSession.set(key, pending)
    this.byAge.add(pending)
    connection.pendingPacks++
    return pending
  }

  /** The pack that this outcome answers, taken out; undefined when nobody waits for it. */
  settle(event: Event): PendingPack | undefined {
    const pending = this.bySession.get(event.sessionId)?.get(keyOf(event))
    if (pending === undefined) return undefined
    const answers = isAccepted(event) || event.body.kind === 'PackRepeated' || event.gateway === this.gateway
    if (!answers) return undefined
    this.remove(pending)
    return pending
  }

  /** Takes a pack out that will be answered otherwise. */
  remove(pending: PendingPack): void {
    if (!pending.isOpen) return
    pending.isOpen = false
    this.byAge.delete(pending)
    const ofSession = this.bySession.get(pending.sessionId)
    ofSession?.delete(pending.key)
    if (ofSession?.size === 0) this.bySession.delete(pending.sessionId)
    for (const connection of pending.waiters) connection.pendingPacks--
  }

  /** Takes out every pack that has waited PENDING_MS_MAX. */
  expire(now: Millis): PendingPack[] {
    const expired: PendingPack[] = []
    for (const pending of this.byAge) {
      if (now - pending.startedAt < PENDING_MS_MAX) break
      expired.push(pending)
    }
    for (const pending of expired) this.remove(pending)
    return expired
  }
}

function keyOf({ packId, from, digest }: { packId: string; from: string; digest: Buffer }): string {
  return `${packId} ${from} ${digest.toString('latin1')}`
}
