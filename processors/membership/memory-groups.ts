import { unreachable } from '../../infra/assert.ts'
import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupFact } from './group-facts.ts'
import type { GroupEntry, GroupWrites } from './project.ts'
import { addBoundary, presentSince } from './stays.ts'
import { inviteText, later, type MemberTexts, parseInvite, versionOf } from './versioned.ts'

/** What the memory store keeps of groups and of users' lists: the same texts as in Redis (redis-membership-keys.ts). */

export interface GroupRows {
  head: Map<'owner' | 'info' | 'settings', string>
  createdSeq: Seq
  dismissedSeq: Seq
  changedOffset: Offset
  /** Log time of the newest invite. */
  invitedAt: Millis
  stays: Map<UserId, string>
  roles: Map<UserId, string>
  aliases: Map<UserId, string>
  mutes: Map<UserId, string>
  /** Seq of the last change to each user. */
  changes: Map<UserId, Seq>
  /** The highest of them. */
  changedSeq: Seq
  /** `offset at message`. */
  requests: Map<UserId, string>
  invites: Map<string, string>
  /** Offsets of the uses of those invites. */
  uses: Map<string, Set<Offset>>
  /** Of the last request of a user that was ended. */
  endedRequests: Map<UserId, Offset>
  /** The time until which an invite would have held. */
  endedInvites: Map<string, Millis>
}

/** Of one user and one group. */
export interface ListRows {
  /** `seq/joinSeq`. */
  stay?: string
  role?: string
  touched: { partition: Partition; offset: Offset }
}

export function emptyGroup(): GroupRows {
  return {
    head: new Map(),
    createdSeq: 0,
    dismissedSeq: 0,
    changedOffset: -1,
    invitedAt: 0,
    stays: new Map(),
    roles: new Map(),
    aliases: new Map(),
    mutes: new Map(),
    changes: new Map(),
    changedSeq: 0,
    requests: new Map(),
    invites: new Map(),
    uses: new Map(),
    endedRequests: new Map(),
    endedInvites: new Map(),
  }
}

export function applyGroup(group: GroupRows, { facts, changedOffset = -1 }: GroupWrites): void {
  for (const fact of facts) applyFact(group, fact)
  group.changedOffset = Math.max(group.changedOffset, changedOffset)
}

function applyFact(group: GroupRows, fact: GroupFact): void {
  switch (fact.kind) {
    case 'created':
      group.createdSeq = fact.seq
      break
    case 'dismissed':
      group.dismissedSeq = fact.seq
      break
    case 'join':
    case 'leave':
      for (const userId of fact.userIds) addStay(group, userId, fact)
      break
    case 'role':
      for (const userId of fact.userIds) setText(group, group.roles, userId, fact.seq, fact.role)
      break
    case 'alias':
      setText(group, group.aliases, fact.userId, fact.seq, fact.alias)
      break
    case 'mute':
      setText(group, group.mutes, fact.userId, fact.seq, fact.until)
      break
    case 'owner':
      group.head.set('owner', later(group.head.get('owner'), fact.seq, fact.userId))
      break
    case 'info':
      group.head.set('info', later(group.head.get('info'), fact.seq, JSON.stringify(fact.info)))
      break
    case 'settings':
      group.head.set('settings', later(group.head.get('settings'), fact.seq, JSON.stringify(fact.settings)))
      break
    case 'asked': {
      if (fact.offset <= (group.endedRequests.get(fact.userId) ?? -1)) break
      const text = `${fact.at} ${fact.message ?? ''}`
      group.requests.set(fact.userId, later(group.requests.get(fact.userId), fact.offset, text))
      break
    }
    case 'answered':
      endRequest(group, fact.userId, fact.offset)
      break
    case 'invited':
      dropEnded(group, fact)
      if (fact.expiresAt <= group.invitedAt || group.endedInvites.has(fact.inviteId)) break
      if (!group.invites.has(fact.inviteId)) group.invites.set(fact.inviteId, inviteText(fact))
      break
    case 'inviteUsed':
      addUse(group, fact.inviteId, fact.offset)
      break
    case 'inviteEnded':
      endInvite(group, fact.inviteId)
      break
    default:
      unreachable(fact)
  }
}

