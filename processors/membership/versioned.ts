import type { Millis } from '../../infra/clock.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../../schemas/settings.ts'
import type { GroupMember, StoredGroup, StoredInvite, StoredRequest } from './membership-store.ts'
import { presentSince } from './stays.ts'

/**
 * A value with the version of the fact that set it, as text: `12 admin`. Both stores keep such texts; apply-group.lua and
 * set-groups.lua write the same. Pure.
 */

/** As a store gives it; nothing or empty where there is none. */
type Text = string | undefined | null

export function versionOf(text: Text): number {
  return text ? Number.parseInt(text, 10) : 0
}

export function textIn(text: Text): string | undefined {
  return text ? text.slice(text.indexOf(' ') + 1) : undefined
}

/** The later of a stored value and another one. */
export function later(stored: string | undefined, version: number, value: string | number): string {
  return stored !== undefined && versionOf(stored) >= version ? stored : `${version} ${value}`
}

/** What the stores keep of one member, as texts. */
export interface MemberTexts {
  stays: string
  role?: Text
  alias?: Text
  mute?: Text
}

/** The role of a stay; one of an earlier stay counts no more. */
export function roleSince(role: Text, joinSeq: Seq): MemberRole {
  return versionOf(role) >= joinSeq ? ((textIn(role) as MemberRole | undefined) ?? 'member') : 'member'
}

/** The member that the texts tell of; undefined where the user is out. A dismissal is not looked at. */
export function memberOf(userId: UserId, texts: MemberTexts): GroupMember | undefined {
  const joinSeq = presentSince(texts.stays)
  if (joinSeq === undefined) return undefined
  const member: GroupMember = { userId, role: roleSince(texts.role, joinSeq), joinSeq }
  const alias = textIn(texts.alias)
  if (alias) member.alias = alias
  const until = Number(textIn(texts.mute) ?? 0)
  if (until > 0) member.mutedUntil = until
  return member
}

/** An invite as text: offset of its making, offset of its last use, uses, maker, end, most uses. */
export function inviteText(invite: {
  offset: number
  by: UserId
  expiresAt: Millis
  usesMax: number
  uses?: number
  usedOffset?: number
}): string {
  const { offset, by, expiresAt, usesMax, uses = 0, usedOffset = -1 } = invite
  return [offset, usedOffset, uses, by, expiresAt, usesMax].join(' ')
}

export function parseInvite(text: string): Omit<StoredInvite, 'inviteId'> & { offset: number; usedOffset: number } {
  const [offset, usedOffset, uses, by, expiresAt, usesMax] = text.split(' ') as [
    string,
    string,
    string,
    UserId,
    string,
    string,
  ]
  return {
    offset: Number(offset),
    usedOffset: Number(usedOffset),
    uses: Number(uses),
    by,
    expiresAt: Number(expiresAt),
    usesMax: Number(usesMax),
  }
}

export function inviteOf(inviteId: string, text: string): StoredInvite {
  const { by, expiresAt, usesMax, uses } = parseInvite(text)
  return { inviteId, by, expiresAt, usesMax, uses }
}

/** Of the text `offset at message`. */
export function requestOf(userId: UserId, text: string): StoredRequest {
  const rest = textIn(text)!
  const at = Number.parseInt(rest, 10)
  const message = textIn(rest)!
  return message === '' ? { userId, at } : { userId, at, message }
}

export type GroupHead = Pick<StoredGroup, 'owner' | 'info' | 'settings'>

/** Of the versioned texts of a group's head; a log that has lost its beginning may not tell all of them. */
export function groupHead(owner: Text, info: Text, settings: Text): GroupHead {
  const [infoJson, settingsJson] = [textIn(info), textIn(settings)]
  return {
    owner: (textIn(owner) ?? '') as UserId,
    info: infoJson === undefined ? { name: '', avatar: '', notice: '' } : (JSON.parse(infoJson) as GroupInfo),
    ...(settingsJson === undefined ? {} : { settings: JSON.parse(settingsJson) as GroupSettings }),
  }
}
