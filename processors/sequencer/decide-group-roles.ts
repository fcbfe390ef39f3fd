import type { Millis } from '../../infra/clock.ts'
import {
  aboveFault,
  type BodyOf,
  distinct,
  listFault,
  type MemberDesk,
  roleIn,
  rosterOf,
  runnerFault,
  type Verdict,
} from './group-desk.ts'
import { refused } from './outcome.ts'

/** What members are in a group: roles, mutes and names (SQ32, SQ33). */

/** In Unicode characters. */
export const ALIAS_CHARS_MAX = 64
/** The end of the year 9999: for ever. */
export const MUTED_UNTIL_MAX: Millis = 253_402_300_799_999

export function setRole(desk: MemberDesk, { userIds: named, role }: BodyOf<'SetRole'>): Verdict {
  if (desk.role !== 'owner') return refused('GROUP_NO_PRIVILEGE', 'only the owner gives roles')
  if (role === 'owner') return refused('PARAM', 'the owner is changed by ChangeOwner')
  if (named.length === 0) return refused('GROUP_EMPTY', 'nobody is named')
  const fault = listFault(desk.rules, named)
  if (fault !== undefined) return fault
  const members = distinct(named).filter(userId => roleIn(desk, userId) !== undefined)
  if (members.length === 0) return refused('GROUP_USER_NOT_EXIST', 'none of them is a member')
  if (members.includes(desk.pack.from)) return refused('CREATOR_ERROR', 'the owner has no other role')
  const userIds = members.filter(userId => roleIn(desk, userId) !== role)
  if (userIds.length === 0) return refused('MSG_REPEATED', 'all of them have this role already')
  if (role === 'admin' && rosterOf(desk).admins.length + userIds.length > desk.rules.groupAdminsMax) {
    return refused('LIMIT_REACHED', 'more admins than a group may have')
  }
  return { kind: 'RolesSet', userIds, role }
}

/** Whoever was the owner is a member like any other afterwards: that needs no room among the admins. */
export function changeOwner(desk: MemberDesk, { userId }: BodyOf<'ChangeOwner'>): Verdict {
  if (desk.role !== 'owner') return refused('GROUP_NO_PRIVILEGE', 'only the owner hands the group over')
  if (userId === desk.pack.from) return refused('CREATOR_ERROR', 'this user is the owner')
  if (roleIn(desk, userId) === undefined) return refused('GROUP_USER_NOT_EXIST', 'the new owner is not a member')
  return { kind: 'OwnerChanged', userId }
}

export function muteMember(desk: MemberDesk, { userId, until }: BodyOf<'MuteMember'>): Verdict {
  const fault = runnerFault(desk, 'mute members')
  if (fault !== undefined) return fault
  const target = roleIn(desk, userId)
  if (target === undefined) return refused('GROUP_USER_NOT_EXIST', 'this user is not a member')
  const above = aboveFault(desk, target, 'muted')
  if (above !== undefined) return above
  if (!Number.isSafeInteger(until) || until > MUTED_UNTIL_MAX || (until !== 0 && until <= desk.at)) {
    return refused('PARAM', 'until lies in the past or is no time; 0 lets the member speak again')
  }
  return { kind: 'MemberMuted', userId, until }
}

export function setAlias(desk: MemberDesk, { userId = desk.pack.from, alias }: BodyOf<'SetAlias'>): Verdict {
  const target = roleIn(desk, userId)
  if (target === undefined) return refused('GROUP_USER_NOT_EXIST', 'this user is not a member')
  const fault = userId === desk.pack.from ? undefined : aboveFault(desk, target, 'named')
  if (fault !== undefined) return fault
  if ([...alias.slice(0, 2 * ALIAS_CHARS_MAX + 2)].length > ALIAS_CHARS_MAX)
    return refused('PARAM', 'the alias is too long')
  if (alias !== '' && alias.trim() === '') return refused('PARAM', 'the alias is blank')
  return { kind: 'AliasSet', userId, alias }
}
