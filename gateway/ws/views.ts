import type { Clock, Millis } from '../../infra/clock.ts'
import type { HistoryReader, KeptOfSession } from '../../processors/history/history-store.ts'
import type { MembershipReader, StoredGroup } from '../../processors/membership/membership-store.ts'

import type { CodeName } from '../../schemas/codes.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import {
  GROUPS_ASKED_AT_ONCE,
  HISTORY_POLL_MS,
  MEMBERSHIP_WAIT_MS,
  QUESTION_MS_MAX,
  RESUME_MS_MAX,
  VIEW_ATTEMPTS_MAX,
  VIEW_RETRY_MS,
} from '../limits.ts'
import { usersOf } from './audience.ts'
import { Deadline, TooLate } from './deadline.ts'
import type { MembershipIndex, Positions, Stay } from './membership-index.ts'
import type { LogEnds, Progress } from './progress.ts'

/**
 * How the gateway asks the views. A view may be down, slow, behind, or have been emptied: what it says counts only
 * together with a position that it has reached, and everything that fails here becomes a temporary code.
 */

/** A question cannot be answered; the client is told the code. */
export class QuestionFailed extends Error {
  override readonly name = 'QuestionFailed'
  readonly code: CodeName
  /** When the same question may be asked again, in ms from now, where that is known. */
  readonly retryAfterMs: Millis | undefined
  constructor(code: CodeName, reason: string, cause?: unknown, retryAfterMs?: Millis) {
    super(reason, { cause })
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** Seqs of a session that somebody may see; toSeq is Infinity while that goes on. */
export interface Range {
  fromSeq: Seq
  toSeq: Seq
}

export interface ViewsOptions {
  history: HistoryReader
  membership: MembershipReader
  index: MembershipIndex
  progress: Progress
  ends: LogEnds
  clock: Clock
}

const EVERYTHING: readonly Range[] = [{ fromSeq: 1, toSeq: Number.POSITIVE_INFINITY }]
const NOTHING: readonly Range[] = []

export class Views {
  private readonly options: ViewsOptions

  constructor(options: ViewsOptions) {
    this.options = options
  }

  /** Asks a view, a few times where it fails. Throws QuestionFailed with `code` when it keeps failing or is silent. */
  async ask<T>(code: CodeName, question: () => Promise<T>): Promise<T> {
    const { clock } = this.options
    const deadline = new Deadline(clock, QUESTION_MS_MAX)
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await deadline.race(question())
        } catch (error) {
          if (error instanceof TooLate || attempt >= VIEW_ATTEMPTS_MAX) {
            throw new QuestionFailed(code, 'the view does not answer', error)
          }
          await clock.sleep(VIEW_RETRY_MS, deadline.signal)
        }
      }
    } finally {
      deadline.end()
    }
  }

  /** Asks the membership view; what it says when it was emptied meanwhile does not count. */
  async askMembership<T>(question: () => Promise<T>): Promise<T> {
    const view = this.options.index.viewPositions
    const answer = await this.ask('REDIS_ERROR', question)
    await this.confirmMembership(view)
    return answer
  }

  /**
   * Waits until this gateway has read up to the ends that im.events has now, and the history view too. Gives the
   * offset that history has reached at least, per partition asked for. Throws QuestionFailed VIEW_BEHIND.
   */
  async caughtUp(partitions: Iterable<Partition>): Promise<Positions> {
    const { clock, progress } = this.options
    const deadline = new Deadline(clock, RESUME_MS_MAX)
    try {
      const wanted = new Set(partitions)
      await this.gatewayReached(wanted, deadline)
      const offsets = new Map([...wanted].map(partition => [partition, progress.position(partition).offset]))
      const filling = await this.historyFilling()
      await Promise.all([...offsets].map(([partition, offset]) => this.historyReached(partition, offset, deadline)))
      return new Reached(offsets, filling)
    } finally {
      deadline.end()
    }
  }

  /** The same for all partitions: what is told of all sessions of a user depends on each. */
  everythingCaughtUp(): Promise<Positions> {
    return this.caughtUp(this.options.progress.partitions)
  }

  /** Waits until this gateway has read what im.events holds now, so that it knows every change of membership in it. */
  async gatewayCaughtUp(partitions: Iterable<Partition>): Promise<void> {
    const deadline = new Deadline(this.options.clock, RESUME_MS_MAX)
    try {
      await this.gatewayReached(new Set(partitions), deadline)
    } finally {
      deadline.end()
    }
  }

  private async gatewayReached(partitions: ReadonlySet<Partition>, deadline: Deadline): Promise<void> {
    const { ends, progress } = this.options
    const all = await deadline.race(ends.read()).catch(error => {
      throw new QuestionFailed('SERVICE_UNAVAILABLE', 'the log does not answer', error)
    })
    const wanted = new Map([...all].filter(([partition]) => partitions.has(partition)))
    if (!(await progress.reachedAll(wanted, deadline.signal))) {
      throw new QuestionFailed('VIEW_BEHIND', 'this gateway is behind the log')
    }
  }

  private async historyReached(partition: Partition, offset: Offset, deadline: Deadline): Promise<void> {
    const { history, clock } = this.options
    // Nothing was written to the partition yet.
    if (offset < 0) return
    while (!deadline.signal.aborted) {
      const position = await this.ask('HISTORY_ERROR', () => history.position(partition))
      if (position !== undefined && position.offset >= offset) return
      await clock.sleep(HISTORY_POLL_MS, deadline.signal)
    }
    throw new QuestionFailed('VIEW_BEHIND', 'history is behind the log')
  }

  /**
   * Throws VIEW_BEHIND when history is no longer where it was: an emptied store must not be taken for a session
   * without events.
   */
  async confirmHistory(partition: Partition, reached: Positions): Promise<void> {
    const offset = reached.get(partition) ?? -1
    if (offset < 0) return
    const position = await this.ask('HISTORY_ERROR', () => this.options.history.position(partition))
    const isThere = (position?.offset ?? -1) >= offset
    if (!isThere || !isOf(reached, await this.historyFilling())) {
      throw new QuestionFailed('VIEW_BEHIND', 'history is being rebuilt')
    }
  }

  private historyFilling(): Promise<string | undefined> {
    return this.ask('HISTORY_ERROR', () => this.options.history.filling())
  }

  /** What a user keeps of sessions, in the order asked, as history has it. */
  kept(userId: UserId, sessionIds: readonly SessionId[]): Promise<KeptOfSession[]> {
    return this.ask('HISTORY_ERROR', () => this.options.history.kept({ userId, sessionIds }))
  }

  /**
   * Asks the membership view as soon as it has taken in what this gateway has read, of these partitions or of all. What
   * an emptied store says counts for nothing.
   */
  async askCaughtUp<T>(partitions: readonly Partition[] | 'all', question: () => Promise<T>): Promise<T> {
    const reached = await this.membershipReached(partitions)
    const answer = await this.ask('REDIS_ERROR', question)
    await this.confirmMembership(reached)
    return answer
  }

  private async membershipReached(partitions: readonly Partition[] | 'all'): Promise<Positions> {
    const { clock, progress } = this.options
    const wanted = partitions === 'all' ? [...progress.partitions] : partitions
    const offsets = new Map(wanted.map(partition => [partition, progress.position(partition).offset]))
    const deadline = new Deadline(clock, RESUME_MS_MAX)
    try {
      for (;;) {
        const now = await this.ask('REDIS_ERROR', () => this.membershipPositions())
        if (wanted.every(partition => (now.get(partition) ?? -1) >= offsets.get(partition)!)) return now
        if (deadline.signal.aborted) throw new QuestionFailed('VIEW_BEHIND', 'the membership view is behind')
        await clock.sleep(MEMBERSHIP_WAIT_MS, deadline.signal)
      }
    } finally {
      deadline.end()
    }
  }

  /** The membership view's positions, as offsets. */
  async membershipPositions(): Promise<Reached> {
    const { membership } = this.options
    const filling = await membership.filling()
    const positions = await membership.positions()
    const offsets = [...positions].map(([partition, { offset }]) => [partition, offset] as const)
    return new Reached(offsets, filling)
  }

  /**
   * The seqs of a session that the user may see, as far as this gateway has read im.events; empty when there are
   * none. Throws QuestionFailed when that cannot be said now.
   */
  async ranges(userId: UserId, sessionId: SessionId): Promise<readonly Range[]> {
    return (await this.rangesOfAll(userId, [sessionId])).get(sessionId)!
  }

  /** The same for many sessions. */
  async rangesOfAll(
    userId: UserId,
    sessionIds: readonly SessionId[],
  ): Promise<ReadonlyMap<SessionId, readonly Range[]>> {
    const groups = sessionIds.filter(sessionId => sessionId.startsWith('g:'))
    const ranges = new Map<SessionId, readonly Range[]>()
    for (const sessionId of sessionIds) {
      ranges.set(sessionId, usersOf(sessionId).includes(userId) ? EVERYTHING : NOTHING)
    }
    for (let at = 0; at < groups.length; at += GROUPS_ASKED_AT_ONCE) {
      const asked = groups.slice(at, at + GROUPS_ASKED_AT_ONCE)
      for (const [sessionId, shown] of await this.groupRanges(userId, asked)) ranges.set(sessionId, shown)
    }
    return ranges
  }

  private async groupRanges(
    userId: UserId,
    sessionIds: readonly SessionId[],
  ): Promise<[SessionId, readonly Range[]][]> {
    const { index, membership } = this.options
    // Read before the data, see membership-index.ts: what was polled last is a lower bound of that.
    const view = index.viewPositions
    const found = await this.ask('REDIS_ERROR', () =>
      Promise.all(
        sessionIds.map(sessionId =>
          Promise.all([membership.intervals({ sessionId, userId }), membership.groupFor({ sessionId, userId })]),
        ),
      ),
    )
    await this.confirmMembership(view)
    return sessionIds.map((sessionId, i) => {
      const [stored, group] = found[i]!
      const stays = index.stays(userId, sessionId, view, stored)
      if (stays === undefined) throw new QuestionFailed('VIEW_BEHIND', 'the membership view is behind')
      return [sessionId, rangesShown(stays, group)]
    })
  }

  /**
   * Throws VIEW_BEHIND when the membership view has gone back since it was at `view`: an emptied store must not be
   * taken for users without groups.
   */
  async confirmMembership(view: Positions): Promise<void> {
    const now = await this.ask('REDIS_ERROR', () => this.membershipPositions())
    if (!isStill(view, now)) throw new QuestionFailed('VIEW_BEHIND', 'the membership view is being rebuilt')
  }
}

