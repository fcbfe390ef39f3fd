import type { Millis } from '../../infra/clock.ts'
import { NONE_REVOKED, type Revoked } from '../../schemas/apps.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { Access } from '../../schemas/session.ts'
import { type Attribute, type Profile, USER_SETTINGS_DEFAULT, type UserSettings } from '../../schemas/settings.ts'
import { FRIEND_REGISTERS, type FriendRegisters, searchable } from './people.ts'

/** What another user is to somebody. */
export interface FriendEntry {
  userId: UserId
  relation: 'none' | 'friend' | 'requested' | 'asked'
  blocked: boolean
  /** Since when. */
  at: number
  remark?: string
  message?: string
}

export interface ProfileEntry {
  userId: UserId
  seq: Seq
  profile: Profile
}

export interface OwnEntry {
  /** Of the last event that settings or attributes come from. */
  seq: Seq
  settings: UserSettings
  attributes: Attribute[]
}

/** What is asked of people, as the gateway uses it. Every call rejects when the store cannot be reached. */
export interface PeopleReader {
  /**
   * Friends, requests and blocks of a user, in the order of their last change. With `since` of an earlier last page,
   * what has changed after it, and those who are nothing any more. A `since` of another life of the view gives all.
   */
  friends(request: { userId: UserId; since?: string; cursor?: string; limit: number }): Promise<FriendPage>
  /** Those that have a profile, in the order asked. */
  profiles(userIds: readonly UserId[]): Promise<ProfileEntry[]>
  /** Users who let themselves be found, by id or by the beginning of their name. */
  findUsers(request: { name: string; limit: number }): Promise<ProfileEntry[]>
  /** Settings and attributes of a user; the defaults where nothing was chosen. */
  own(userId: UserId): Promise<OwnEntry>
  /** Settings of users, in the order asked. */
  settings(userIds: readonly UserId[]): Promise<UserSettings[]>
  /** What `peerId` is to `userId`. */
  relation(pair: { userId: UserId; peerId: UserId }): Promise<FriendEntry>
  /** Whether users come in, in the order asked. */
  access(userIds: readonly UserId[]): Promise<Access[]>
  /** Which tokens of a user are good no more. */
  revoked(userId: UserId): Promise<Revoked>
  /** Whether `userId` blocks `peerId`, in the order asked. */
  blocks(pairs: readonly { userId: UserId; peerId: UserId }[]): Promise<boolean[]>
}

/** What the push processor asks. Every call rejects when the store cannot be reached. */
export interface DevicesReader {
  /** Where users are pushed to, in the order asked, the oldest registration of each first. */
  devices(userIds: readonly UserId[]): Promise<PushDevice[][]>
  /** The users that have registered a token and not lost it, by user id. */
  tokenUsers(token: { serviceType: number; token: string }): Promise<{ userId: UserId; at: Millis }[]>
}

export interface FriendPage {
  friends: FriendEntry[]
  cursor?: string
  since?: string
}

/** Beginnings of names that are shorter find nobody: they would list everybody. */
export const FIND_CHARS_MIN = 2

/** Where a list of friends goes on. */
export interface FriendPlace {
  version: number
  /** Those who are nothing any more are told as well. */
  withGone: boolean
}

/** Reads `since` or `cursor`; one of another epoch, or that is none of ours, begins anew and tells everything. */
export function placeOf(token: string | undefined, epoch: string): FriendPlace {
  if (token === undefined) return { version: 0, withGone: false }
  const [of, version, mode] = token.split('.')
  if (of !== epoch || !/^\d{1,15}$/.test(version ?? '')) return { version: 0, withGone: true }
  return { version: Number(version), withGone: mode === 'g' }
}

