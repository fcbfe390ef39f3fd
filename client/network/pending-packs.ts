import type { Millis } from '../../infra/clock.ts'
import { Code, type CodeName, codeName } from '../../schemas/codes.ts'
import type { PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Count, PackId, Seq, SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'

/** Packs that wait for their outcome at the same time at most. */
export const PENDING_PACKS_MAX = 1_000
/** How long a live connection may leave a pack without an answer before it is sent again, in ms. */
export const ANSWER_MS_MAX = 30_000
/** How often a pack that was refused temporarily is sent again. */
export const TEMPORARY_REFUSALS_MAX = 8

/** How often a pack that had expired goes on under a new packId: once, unless the clocks are far apart. */
export const RENEWALS_MAX = 2

/** How long a pack waits by itself for what the server has said; where it would be longer its sender decides. */
export const RETRY_AFTER_MS_MAX = 60_000

/** What became of a pack, for good. `retry` says whether the same pack, or a new one, may be taken later. */
export type PackAnswer =
  | { kind: 'Accepted'; packId: PackId; sessionId: SessionId; seq: Seq; count: Count; at: Millis }
  | {
      kind: 'Refused'
      packId: PackId
      sessionId: SessionId
      code: number
      name: CodeName
      reason: string
      retry: 'never' | 'same' | 'new'
      /** In how many ms the same may be taken, where that is known. */
      retryAfterMs?: Millis
    }

export interface PendingPack {
  frame: PackFrame
  sessionId: SessionId
  /** Monotonic time of the last send; undefined while it was never sent. */
  sentAt: Millis | undefined
  /** How often it was refused temporarily. */
  refusals: number
  /** How often it went on under a new packId. */
  renewals: number
  settle(answer: PackAnswer): void
}

/** What was submitted and has no final answer yet, in the order of submission: that is the order of a resend. */
export class PendingPacks {
  private readonly packs = new Map<PackId, PendingPack>()

  get size(): number {
    return this.packs.size
  }

  add(pack: PendingPack): void {
    this.packs.set(pack.frame.packId, pack)
  }

  get(packId: PackId): PendingPack | undefined {
    return this.packs.get(packId)
  }

  /** Takes the pack out and tells its sender; false when it was answered before. */
  settle(packId: PackId, answer: PackAnswer): boolean {
    const pack = this.packs.get(packId)
    if (pack === undefined) return false
    this.packs.delete(packId)
    pack.settle(answer)
    return true
  }

  /** The pack goes on under another packId, as if it had never been sent. */
  renew(pack: PendingPack, frame: PackFrame): void {
    this.packs.delete(pack.frame.packId)
    pack.frame = frame
    pack.sentAt = undefined
    pack.renewals++
    this.packs.set(frame.packId, pack)
  }

  /** All of them, oldest first. */
  all(): PendingPack[] {
    return [...this.packs.values()]
  }

  /** Those that were sent before `sentBefore` (monotonic) and are still open. */
  overdue(sentBefore: Millis): PendingPack[] {
    return this.all().filter(pack => pack.sentAt !== undefined && pack.sentAt < sentBefore)
  }
}

/** The frame as it goes out: a second send says so, by the DUP flag where the frame has flags. */
export function frameToSend(pack: PendingPack): PackFrame {
  if (pack.sentAt === undefined || pack.frame.type !== 'send') return pack.frame
  return { ...pack.frame, flags: (pack.frame.flags ?? 0) | Flag.DUP }
}

export function acceptedAnswer(frame: Extract<ServerFrame, { type: 'ack' }>): PackAnswer {
  const { packId, sessionId, seq, count, at } = frame
  return { kind: 'Accepted', packId, sessionId, seq, count, at }
}

export function refusedAnswer(frame: Extract<ServerFrame, { type: 'refused' }>): PackAnswer {
  const { packId, sessionId, code, reason, retry, retryAfterMs } = frame
  const name = codeName(code) ?? 'UNKNOWN'
  return { kind: 'Refused', packId, sessionId, code, name, reason, retry, ...(retryAfterMs && { retryAfterMs }) }
}

/** A message that nobody keeps (flag ONLINE_ONLY): it is said now or not at all, and never again. */
export function isOnline({ frame }: Pick<PendingPack, 'frame'>): boolean {
  return frame.type === 'send' && ((frame.flags ?? 0) & Flag.ONLINE_ONLY) !== 0
}

export function notConnectedAnswer({ frame: { packId }, sessionId }: PendingPack): PackAnswer {
  const { number: code, text, retry } = Code.NOT_CONNECTED
  return { kind: 'Refused', packId, sessionId, code, name: 'NOT_CONNECTED', reason: text, retry }
}

/** What an earlier try of a pack led to, as it was looked up. */
export function lookedUpRefusal(frame: Extract<ServerFrame, { type: 'outcome' }>): PackAnswer {
  const { packId, sessionId, code } = frame
  const name = codeName(code) ?? 'UNKNOWN'
  return { kind: 'Refused', packId, sessionId, code, name, reason: Code[name].text, retry: Code[name].retry }
}

export function expiredAnswer({ frame: { packId }, sessionId }: PendingPack, reason: string): PackAnswer {
  const { number: code, retry } = Code.EXPIRED
  return { kind: 'Refused', packId, sessionId, code, name: 'EXPIRED', reason, retry }
}
