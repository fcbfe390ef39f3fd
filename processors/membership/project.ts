import { type Event, isAccepted } from '../../schemas/event.ts'
import { isSessionId, RULES_SESSION, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import type { ViewBatch } from '../view.ts'
import { type PeopleWrites, projectPeople } from './people.ts'

/** Turns events into the writes of the membership view, grouped per group and per user. Pure. */

export interface MemberChange {
  kind: 'join' | 'leave'
  seq: Seq
  userIds: readonly UserId[]
}

export interface GroupWrites {
  sessionId: SessionId
  created?: { seq: Seq; owner: UserId; info: GroupInfo }
  /** Everyone who is in leaves at this seq. */
  dismissedSeq?: Seq
  /** In log order. */
  changes: MemberChange[]
}

/** What a user's list says of a group, as of `seq`; joinSeq 0 says that the user is out. */
export interface GroupEntry {
  seq: Seq
  joinSeq: Seq
}

export interface MembershipWrites {
  groups: GroupWrites[]
  /** The last entry of each user and group; dismissals apart. */
  users: Map<UserId, Map<SessionId, GroupEntry>>
  people: PeopleWrites
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
  for (const { event } of events) {
    if (reasonToSkip(event) !== undefined) continue
    for (const change of changesOf(event, groups)) {
      for (const userId of change.userIds) {
        const joinSeq = change.kind === 'join' ? change.seq : 0
        entriesOf(users, userId).set(event.sessionId, { seq: change.seq, joinSeq })
      }
    }
  }
  return { groups: [...groups.values()], users, people: projectPeople({ events }) }
}

/** Adds an event to the writes of its group and gives the member changes that it names. */
function changesOf(event: Event, groups: Map<SessionId, GroupWrites>): MemberChange[] {
  const { body, seq, from, sessionId } = event
  const add = (kind: MemberChange['kind'], userIds: readonly UserId[]) => {
    const change = { kind, seq, userIds }
    groupOf(groups, sessionId).changes.push(change)
    return [change]
  }
  switch (body.kind) {
    case 'GroupCreated':
      groupOf(groups, sessionId).created = { seq, owner: from, info: body.info }
      return add('join', [from, ...body.members.filter(userId => userId !== from)])
    case 'MemberJoined':
      return add('join', [from])
    case 'MembersAdded':
      return add('join', body.userIds)
    case 'MemberQuit':
      return add('leave', [from])
    case 'MembersRemoved':
      return add('leave', body.userIds)
    case 'GroupDismissed':
      groupOf(groups, sessionId).dismissedSeq = seq
      return []
    default:
      return []
  }
}

function groupOf(groups: Map<SessionId, GroupWrites>, sessionId: SessionId): GroupWrites {
  let group = groups.get(sessionId)
  if (group === undefined) {
    group = { sessionId, changes: [] }
    groups.set(sessionId, group)
  }
  return group
}

function entriesOf(users: MembershipWrites['users'], userId: UserId): Map<SessionId, GroupEntry> {
  let entries = users.get(userId)
  if (entries === undefined) {
    entries = new Map()
    users.set(userId, entries)
  }
  return entries
}
