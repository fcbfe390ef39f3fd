import { pairsOf } from '../../infra/redis/generations.ts'
import type { KeyAnswers } from '../../infra/redis/key-reader.ts'
import type { Revoked } from '../../schemas/apps.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { Access } from '../../schemas/session.ts'
import type { Attribute, Profile, UserSettings } from '../../schemas/settings.ts'
import { byKey } from '../by-key.ts'
import { FRIEND_REGISTERS } from './people.ts'
import {
  accessOf,
  devicesOf,
  type FriendEntry,
  friendEntry,
  isSomething,
  ownEntry,
  revokedOf,
  type Stored,
} from './people-store.ts'
import { friendKeys, ownKey, storedOf } from './redis-people.ts'

/** What the membership view holds of one user besides their groups, for `verify` and for tests that compare two views. */
export interface PersonRow {
  userId: UserId
  /** Sorted by userId; those who are nothing to the user are left out. */
  friends: FriendEntry[]
  /** Seq 0 and an empty name where there is none. */
  profile: { seq: number; profile: Profile }
  settings: { seq: number; settings: UserSettings }
  attributes: { seq: number; attributes: Attribute[] }
  devices: { seq: number; devices: PushDevice[] }
  access: Access
  revoked: { seq: number; revoked: Revoked }
}

/** The row of stored registers: `friends` by `<peerId>#<register>`. */
export function personRow(
  userId: UserId,
  friends: ReadonlyMap<string, Stored>,
  own: ReadonlyMap<string, Stored>,
): PersonRow {
  const peers = new Set([...friends.keys()].map(field => field.split('#')[0] as UserId))
  const entries = [...peers].map(peerId => {
    return friendEntry(
      peerId,
      FRIEND_REGISTERS.map(name => friends.get(`${peerId}#${name}`)?.json),
    )
  })
  const [profile, settings, attributes] = [own.get('profile'), own.get('settings'), own.get('attributes')]
  const devices = own.get('devices')
  const { settings: chosen } = ownEntry(settings, undefined)
  return {
    userId,
    friends: entries.filter(isSomething).sort((a, b) => byKey([a.userId, a], [b.userId, b])),
    profile: {
      seq: profile?.position ?? 0,
      profile: profile === undefined ? { name: '', avatar: '' } : (JSON.parse(profile.json) as Profile),
    },
    settings: { seq: settings?.position ?? 0, settings: chosen },
    attributes: { seq: attributes?.position ?? 0, attributes: ownEntry(undefined, attributes).attributes },
    devices: { seq: devices?.position ?? 0, devices: devicesOf(devices) },
    access: accessOf(own.get('access')),
    revoked: { seq: own.get('revoked')?.position ?? 0, revoked: revokedOf(own.get('revoked')) },
  }
}

/** The hashes that hold a person in Redis. */
export function personKeys(keyPrefix: string, userId: UserId): string[] {
  return [friendKeys(keyPrefix, userId)[0]!, ownKey(keyPrefix, userId)]
}

/** The row of what those hashes hold; undefined where that is nothing. */
export function personOf(userId: UserId, hashes: KeyAnswers): PersonRow | undefined {
  if (hashes.every(({ length }) => length === 0)) return undefined
  const [friends = new Map(), own = new Map()] = hashes.map(flat => {
    return new Map(pairsOf(flat).map(([field, text]) => [field, storedOf(text)!]))
  })
  return personRow(userId, friends, own)
}
