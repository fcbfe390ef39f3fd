import type { Millis } from '../infra/clock.ts'

/**
 * What people choose: how a group shows itself and is run, how a user shows themselves, what they take and keep. The
 * fields are those of the schemas, which say what each means; a field that is null there is absent here.
 */

/** A name and what an app keeps under it. */
export interface Attribute {
  name: string
  value: string
}

export interface GroupInfo {
  name: string
  avatar: string
  notice: string
  attributes?: Attribute[]
}

export interface GroupSettings {
  joinPolicy: 'open' | 'approval' | 'inviteOnly'
  addPolicy: 'members' | 'admins'
  historyShown: 'fromJoining' | 'all'
  mutedAll: boolean
  /** 0: none. */
  slowModeMs: Millis
  /** 0: as many as the rules allow. */
  membersMax: number
  isPublic: boolean
}

/** Of a group that says nothing else. */
export const GROUP_SETTINGS_DEFAULT: GroupSettings = {
  joinPolicy: 'open',
  addPolicy: 'members',
  historyShown: 'fromJoining',
  mutedAll: false,
  slowModeMs: 0,
  membersMax: 0,
  isPublic: false,
}

export type MemberRole = 'owner' | 'admin' | 'member'

export interface Profile {
  name: string
  avatar: string
  fields?: Attribute[]
}

export type Notify = 'all' | 'mentions' | 'none'

/** `fromMinute` equal to `toMinute`: never. */
export interface QuietHours {
  fromMinute: number
  toMinute: number
  timeZone: string
}

export interface UserSettings {
  messagesFrom: 'anyone' | 'friends'
  notify: Notify
  quietHours?: QuietHours
  findable: boolean
  presenceShown: boolean
}

/** Of a user who says nothing else. */
export const USER_SETTINGS_DEFAULT: UserSettings = {
  messagesFrom: 'anyone',
  notify: 'all',
  findable: true,
  presenceShown: true,
}

export interface SessionAttributes {
  pinned: boolean
  notify: Notify
  hidden: boolean
  draft?: string
  custom?: Attribute[]
}

/** Of a session for which a user has chosen nothing. */
export const SESSION_ATTRIBUTES_DEFAULT: SessionAttributes = { pinned: false, notify: 'all', hidden: false }