/** Makes a page of the entries behind a place, one more than fit where there are more. */
export function friendPage(
  rows: readonly { version: number; entry: FriendEntry }[],
  { place, limit, epoch }: { place: FriendPlace; limit: number; epoch: string },
): FriendPage {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)?.version ?? place.version
  const friends = shown.map(({ entry }) => entry).filter(entry => place.withGone || isSomething(entry))
  if (rows.length > limit) return { friends, cursor: `${epoch}.${last}.${place.withGone ? 'g' : 'p'}` }
  return { friends, since: `${epoch}.${last}.g` }
}

export function isSomething({ relation, blocked }: FriendEntry): boolean {
  return relation !== 'none' || blocked
}

/** An entry of the stored registers, each JSON or absent, in the order of FRIEND_REGISTERS. */
export function friendEntry(userId: UserId, stored: readonly (string | null | undefined)[]): FriendEntry {
  const register = <Name extends keyof FriendRegisters>(name: Name): FriendRegisters[Name] | undefined => {
    const json = stored[FRIEND_REGISTERS.indexOf(name)]
    return json == null ? undefined : (JSON.parse(json) as FriendRegisters[Name])
  }
  const friend = register('friend')
  const request = register('request')
  const blocked = register('blocked')
  const remark = register('remark')?.text ?? ''
  const entry = { userId, blocked: blocked?.is ?? false }
  const named = remark === '' ? {} : { remark }
  if (friend?.is) return { ...entry, relation: 'friend', at: friend.at, ...named }
  if (request !== undefined && request.by !== 'nobody') {
    const said = request.message === undefined ? {} : { message: request.message }
    return { ...entry, relation: request.by === 'me' ? 'requested' : 'asked', at: request.at, ...said, ...named }
  }
  const at = blocked?.is ? blocked.at : Math.max(friend?.at ?? 0, request?.at ?? 0, blocked?.at ?? 0)
  return { ...entry, relation: 'none', at, ...named }
}

/** A register that is stored with its position. */
export interface Stored {
  position: number
  json: string
}

/** Which tokens a stored register calls good no more. */
export function revokedOf(stored: Stored | undefined): Revoked {
  return stored === undefined ? NONE_REVOKED : (JSON.parse(stored.json) as Revoked)
}

/** The devices of a stored register. */
export function devicesOf(devices: Stored | undefined): PushDevice[] {
  return devices === undefined ? [] : (JSON.parse(devices.json) as PushDevice[])
}

export function ownEntry(settings: Stored | undefined, attributes: Stored | undefined): OwnEntry {
  return {
    seq: Math.max(settings?.position ?? 0, attributes?.position ?? 0),
    settings: settings === undefined ? USER_SETTINGS_DEFAULT : (JSON.parse(settings.json) as UserSettings),
    attributes: attributes === undefined ? [] : (JSON.parse(attributes.json) as Attribute[]),
  }
}

/** Whether a user comes in. */
export function accessOf(stored: Stored | undefined): Access {
  return stored === undefined ? 'active' : (JSON.parse(stored.json) as Access)
}

/** The profile, where its user lets themselves be found under this beginning of a name, or under this id. */
export function foundProfile(
  userId: UserId,
  { profile, settings }: { profile: Stored | undefined; settings: Stored | undefined },
  wanted: string,
): ProfileEntry | undefined {
  if (profile === undefined || !ownEntry(settings, undefined).settings.findable) return undefined
  const found = JSON.parse(profile.json) as Profile
  if (userId !== wanted && !isBeginning(searchable(wanted), searchable(found.name))) return undefined
  return { userId, seq: profile.position, profile: found }
}

function isBeginning(wanted: string, name: string): boolean {
  return [...wanted].length >= FIND_CHARS_MIN && name.startsWith(wanted)
}

/** Who has a token: the text of a stored register is since when, or empty. */
export function tokenEntries(users: readonly (readonly [UserId, Stored])[]): { userId: UserId; at: Millis }[] {
  return users
    .filter(([, { json }]) => json !== '')
    .map(([userId, { json }]) => ({ userId, at: Number(json) }))
    .sort((one, other) => (one.userId < other.userId ? -1 : 1))
}
