import type { RefusedBody } from '../../schemas/event.ts'
import { type MemberDesk, settingsOf } from './group-desk.ts'
import { refused } from './outcome.ts'

/**
 * Who may speak in a group now (SQ33). A mute is for good until it ends: a pack refused MUTED stays refused, and what
 * is said afterwards is a new pack. Slow mode only makes wait: the same pack may come again.
 */

/** Why the sender may not send now; undefined where they may. */
export function talkFault(desk: MemberDesk): RefusedBody | undefined {
  return muteFault(desk) ?? slowFault(desk)
}

/** Why the sender may say nothing, be it a message, a change of one or a reaction. */
export function muteFault(desk: MemberDesk): RefusedBody | undefined {
  const { mutedAll } = settingsOf(desk.head)
  if (mutedAll && desk.role === 'member') return refused('MUTED', 'only owner and admins speak in this group')
  const { mutedUntil } = desk.member
  if (desk.role === 'owner' || mutedUntil <= desk.at) return undefined
  return refused('MUTED', `muted until ${mutedUntil}`, mutedUntil)
}

function slowFault(desk: MemberDesk): RefusedBody | undefined {
  const { slowModeMs } = settingsOf(desk.head)
  if (slowModeMs === 0 || desk.role !== 'member') return undefined
  const { lastSentAt } = desk.member
  const nextAt = lastSentAt + slowModeMs
  if (lastSentAt === 0 || desk.at >= nextAt) return undefined
  return refused('SLOW_MODE', `the next message from ${nextAt} on`, nextAt)
}
