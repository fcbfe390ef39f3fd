import type { Millis } from '../../infra/clock.ts'
import type { MessageRef, Target } from '../../schemas/content.ts'
import type { RefusedBody } from '../../schemas/event.ts'
import { isPackId, isUserId, packIdTime, type Seq, type UserId } from '../../schemas/ids.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'
import { type Amended, amendedKey, memberKey, recentKey } from './session.ts'

/**
 * Finds the message that a pack names (SQ42). What the sequencer remembers of the pack that made the message goes
 * before what the gateway stamped; both are facts that never change. Where it remembers nothing and there is no stamp,
 * "no such message" is said only of what it would remember: a packId within the window whose sender is named.
 * Otherwise nobody can know here, and the sender is told to try again (VIEW_BEHIND).
 */

export interface FoundTarget {
  kind: 'Found'
  ref: MessageRef
  /** What became of it; undefined: nothing. */
  amended: Amended['change'] | undefined
  /** How often its content was changed. */
  version: number
}

interface Finding {
  /** What the gateway looked up. */
  stamped: { from: UserId; at: Millis; counted: boolean } | null
  /** In a group, only messages that the sender may see. */
  onlySeen?: boolean
}

export function findTarget(
  desk: Desk,
  target: Target,
  { stamped, onlySeen = false }: Finding,
): FoundTarget | RefusedBody {
  if (!isPackId(target.packId) || !Number.isSafeInteger(target.seq) || target.seq < 1) {
    return refused('PARAM', 'the target has no seq or no packId')
  }
  if (target.from !== undefined && !isUserId(target.from))
    return refused('PARAM', 'the sender of the target is not valid')
  if (target.seq > (desk.head?.lastSeq ?? 0)) return notThere()
  const ref =
    remembered(desk, target, stamped?.from) ?? (stamped === null ? unknown(desk, target) : stampedRef(target, stamped))
  if ('kind' in ref) return ref
  if (onlySeen && !isSeen(desk, target.seq)) return notThere()
  if (isErased(desk, ref)) return notThere()
  const amended = desk.view.get('amended', amendedKey(desk.pack.sessionId, target.seq))
  return { kind: 'Found', ref, amended: amended?.change, version: amended?.version ?? 0 }
}

function notThere(): RefusedBody {
  return refused('MSG_NOT_EXIST', 'there is no such message in this session')
}

/** What the sequencer knows itself; undefined where it remembers no such pack. */
function remembered(
  { view, pack, horizon }: Desk,
  { seq, packId, from }: Target,
  stampedFrom: UserId | undefined,
): MessageRef | RefusedBody | undefined {
  const sender = from ?? stampedFrom ?? pack.from
  const row = view.get('recents', recentKey(pack.sessionId, sender, packId))
  // A row may outlive its time until the store forgets it; only the horizon decides (SQ8).
  if (row === undefined || Math.max(row.at, packIdTime(packId)) < horizon) return undefined
  if (row.code !== 0 || row.message === 'no' || row.seq !== seq) return notThere()
  return { seq, packId, from: sender, at: row.at, counted: row.message === 'counted' }
}

function stampedRef({ seq, packId, from }: Target, stamped: NonNullable<Finding['stamped']>): MessageRef | RefusedBody {
  if (from !== undefined && from !== stamped.from) return notThere()
  return { seq, packId, from: stamped.from, at: stamped.at, counted: stamped.counted }
}

function unknown({ horizon }: Desk, { packId, from }: Target): RefusedBody {
  if (from !== undefined && packIdTime(packId) >= horizon) return notThere()
  return refused('VIEW_BEHIND', 'the message is not known here yet')
}

/** True for what its sender said before they were erased here. */
function isErased({ view, pack }: Desk, { seq, from }: MessageRef): boolean {
  const erasure = view.get('erasures', memberKey(pack.sessionId, from))
  return erasure !== undefined && seq < erasure.seq
}

/** True where the seq lies in a stay of the sender, or the group shows all. */
function isSeen({ view, head, pack }: Desk, seq: Seq): boolean {
  const { historyShown, isPublic } = head?.settings ?? GROUP_SETTINGS_DEFAULT
  if (!pack.sessionId.startsWith('g:') || historyShown === 'all' || isPublic) return true
  const member = view.get('members', memberKey(pack.sessionId, pack.from))
  return member?.intervals.some(stay => stay.joinSeq <= seq && (stay.leaveSeq === 0 || seq <= stay.leaveSeq)) ?? false
}
