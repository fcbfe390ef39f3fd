import type { Millis } from '../../infra/clock.ts'
import { type SessionId, type UserId, userSessionId } from '../../schemas/ids.ts'
import { HISTORY_DEFAULTS, type ListTimes } from './history-store.ts'

/** The order of a user's session list and the cursors into it. Pure. */

export interface HotEntry {
  sessionId: SessionId
  /** Time of the last event that the user may see. */
  at: Millis
}

/** Newest first; sessions of the same millisecond by id, so that the order is total and a cursor exact. */
export function newestFirst(one: HotEntry, other: HotEntry): number {
  if (one.at !== other.at) return other.at - one.at
  if (one.sessionId === other.sessionId) return 0
  return one.sessionId < other.sessionId ? 1 : -1
}

/** `<at>/<sessionId>` of the last session of a page. */
export function cursorOf({ at, sessionId }: HotEntry): string {
  return `${at}/${sessionId}`
}

/** undefined for no cursor and for one that is not ours: the list then begins at its top. */
export function parseCursor(cursor: string | undefined): HotEntry | undefined {
  const match = /^(\d{1,16})\/(.+)$/.exec(cursor ?? '')
  return match ? { at: Number(match[1]), sessionId: match[2] as SessionId } : undefined
}

/** True for entries that come after the cursor in the list. */
export function beforeCursor(entry: HotEntry, cursor: HotEntry | undefined): boolean {
  return cursor === undefined || newestFirst(entry, cursor) > 0
}

/**
 * Whether a session may look otherwise to the user than at an earlier question. `time` is the minute of its last event;
 * `changed` holds the minutes of what was said of it besides, `s` in the session itself and `u` in the user's own.
 * Minutes are compared within one partition only, and the earlier one counts as well: it was not over.
 */
export function wantedSince(
  userId: UserId,
  changed: readonly (readonly [member: string, time: string | number])[],
  since: ListTimes | undefined,
): (sessionId: SessionId, time: Millis) => boolean {
  if (since === undefined) return () => true
  const { times, partitionOf } = since
  // A full list of changes has forgotten some: where those may be of later than then, nothing is left out.
  const oldest = Math.min(...changed.map(([, time]) => Number(time)))
  const isCut = changed.length >= HISTORY_DEFAULTS.changedMax
  if (isCut && oldest >= Math.min(...times.values())) return () => true
  const isSince = (sessionId: SessionId, time: Millis) => time >= (times.get(partitionOf(sessionId)) ?? 0)
  const otherwise = new Set<string>()
  for (const [member, time] of changed) {
    const sessionId = member.slice(1) as SessionId
    const saidIn = member.startsWith('u') ? userSessionId(userId) : sessionId
    if (isSince(saidIn, Number(time))) otherwise.add(sessionId)
  }
  return (sessionId, time) => otherwise.has(sessionId) || isSince(sessionId, time)
}