/** Everybody may read a public group that lives; a group may show its members what was before they came. */
function rangesShown(stays: readonly Stay[], group: StoredGroup | undefined): readonly Range[] {
  const { settings, dismissedSeq = 0 } = group ?? {}
  if (settings?.isPublic === true && dismissedSeq === 0) return EVERYTHING
  const last = stays.at(-1)
  if (settings?.historyShown !== 'all' || last === undefined) return stays.map(rangeOf)
  return [{ fromSeq: 1, toSeq: last.leaveSeq ?? Number.POSITIVE_INFINITY }]
}

/**
 * What a view had reached, and which filling of its store that was. A store that was emptied and has been filled again
 * is as far as before, while what was read of it in between says nothing.
 */
export class Reached extends Map<Partition, Offset> {
  readonly filling: string | undefined

  constructor(offsets: Iterable<readonly [Partition, Offset]>, filling: string | undefined) {
    super(offsets)
    this.filling = filling
  }
}

function isOf(reached: Positions, filling: string | undefined): boolean {
  return !(reached instanceof Reached) || reached.filling === filling
}

/** True where everything that was read of a view since it was at `before` counts; `now` was read after it. */
export function isStill(before: Positions, now: Reached): boolean {
  for (const [partition, offset] of before) if ((now.get(partition) ?? -1) < offset) return false
  return isOf(before, now.filling)
}

function rangeOf({ joinSeq, leaveSeq }: Stay): Range {
  return { fromSeq: joinSeq, toSeq: leaveSeq ?? Number.POSITIVE_INFINITY }
}
