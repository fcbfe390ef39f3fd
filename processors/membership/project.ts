import { type Event, isAccepted } from '../../schemas/event.ts'
import { isSessionId, type Offset, RULES_SESSION, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { MemberRole } from '../../schemas/settings.ts'
import type { ViewBatch } from '../view.ts'
import { type AppWrite, projectApps } from './apps.ts'
import { changesSummary, factsOf, type GroupFact } from './group-facts.ts'
import { type PeopleWrites, projectPeople } from './people.ts'

/** Turns events into the writes of the membership view, grouped per group and per user. Pure. */

export interface GroupWrites {
  sessionId: SessionId
  /** In log order. */
  facts: GroupFact[]
  /** Everyone who is in leaves at this seq, told at this offset. */
  dismissed?: { seq: Seq; offset: Offset }
  /** Offset of the last event after which a list of groups shows this one otherwise. */
  changedOffset?: Offset
}

/** What a user's list says of a group. */
export interface GroupEntry {
  /** The last coming or going, if any; joinSeq 0 says that the user is out. */
  stay?: { seq: Seq; joinSeq: Seq }
  role?: { seq: Seq; role: MemberRole }
  /** Offset of the last event that changed what the user is in the group. */
  offset: Offset
}

export interface MembershipWrites {
  groups: GroupWrites[]
  /** The last entry of each user and group; dismissals apart. */
  users: Map<UserId, Map<SessionId, GroupEntry>>
  people: PeopleWrites
  apps: AppWrite[]
}

/** Why the view cannot show an event; undefined where it can. */
export function reasonToSkip(event: Event): string | undefined {
  if (!isAccepted(event) || event.sessionId === RULES_SESSION) return undefined
  return isSessionId(event.sessionId) ? undefined : 'the session id is not in its canonical form'
}

/** The writes of a batch. */
export function project({ events }: Pick<ViewBatch, 'events'>): MembershipWrites {
  const groups = new Map<SessionId, GroupWrites>()
  const users: MembershipWrites['users'] = new Map()
  for (const { event, position } of events) {
    if (!isAccepted(event) || reasonToSkip(event) !== undefined) continue
    const { offset } = position
    for (const fact of factsOf(event, offset)) {
      addToGroup(groupOf(groups, event.sessionId), fact, offset)
      addToUsers(users, event.sessionId, fact, offset)
    }
  }
  return { groups: [...groups.values()], users, people: projectPeople({ events }), apps: projectApps({ events }) }
}

function addToGroup(group: GroupWrites, fact: GroupFact, offset: Offset): void {
  group.facts.push(fact)
  if (fact.kind === 'dismissed') group.dismissed = { seq: fact.seq, offset }
  if (changesSummary(fact)) group.changedOffset = offset
}

function addToUsers(users: MembershipWrites['users'], sessionId: SessionId, fact: GroupFact, offset: Offset): void {
  const entry = (userId: UserId) => {
    const found = entryOf(users, userId, sessionId)
    found.offset = offset
    return found
  }
  switch (fact.kind) {
    case 'join':
      for (const userId of fact.userIds) entry(userId).stay = { seq: fact.seq, joinSeq: fact.seq }
      break
    case 'leave':
      for (const userId of fact.userIds) entry(userId).stay = { seq: fact.seq, joinSeq: 0 }
      break
    case 'role':
      for (const userId of fact.userIds) entry(userId).role = { seq: fact.seq, role: fact.role }
      break
    case 'alias':
    case 'mute':
      entry(fact.userId)
      break
    default:
      break
  }
}

function groupOf(groups: Map<SessionId, GroupWrites>, sessionId: SessionId): GroupWrites {
  let group = groups.get(sessionId)
  if (group === undefined) {
    group = { sessionId, facts: [] }
    groups.set(sessionId, group)
  }
  return group
}

function entryOf(users: MembershipWrites['users'], userId: UserId, sessionId: SessionId): GroupEntry {
  let entries = users.get(userId)
  if (entries === undefined) {
    entries = new Map()
    users.set(userId, entries)
  }
  let entry = entries.get(sessionId)
  if (entry === undefined) {
    entry = { offset: 0 }
    entries.set(sessionId, entry)
  }
  return entry
}
