import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import type { PackBody, Rules } from '../../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT, type GroupSettings, type MemberRole } from '../../schemas/settings.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'
import { type Head, isMember, type Member, memberKey, ROSTER_EMPTY, type Roster } from './session.ts'

/** What the rules of groups look at, and what several of them ask. Pure. */

export type Verdict = AcceptedBody | RefusedBody
export type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

/** A desk in a group that exists and has not ended. */
export interface GroupDesk extends Desk {
  head: Head
}

/** A desk whose sender is a member. */
export interface MemberDesk extends GroupDesk {
  role: MemberRole
  member: Member
}

export function memberIn({ view, pack }: Desk, userId: UserId): Member | undefined {
  return view.get('members', memberKey(pack.sessionId, userId))
}

/** What somebody is in the group; undefined: no member. */
export function roleIn(desk: GroupDesk, userId: UserId): MemberRole | undefined {
  return roleOf(desk.head, userId, memberIn(desk, userId))
}

export function roleOf(head: Head, userId: UserId, member: Member | undefined): MemberRole | undefined {
  if (!isMember(head, member)) return undefined
  if (head.owner === userId) return 'owner'
  return member?.admin === true ? 'admin' : 'member'
}

export function rosterOf({ view, pack }: Desk): Roster {
  return view.get('rosters', pack.sessionId) ?? ROSTER_EMPTY
}

export function settingsOf(head: Head): GroupSettings {
  return head.settings ?? GROUP_SETTINGS_DEFAULT
}

/** Undefined for owner and admins. */
export function runnerFault({ role }: MemberDesk, what: string): RefusedBody | undefined {
  return role === 'member' ? refused('GROUP_NO_PRIVILEGE', `only owner and admins ${what}`) : undefined
}

/** Undefined where the sender stands above the member; nobody stands above the owner, and only the owner above admins. */
export function aboveFault(desk: MemberDesk, target: MemberRole, what: string): RefusedBody | undefined {
  if (target === 'owner') return refused('CREATOR_ERROR', `the owner cannot be ${what}`)
  if (desk.role === 'member' || (target === 'admin' && desk.role === 'admin')) {
    return refused('GROUP_NO_PRIVILEGE', `only the owner, and of others the admins, may say who is ${what}`)
  }
  return undefined
}

/** Undefined where one more has room. */
export function fullFault(desk: GroupDesk): RefusedBody | undefined {
  return hasRoom(desk, 1) ? undefined : refused('MEMBER_LIMIT', 'the group is full')
}

export function hasRoom({ head, rules }: GroupDesk, more: number): boolean {
  return head.memberCount + more <= membersMax(rules, settingsOf(head))
}

export function membersMax(rules: Rules, settings: Pick<GroupSettings, 'membersMax'>): number {
  return settings.membersMax === 0 ? rules.groupMembersMax : Math.min(settings.membersMax, rules.groupMembersMax)
}

/** Undefined where the list can be taken. */
export function listFault(rules: Rules, userIds: readonly string[]): RefusedBody | undefined {
  if (userIds.length > rules.packMembersMax) return refused('PARAM', 'too many user ids in one pack')
  if (!userIds.every(isUserId)) return refused('PARAM', 'a user id is not valid')
  return undefined
}

export function distinct(userIds: readonly UserId[]): UserId[] {
  return [...new Set(userIds)]
}
