import type { AcceptedBody, Event } from '../../schemas/event.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { Invite } from '../../schemas/session.ts'
import { isOpen } from './decide-group-invite.ts'
import { headChange, headOf } from './evolve-rows.ts'
import {
  type Change,
  HEAD_PLAIN,
  MEMBER_INTERVALS_MAX,
  MEMBER_PLAIN,
  type Member,
  memberKey,
  ROSTER_EMPTY,
  type Roster,
  type StateView,
} from './session.ts'

/** What events of groups do to the rows of the group: its head, info, members, roster and invites (evolve.ts). Pure. */

type GroupBody = Extract<
  AcceptedBody,
  {
    kind:
      | 'GroupCreated'
      | 'MemberJoined'
      | 'MemberQuit'
      | 'MembersAdded'
      | 'MembersRemoved'
      | 'GroupDismissed'
      | 'GroupInfoUpdated'
      | 'GroupSettingsUpdated'
      | 'OwnerChanged'
      | 'RolesSet'
      | 'JoinRequested'
      | 'JoinRefused'
      | 'InviteCreated'
      | 'InviteRevoked'
      | 'MemberMuted'
      | 'AliasSet'
  }
>

/** The rows that an event of a group writes, but for the remembered pack. */
export function evolveGroup(view: StateView, event: Event, body: GroupBody): Change[] {
  const head = headOf(view, event.sessionId)
  const { sessionId, from } = event
  switch (body.kind) {
    case 'GroupCreated':
      return created(view, event, body)
    case 'MemberJoined': {
      const invites = body.inviteId === undefined ? [] : used(view, event, body.inviteId)
      return [...grow(view, event, [from]), ...invites]
    }
    case 'MembersAdded':
      return grow(view, event, body.userIds)
    case 'MemberQuit':
      return shrink(view, event, [from])
    case 'MembersRemoved':
      return shrink(view, event, body.userIds)
    case 'GroupDismissed':
      return [headChange(view, event, { ...head, dismissed: true, memberCount: 0 })]
    case 'GroupInfoUpdated':
      return [headChange(view, event, head), { table: 'infos', key: sessionId, row: body.info }]
    case 'GroupSettingsUpdated':
      return [headChange(view, event, { ...head, settings: body.settings })]
    case 'OwnerChanged':
      return [
        headChange(view, event, { ...head, owner: body.userId }),
        member(view, event, from, before => ({ ...before, owner: false, admin: false })),
        member(view, event, body.userId, before => ({ ...before, owner: true, admin: false })),
        roster(view, event, without('admins', [body.userId])),
      ]
    case 'RolesSet':
      return [
        headChange(view, event, head),
        ...body.userIds.map(userId =>
          member(view, event, userId, before => ({ ...before, admin: body.role === 'admin' })),
        ),
        roster(view, event, body.role === 'admin' ? withAdmins(body.userIds) : without('admins', body.userIds)),
      ]
    case 'JoinRequested':
      return [
        member(view, event, from, before => ({ ...before, requestedAt: event.at })),
        roster(view, event, before => ({ ...before, requests: [...before.requests, from] })),
      ]
    case 'JoinRefused':
      return [
        member(view, event, body.userId, before => ({ ...before, requestedAt: 0 })),
        roster(view, event, without('requests', [body.userId])),
      ]
    case 'InviteCreated':
      return [invites(view, event, open => [...open, inviteOf(event, body)])]
    case 'InviteRevoked':
      return [invites(view, event, open => open.filter(invite => invite.inviteId !== body.inviteId))]
    case 'MemberMuted':
      return [
        headChange(view, event, head),
        member(view, event, body.userId, before => ({ ...before, mutedUntil: body.until })),
      ]
    case 'AliasSet':
      return [headChange(view, event, head)]
  }
}

/** When the sender last spoke. */
export function sentChange(view: StateView, event: Event): Change {
  return member(view, event, event.from, before => ({ ...before, lastSentAt: event.at }))
}

