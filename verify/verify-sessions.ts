import type { HistoryInspector } from '../processors/history/inspect.ts'
import type { MembershipInspector } from '../processors/membership/inspect.ts'
import type { SessionId } from '../schemas/ids.ts'
import { compareHistory, type Kept } from './compare-history.ts'
import { compareGroup } from './compare-membership.ts'
import type { Difference, Differences } from './difference.ts'
import type { PartitionFold, SessionFold } from './fold.ts'
import { forAll, persist } from './pool.ts'

/**
 * Compares sessions of a partition in Redis, row by row, with its fold while the views move on.
 *
 * A row that differs may be newer than the fold. It is read again, then the fold goes on to what is the log's end now,
 * and the row must be as the fold was at one of the events in between: a view only shows what the log says. A row that
 * never fits, MOVE_TRIES_MAX times, is a difference.
 */

/** How often a session that moved is looked at again. */
export const MOVE_TRIES_MAX = 5
/** Rows that are asked for at the same time. */
export const READS_AT_ONCE = 256
/** A read that fails is tried this often: views switch generations. */
export const READ_TRIES_MAX = 5

export interface SessionChecks {
  history: HistoryInspector | undefined
  membership: MembershipInspector | undefined
  kept: Kept
}

/** Reads a row and gives the comparison of it with the fold as it is whenever that is called. */
type Check = () => Promise<() => Difference[]>

/** `goOn` takes the fold to the log's present end, calls back after each event, and says whether there was any. */
export async function checkSessions(
  fold: PartitionFold,
  sessions: Iterable<SessionFold>,
  checks: SessionChecks,
  context: { differences: Differences; goOn: (after: (sessionId: string) => void) => Promise<boolean> },
): Promise<void> {
  let pending: { sessionId: SessionId; check: Check; found: Difference[] }[] = []
  await forAll(sessions, READS_AT_ONCE, async session => {
    for (const check of checksOf(session, fold, checks)) {
      const found = (await check())()
      if (found.length > 0) pending.push({ sessionId: session.sessionId, check, found })
    }
  })
  for (let attempt = 0; attempt < MOVE_TRIES_MAX && pending.length > 0; attempt++) {
    const waiting = new Map<string, { compare: () => Difference[]; entry: (typeof pending)[number] }[]>()
    const settled = new Set<(typeof pending)[number]>()
    const look = (sessionId: string) => {
      for (const { compare, entry } of waiting.get(sessionId) ?? []) {
        if (settled.has(entry)) continue
        entry.found = compare()
        if (entry.found.length === 0) settled.add(entry)
      }
    }
    await forAll(pending, READS_AT_ONCE, async entry => {
      const compare = await entry.check()
      waiting.set(entry.sessionId, [...(waiting.get(entry.sessionId) ?? []), { compare, entry }])
    })
    for (const sessionId of waiting.keys()) look(sessionId)
    const hasMoved = await context.goOn(look)
    pending = pending.filter(entry => !settled.has(entry))
    if (!hasMoved) break
  }
  for (const { found } of pending) context.differences.addAll(found)
}

function checksOf(session: SessionFold, fold: PartitionFold, { history, membership, kept }: SessionChecks): Check[] {
  const { sessionId } = session
  const checks: Check[] = []
  if (history !== undefined) {
    checks.push(async () => {
      const row = await persist(() => history.session(sessionId), READ_TRIES_MAX)
      return () => compareHistory(session, row, { kept, newestAt: fold.newestAt })
    })
  }
  const isWholeGroup = sessionId.startsWith('g:') && session.firstSeq === 1
  if (membership !== undefined && isWholeGroup) {
    checks.push(async () => {
      const row = await persist(() => membership.group(sessionId), READ_TRIES_MAX)
      return () => compareGroup(session, row)
    })
  }
  return checks
}
