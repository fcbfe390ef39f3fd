import type { Millis } from '../../infra/clock.ts'
import type { SessionId } from '../../schemas/ids.ts'

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
