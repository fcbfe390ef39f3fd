import type { Position } from '../../topics/valid-events.ts'
import { type LogTime, PACK_ID_AHEAD_MS_LIMIT, type TimeMark } from './session.ts'

/**
 * From where im.events has to be read again to know every pack that is still remembered: a few positions with their
 * times, about a thirty-second of that span apart. A remembered pack's event has a time of at least
 * horizon - PACK_ID_AHEAD_MS_LIMIT, for its packId lay at most that far ahead of the log.
 */

const MARKS_PER_SPAN = 32
/** Follows from MARKS_PER_SPAN, one mark before the span, and marks that a longer window left behind. */
export const TIME_MARKS_MAX = 2 * MARKS_PER_SPAN + 2

/** The marks after an event at `position`; the same array where nothing changes. */
export function advanceMarks(marks: readonly TimeMark[], time: LogTime, position: Position): readonly TimeMark[] {
  const span = time.rules.dedupeWindowMs + PACK_ID_AHEAD_MS_LIMIT
  const last = marks.at(-1)
  if (last !== undefined && time.at < last.at + span / MARKS_PER_SPAN) return marks
  return trim([...marks, { at: time.at, position }], time.horizon - PACK_ID_AHEAD_MS_LIMIT)
}

/** Drops marks that a later one makes needless: the last one older than `needed` stays the first. */
function trim(marks: readonly TimeMark[], needed: number): readonly TimeMark[] {
  let first = 0
  while (first + 1 < marks.length && marks[first + 1]!.at < needed) first++
  const kept = marks.slice(first)
  // Too many of them: every second one will do, the first always.
  return kept.length <= TIME_MARKS_MAX ? kept : kept.filter((_, index) => index === 0 || index % 2 === 1)
}

/** The position after which every remembered pack's event lies. */
export function recentFrom(marks: readonly TimeMark[]): Position {
  return marks[0]!.position
}
