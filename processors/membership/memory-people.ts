import type { Revoked } from '../../schemas/apps.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { Access } from '../../schemas/session.ts'
import type { Profile, UserSettings } from '../../schemas/settings.ts'
import { type PersonRow, personRow } from './inspect-people.ts'
import { FRIEND_REGISTERS, type OwnRegister, type PeopleWrites } from './people.ts'
import {
  accessOf,
  type DevicesReader,
  devicesOf,
  type FriendEntry,
  type FriendPage,
  foundProfile,
  friendEntry,
  friendPage,
  type OwnEntry,
  ownEntry,
  type PeopleReader,
  type ProfileEntry,
  placeOf,
  revokedOf,
  type Stored,
  tokenEntries,
} from './people-store.ts'

/** People in memory; the same behaviour as in Redis (tests/contract). */
export class MemoryPeople implements PeopleReader, DevicesReader {
  private static epochs = 0
  private readonly epoch = String(++MemoryPeople.epochs)
  /** userId -> peerId -> register. */
  readonly relations = new Map<UserId, Map<UserId, Map<string, Stored>>>()
  /** userId -> peerId -> version. */
  private readonly orders = new Map<UserId, Map<UserId, number>>()
  readonly owned = new Map<UserId, Map<OwnRegister, Stored>>()

  /** service and token -> userId -> since when, as text; empty: no more. */
  private readonly tokens = new Map<string, Map<UserId, Stored>>()

  write({ friends, own, tokens }: PeopleWrites): void {
    for (const { serviceType, token, userId, position, at } of tokens) {
      const users = entryOf(this.tokens, `${serviceType} ${token}`, () => new Map<UserId, Stored>())
      setRegister(users, userId, { position, json: at === undefined ? '' : String(at) })
    }
    for (const { userId, name, position, json } of own) {
      setRegister(
        entryOf(this.owned, userId, () => new Map()),
        name,
        { position, json },
      )
    }
    for (const { userId, peerId, name, position, json, isNothing } of friends) {
      const ofUser = entryOf(this.relations, userId, () => new Map<UserId, Map<string, Stored>>())
      const order = entryOf(this.orders, userId, () => new Map<UserId, number>())
      const isNew = setRegister(
        entryOf(ofUser, peerId, () => new Map()),
        name,
        { position, json },
      )
      if (isNew && (!isNothing || order.has(peerId))) order.set(peerId, Math.max(0, ...order.values()) + 1)
    }
  }

  async friends({ userId, since, cursor, limit }: Parameters<PeopleReader['friends']>[0]): Promise<FriendPage> {
    const { epoch } = this
    const place = placeOf(cursor ?? since, epoch)
    const rows = [...(this.orders.get(userId) ?? [])]
      .filter(([, version]) => version > place.version)
      .sort(([, one], [, other]) => one - other)
      .slice(0, limit + 1)
      .map(([peerId, version]) => ({ version, entry: this.entry(userId, peerId) }))
    return friendPage(rows, { place, limit, epoch })
  }

  /** What `peerId` is to `userId`. */
  entry(userId: UserId, peerId: UserId) {
    const registers = this.relations.get(userId)?.get(peerId)
    return friendEntry(
      peerId,
      FRIEND_REGISTERS.map(name => registers?.get(name)?.json),
    )
  }

  /** As in inspect-people.ts; undefined where nothing is kept. */
  row(userId: UserId): PersonRow | undefined {
    const relations = this.relations.get(userId)
    const own = this.owned.get(userId)
    if (relations === undefined && own === undefined) return undefined
    const friends = [...(relations ?? [])].flatMap(([peerId, registers]) => {
      return [...registers].map(([name, stored]) => [`${peerId}#${name}`, stored] as const)
    })
    return personRow(userId, new Map(friends), own ?? new Map())
  }

  async profiles(userIds: readonly UserId[]): Promise<ProfileEntry[]> {
    return userIds.flatMap(userId => {
      const stored = this.owned.get(userId)?.get('profile')
      if (stored === undefined) return []
      return [{ userId, seq: stored.position, profile: JSON.parse(stored.json) as Profile }]
    })
  }

  async findUsers({ name, limit }: { name: string; limit: number }): Promise<ProfileEntry[]> {
    const first = isUserId(name) ? [name] : []
    return [...new Set([...first, ...this.owned.keys()])]
      .map(userId => {
        const own = this.owned.get(userId)
        return foundProfile(userId, { profile: own?.get('profile'), settings: own?.get('settings') }, name)
      })
      .filter(found => found !== undefined)
      .slice(0, limit)
  }

  async settings(userIds: readonly UserId[]): Promise<UserSettings[]> {
    return userIds.map(userId => ownEntry(this.owned.get(userId)?.get('settings'), undefined).settings)
  }

  async revoked(userId: UserId): Promise<Revoked> {
    return revokedOf(this.owned.get(userId)?.get('revoked'))
  }

  async access(userIds: readonly UserId[]): Promise<Access[]> {
    return userIds.map(userId => accessOf(this.owned.get(userId)?.get('access')))
  }

  async devices(userIds: readonly UserId[]): Promise<PushDevice[][]> {
    return userIds.map(userId => devicesOf(this.owned.get(userId)?.get('devices')))
  }

  async tokenUsers({ serviceType, token }: { serviceType: number; token: string }) {
    const users = [...(this.tokens.get(`${serviceType} ${token}`) ?? [])]
    return tokenEntries(users.map(([userId, stored]) => [userId, stored] as const))
  }

  async relation({ userId, peerId }: { userId: UserId; peerId: UserId }): Promise<FriendEntry> {
    return this.entry(userId, peerId)
  }

  async blocks(pairs: readonly { userId: UserId; peerId: UserId }[]): Promise<boolean[]> {
    return pairs.map(({ userId, peerId }) => this.entry(userId, peerId).blocked)
  }

  async own(userId: UserId): Promise<OwnEntry> {
    const own = this.owned.get(userId)
    return ownEntry(own?.get('settings'), own?.get('attributes'))
  }
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** True where the register was older. */
function setRegister<K>(registers: Map<K, Stored>, name: K, stored: Stored): boolean {
  const before = registers.get(name)
  if (before !== undefined && before.position >= stored.position) return false
  registers.set(name, stored)
  return true
}
