import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'

/**
 * Read and delivered marks of a session (DESIGN 5). A mark never lies above the session's last seq: what a client says
 * beyond it is clamped. Its count is the session's own at the head, and what the gateway found below; without that
 * finding the pack is refused for the moment. Whether a mark moves forward is no matter here: marks are max-registers
 * wherever they are kept.
 */

type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

export function markRead(desk: Desk, { seq }: BodyOf<'MarkRead'>): AcceptedBody | RefusedBody {
  const { head, pack, rules } = desk
  const fault = seqFault(desk, seq)
  if (fault !== undefined) return fault
  if (head!.memberCount > rules.receiptMembersMax) {
    return refused('LIMIT_REACHED', 'a group of this size has no receipts: the mark belongs to the user')
  }
  if (seq >= head!.lastSeq) return { kind: 'ReadMarked', seq: head!.lastSeq, count: head!.count }
  if (pack.stamp === null) return refused('VIEW_BEHIND', 'the count at this seq is not known yet')
  return { kind: 'ReadMarked', seq, count: Math.min(pack.stamp.count, head!.count) }
}

export function markDelivered(desk: Desk, { seq }: BodyOf<'MarkDelivered'>): AcceptedBody | RefusedBody {
  const fault = seqFault(desk, seq)
  return fault ?? { kind: 'DeliveredMarked', seq: Math.min(seq, desk.head!.lastSeq) }
}

function seqFault({ head }: Desk, seq: number): RefusedBody | undefined {
  if (!Number.isSafeInteger(seq) || seq < 1) return refused('PARAM', 'the seq is below 1')
  if (head === undefined || head.lastSeq === 0) return refused('PARAM', 'there is nothing in this session yet')
  return undefined
}
