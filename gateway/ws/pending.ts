import type { Millis } from '../../infra/clock.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { PENDING_MS_MAX } from '../limits.ts'
import { type Aged, AgeList } from './age-list.ts'
import type { Asker } from './asker.ts'
import { BriefMap } from './brief-map.ts'

/**
 * Sends that wait for their outcome. A pack is known by session, sender, packId and digest: the same pack sent again
 * joins, the same packId with other content is a pack of its own and gets its own answer (PACK_CONFLICT).
 *
 * An accepted outcome and a repeat answer whoever waits for that pack, whichever gateway appended it. A refusal
 * answers only where this gateway appended: a temporary one of another gateway's append says nothing about ours.
 */

export interface PendingPack extends Aged<PendingPack> {
  readonly sessionId: SessionId
  readonly packId: PackId
  readonly from: UserId
  readonly digest: Buffer
  /** The digest's first bytes: many packs under one packId are passed quickly. */
  readonly digestStart: number
  /** Monotonic. */
  readonly startedAt: Millis
  readonly waiters: Asker[]
  /** Packs of a connection that this one has overtaken: they get its answer. */
  overtaken: { connection: Asker; packId: PackId }[]
  /** Looks at a final refusal first; true: the pack goes another way, and is answered there. */
  onRefused: ((code: number, waiters: readonly Asker[]) => boolean) | undefined
  /** False once it is answered: a record that was not appended yet is then left out. */
  isOpen: boolean
  /** Another one with this packId: of another session or sender, or with other content. */
  next: PendingPack | undefined
}

type PackName = Pick<PendingPack, 'sessionId' | 'packId' | 'from' | 'digest'>

export class PendingPacks {
  private readonly byPackId = new BriefMap<PackId, PendingPack>()
  /** How many wait in a session. */
  private readonly bySession = new BriefMap<SessionId, number>()
  /** In the order of their start, which is the order in which they run out of time. */
  private readonly byAge = new AgeList<PendingPack>()
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

  /** True when some pack of this packId waits here. */
  hasPackId(packId: PackId): boolean {
    return this.byPackId.has(packId)
  }

  /** True when this user's pack waits here, whatever its content. */
  hasPack(sessionId: SessionId, packId: PackId, from: UserId): boolean {
    for (let pending = this.byPackId.get(packId); pending !== undefined; pending = pending.next) {
      if (pending.sessionId === sessionId && pending.from === from) return true
    }
    return false
  }

  /** How long the oldest has waited; 0 when none does. */
  oldestAge(now: Millis): Millis {
    const { oldest } = this.byAge
    return oldest === undefined ? 0 : now - oldest.startedAt
  }

  /** Joins the connection to the same pack that waits already; undefined when there is none. */
  join(pack: Pack, connection: Asker): PendingPack | undefined {
    const pending = this.find(pack)
    if (pending !== undefined && !pending.waiters.includes(connection)) {
      pending.waiters.push(connection)
      connection.pendingPacks++
    }
    return pending
  }

  add(pack: Pack, connection: Asker, now: Millis): PendingPack {
    const { sessionId, packId, from, digest } = pack
    const next = this.byPackId.get(packId)
    const pending: PendingPack = {
      sessionId,
      packId,
      from,
      digest,
      digestStart: digest.readUInt32LE(0),
      startedAt: now,
      waiters: [connection],
      overtaken: [],
      onRefused: undefined,
      isOpen: true,
      next,
      older: undefined,
      newer: undefined,
    }
    this.byPackId.set(packId, pending)
    this.bySession.set(sessionId, (this.bySession.get(sessionId) ?? 0) + 1)
    this.byAge.add(pending)
    connection.pendingPacks++
    return pending
  }

  /** The pack that this outcome answers, taken out; undefined when nobody waits for it. */
  settle(event: Event): PendingPack | undefined {
    const pending = this.find(event)
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
    this.byAge.remove(pending)
    this.unlink(pending)
    const left = this.bySession.get(pending.sessionId)! - 1
    if (left === 0) this.bySession.delete(pending.sessionId)
    else this.bySession.set(pending.sessionId, left)
    for (const connection of pending.waiters) connection.pendingPacks--
  }

  /** Takes out every pack that has waited PENDING_MS_MAX. */
  expire(now: Millis): PendingPack[] {
    const expired: PendingPack[] = []
    for (;;) {
      const { oldest } = this.byAge
      if (oldest === undefined || now - oldest.startedAt < PENDING_MS_MAX) return expired
      expired.push(oldest)
      this.remove(oldest)
    }
  }

  private find({ sessionId, packId, from, digest }: PackName): PendingPack | undefined {
    let pending = this.byPackId.get(packId)
    if (pending === undefined) return undefined
    const start = digest.readUInt32LE(0)
    for (; pending !== undefined; pending = pending.next) {
      const isIt = pending.digestStart === start && pending.sessionId === sessionId && pending.from === from
      if (isIt && pending.digest.equals(digest)) return pending
    }
    return undefined
  }

  private unlink(pending: PendingPack): void {
    const first = this.byPackId.get(pending.packId)!
    if (first !== pending) {
      let before = first
      while (before.next !== pending) before = before.next!
      before.next = pending.next
    } else if (pending.next === undefined) {
      this.byPackId.delete(pending.packId)
    } else {
      this.byPackId.set(pending.packId, pending.next)
    }
    pending.next = undefined
  }
}
