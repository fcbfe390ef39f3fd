import type { Seq } from '../../schemas/ids.ts'
import type { MembershipInterval } from './membership-store.ts'

/**
 * The stays of a user in a group as text: `+1-5+9` came in at 1, left at 5, came in at 9. A set of facts, sorted by
 * seq: adding one twice or late gives the same text. apply-group.lua writes the same. Pure.
 */

/** Adds coming in (join) or leaving at a seq. */
export function addBoundary(stays: string, kind: 'join' | 'leave', seq: Seq): string {
  const boundaries = parse(stays)
  if (boundaries.some(boundary => boundary.seq === seq)) return stays
  boundaries.push({ join: kind === 'join', seq })
  boundaries.sort((a, b) => a.seq - b.seq)
  return boundaries.map(({ join, seq }) => `${join ? '+' : '-'}${seq}`).join('')
}

function parse(stays: string): { join: boolean; seq: Seq }[] {
  return [...stays.matchAll(/([+-])(\d+)/g)].map(match => ({ join: match[1] === '+', seq: Number(match[2]) }))
}

/**
 * The stays, oldest first. `dismissedSeq` (0: not) ends the last one. A leave without a join, from a log that has lost
 * its beginning, says nothing.
 */
export function intervalsOf(stays: string, dismissedSeq: Seq): MembershipInterval[] {
  const intervals: MembershipInterval[] = []
  let open: MembershipInterval | undefined
  for (const { join, seq } of parse(stays)) {
    if (join && open === undefined) {
      open = { joinSeq: seq }
      intervals.push(open)
    } else if (!join && open !== undefined) {
      open.leaveSeq = seq
      open = undefined
    }
  }
  if (open !== undefined && dismissedSeq > 0) open.leaveSeq = dismissedSeq
  return intervals
}

/** Seq at which the present stay began; undefined where the user is out. A dismissal is not looked at. */
export function presentSince(stays: string): Seq | undefined {
  const last = intervalsOf(stays, 0).at(-1)
  return last?.leaveSeq === undefined ? last?.joinSeq : undefined
}