function addStay(group: GroupRows, userId: UserId, fact: Extract<GroupFact, { kind: 'join' | 'leave' }>): void {
  group.stays.set(userId, addBoundary(group.stays.get(userId) ?? '', fact.kind, fact.seq))
  touch(group, userId, fact.seq)
  if (fact.kind === 'join') endRequest(group, userId, fact.offset)
}

function setText(group: GroupRows, rows: Map<UserId, string>, userId: UserId, seq: Seq, value: string | number): void {
  rows.set(userId, later(rows.get(userId), seq, value))
  touch(group, userId, seq)
}

function touch(group: GroupRows, userId: UserId, seq: Seq): void {
  group.changes.set(userId, Math.max(group.changes.get(userId) ?? 0, seq))
  group.changedSeq = Math.max(group.changedSeq, seq)
}

function endRequest({ requests, endedRequests }: GroupRows, userId: UserId, offset: Offset): void {
  const stored = requests.get(userId)
  if (stored === undefined || versionOf(stored) >= offset) return
  requests.delete(userId)
  endedRequests.set(userId, versionOf(stored))
}

function endInvite({ invites, uses, endedInvites }: GroupRows, inviteId: string): void {
  const stored = invites.get(inviteId)
  if (stored === undefined) return
  invites.delete(inviteId)
  uses.delete(inviteId)
  endedInvites.set(inviteId, parseInvite(stored).expiresAt)
}

/**
 * Those that are over, or were used up before, go when another one comes: there is a bounded number. What they leave
 * goes once they are over; that a late fact of one is late is known by its own time then.
 */
function dropEnded(group: GroupRows, { at, offset }: Extract<GroupFact, { kind: 'invited' }>): void {
  group.invitedAt = Math.max(group.invitedAt, at)
  for (const [inviteId, text] of group.invites) {
    const { expiresAt, uses, usesMax, usedOffset } = parseInvite(text)
    if (expiresAt <= group.invitedAt || (uses >= usesMax && usedOffset < offset)) endInvite(group, inviteId)
  }
  for (const [inviteId, expiresAt] of group.endedInvites) {
    if (expiresAt <= group.invitedAt) group.endedInvites.delete(inviteId)
  }
}

function addUse({ invites, uses: usesOf }: GroupRows, inviteId: string, offset: Offset): void {
  const stored = invites.get(inviteId)
  if (stored === undefined) return
  const offsets = usesOf.get(inviteId) ?? new Set()
  usesOf.set(inviteId, offsets.add(offset))
  const invite = parseInvite(stored)
  const usedOffset = Math.max(invite.usedOffset, offset)
  invites.set(inviteId, inviteText({ ...invite, uses: offsets.size, usedOffset }))
}

export function textsOf(group: GroupRows, userId: UserId): MemberTexts {
  return {
    stays: group.stays.get(userId) ?? '',
    role: group.roles.get(userId),
    alias: group.aliases.get(userId),
    mute: group.mutes.get(userId),
  }
}

/** Who is in, in byte order; nobody once the group is dismissed. */
export function presentIn(group: GroupRows | undefined): UserId[] {
  if (group === undefined || group.dismissedSeq > 0) return []
  return [...group.stays]
    .filter(([, text]) => presentSince(text) !== undefined)
    .map(([userId]) => userId)
    .sort()
}

/** What a list says of a group after an entry. */
export function setEntry(
  lists: Map<SessionId, ListRows>,
  sessionId: SessionId,
  partition: Partition,
  { stay, role, offset }: GroupEntry,
): void {
  const before = lists.get(sessionId)
  const rows: ListRows = before ?? { touched: { partition, offset } }
  if (rows.touched.offset < offset) rows.touched = { partition, offset }
  if (stay !== undefined && versionOf(rows.stay) < stay.seq) rows.stay = `${stay.seq}/${stay.joinSeq}`
  if (role !== undefined) rows.role = later(rows.role, role.seq, role.role)
  lists.set(sessionId, rows)
}

/** The seq of joining that a list tells; 0: out. */
export function joinSeqOf(stay: string | undefined): Seq {
  return stay === undefined ? 0 : Number(stay.split('/')[1])
}