function created(view: StateView, event: Event, body: Extract<GroupBody, { kind: 'GroupCreated' }>): Change[] {
  const head = { ...HEAD_PLAIN, owner: event.from, memberCount: 1 + body.members.length }
  const owner: Member = { ...MEMBER_PLAIN, owner: true, intervals: [{ joinSeq: event.seq, leaveSeq: 0 }] }
  return [
    headChange(view, event, body.settings === undefined ? head : { ...head, settings: body.settings }),
    { table: 'infos', key: event.sessionId, row: body.info },
    member(view, event, event.from, () => owner),
    ...body.members.map(userId => join(view, event, userId)),
  ]
}

function grow(view: StateView, event: Event, userIds: readonly UserId[]): Change[] {
  const head = headOf(view, event.sessionId)
  return [
    headChange(view, event, { ...head, memberCount: head.memberCount + userIds.length }),
    ...userIds.map(userId => join(view, event, userId)),
    roster(view, event, without('requests', userIds)),
  ]
}

function shrink(view: StateView, event: Event, userIds: readonly UserId[]): Change[] {
  const head = headOf(view, event.sessionId)
  return [
    headChange(view, event, { ...head, memberCount: Math.max(0, head.memberCount - userIds.length) }),
    ...userIds.map(userId => leave(view, event, userId)),
    roster(view, event, without('admins', userIds)),
  ]
}

/** A mute outlasts a leave: nobody is rid of it by coming back. */
function join(view: StateView, event: Event, userId: UserId): Change {
  return member(view, event, userId, before => {
    const intervals = [...closeAt(before, event.seq), { joinSeq: event.seq, leaveSeq: 0 }]
    return { ...before, requestedAt: 0, intervals: intervals.slice(-MEMBER_INTERVALS_MAX) }
  })
}

function leave(view: StateView, event: Event, userId: UserId): Change {
  return member(view, event, userId, before => ({ ...before, admin: false, intervals: closeAt(before, event.seq) }))
}

function closeAt({ intervals }: Member, seq: Seq): Member['intervals'] {
  const last = intervals.at(-1)
  if (last === undefined || last.leaveSeq !== 0) return intervals
  return [...intervals.slice(0, -1), { joinSeq: last.joinSeq, leaveSeq: seq }]
}

function member(view: StateView, event: Event, userId: UserId, make: (before: Member) => Member): Change {
  const key = memberKey(event.sessionId, userId)
  return { table: 'members', key, row: make(view.get('members', key) ?? { ...MEMBER_PLAIN, intervals: [] }) }
}

/** Written also where nothing changes in it: which rows an event writes must not depend on them (ST17). */
function roster(view: StateView, event: Event, make: (before: Roster) => Roster): Change {
  const before = view.get('rosters', event.sessionId) ?? ROSTER_EMPTY
  return { table: 'rosters', key: event.sessionId, row: make(before) }
}

function without(list: keyof Roster, userIds: readonly UserId[]): (before: Roster) => Roster {
  return before => {
    if (before[list].length === 0) return before
    const gone = new Set(userIds)
    return { ...before, [list]: before[list].filter(userId => !gone.has(userId)) }
  }
}

function withAdmins(userIds: readonly UserId[]): (before: Roster) => Roster {
  return before => ({ ...before, admins: [...new Set([...before.admins, ...userIds])] })
}

/** The invites after the event; those that have ended by its time go. */
function invites(view: StateView, event: Event, make: (open: readonly Invite[]) => readonly Invite[]): Change {
  const open = (view.get('invites', event.sessionId) ?? []).filter(invite => isOpen(invite, event.at))
  return { table: 'invites', key: event.sessionId, row: make(open) }
}

function used(view: StateView, event: Event, inviteId: string): Change[] {
  const count = (invite: Invite) => (invite.inviteId === inviteId ? { ...invite, uses: invite.uses + 1 } : invite)
  return [invites(view, event, open => open.map(count))]
}

function inviteOf({ from }: Event, body: Extract<GroupBody, { kind: 'InviteCreated' }>): Invite {
  const { inviteId, secretHash, expiresAt, usesMax } = body
  return { inviteId, secretHash, by: from, expiresAt, usesMax, uses: 0 }
}
