import type { MembershipGroupRow } from '../processors/membership/inspect.ts'
import type { GroupMember } from '../processors/membership/membership-store.ts'
import type { Seq, UserId } from '../schemas/ids.ts'
import { isSame } from './compare-history.ts'
import { type Difference, NOTHING, show } from './difference.ts'
import type { SessionFold, Stay } from './fold.ts'
import type { GroupFold } from './fold-group.ts'

/** What differs between a group of the membership view and the log. Pure. */
export function compareGroup(fold: SessionFold, row: MembershipGroupRow | undefined): Difference[] {
  const differences: Difference[] = []
  const say = (what: string, expected: unknown, found: unknown, more: Partial<Difference> = {}) =>
    differences.push({
      view: 'membership',
      sessionId: fold.sessionId,
      what,
      expected: show(expected),
      found: show(found),
      ...more,
    })
  if (row === undefined) {
    say('group', `created at seq ${fold.createdSeq}`, NOTHING, { seq: fold.createdSeq || fold.firstSeq })
    return differences
  }
  const { owner, info, settings } = fold.group
  const head = { createdSeq: fold.createdSeq, dismissedSeq: fold.dismissedSeq, owner, info, settings }
  const found = { createdSeq: row.createdSeq, dismissedSeq: row.dismissedSeq, owner: row.owner, info: row.info }
  if (!isSame(head, { ...found, settings: row.settings })) {
    say('group', head, { ...found, settings: row.settings }, { seq: Math.max(fold.createdSeq, fold.dismissedSeq) })
  }
  const { requests, invites } = fold.group
  const waiting = [...requests].map(([userId, request]) => ({ userId, ...request })).sort(byId('userId'))
  if (!isSame(waiting, row.requests)) say('requests to join', waiting, row.requests)
  const open = [...invites].map(([inviteId, invite]) => ({ inviteId, ...invite })).sort(byId('inviteId'))
  if (!isSame(open, row.invites)) say('invites', open, row.invites)
  compareMembers(fold, row, say)
  compareStays(fold, row, say)
  return differences
}

type Say = (what: string, expected: unknown, found: unknown, more?: Partial<Difference>) => void

function compareMembers(fold: SessionFold, row: MembershipGroupRow, say: Say): void {
  const found = new Map(row.members.map(({ userId, ...member }) => [userId, member]))
  const present = fold.dismissedSeq > 0 ? [] : fold.members()
  for (const [userId, { joinSeq }] of present) {
    const expected = memberIn(fold.group, userId, joinSeq)
    if (!isSame(expected, found.get(userId))) say('member', expected, found.get(userId), { userId, seq: joinSeq })
    found.delete(userId)
  }
  for (const [userId, member] of found) say('member', NOTHING, member, { userId, seq: member.joinSeq })
}

function memberIn(group: GroupFold, userId: UserId, joinSeq: Seq): Omit<GroupMember, 'userId'> {
  const member: Omit<GroupMember, 'userId'> = { role: group.roleOf(userId), joinSeq }
  const [alias, until] = [group.aliases.get(userId) ?? '', group.mutes.get(userId) ?? 0]
  if (alias !== '') member.alias = alias
  if (until > 0) member.mutedUntil = until
  return member
}

function byId<Key extends string>(key: Key): (one: Record<Key, string>, other: Record<Key, string>) => number {
  return (one, other) => (one[key] < other[key] ? -1 : 1)
}

function compareStays(fold: SessionFold, row: MembershipGroupRow, say: Say): void {
  const found = new Map<UserId, Stay[]>(row.stays.map(({ userId, intervals }) => [userId, intervals]))
  for (const [userId, { stays }] of fold.people) {
    const expected = stays.map(stay => withDismissal(stay, fold.dismissedSeq))
    const intervals = found.get(userId) ?? []
    if (!isSame(expected, intervals))
      say('stays', expected, intervals, { userId, seq: firstSeqOf(expected, intervals) })
    found.delete(userId)
  }
  for (const [userId, intervals] of found) {
    if (intervals.length > 0) say('stays', NOTHING, intervals, { userId, seq: firstSeqOf([], intervals) })
  }
}

/** A dismissal ends the stays that last. */
function withDismissal({ joinSeq, leaveSeq }: Stay, dismissedSeq: Seq): Stay {
  const end = leaveSeq ?? (dismissedSeq > 0 ? dismissedSeq : undefined)
  return end === undefined ? { joinSeq } : { joinSeq, leaveSeq: end }
}

/** Seq of the first event about which the two differ. */
function firstSeqOf(expected: readonly Stay[], found: readonly Stay[]): Seq {
  const seqs = (stays: readonly Stay[]) => stays.flatMap(({ joinSeq, leaveSeq }) => [joinSeq, leaveSeq ?? 0])
  const [one, other] = [seqs(expected), seqs(found)]
  const index = one.findIndex((seq, at) => seq !== other[at])
  if (index >= 0) return one[index] || (other[index] ?? 0)
  return other[one.length] ?? 0
}
