import { hash } from 'node:crypto'
import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Revoked } from '../../schemas/apps.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import type { Access } from '../../schemas/session.ts'
import type { Profile, UserSettings } from '../../schemas/settings.ts'
import { FRIEND_REGISTERS, type FriendWrite, type OwnWrite, type PeopleWrites, searchable } from './people.ts'
import {
  accessOf,
  type DevicesReader,
  devicesOf,
  FIND_CHARS_MIN,
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

/**
 * People in Redis, beside the groups of the membership view. The keys, under `<prefix>membership:<generation>:`, none
 * with a time to live, written by the membership view only:
 *
 *   {u:<userId>}:friends      hash  <peerId>#<register> -> position/json, see people.ts
 *   {u:<userId>}:friendOrder  zset  peerId by the version of the list at which it last changed
 *   {u:<userId>}:own          hash  profile, settings, attributes, devices -> position/json
 *   {t:<service>:<sha256>}:users hash userId -> position/time, of everyone who ever registered this push token; no time:
 *                                   no more
 *   {n:<code point>}:names    zset  searchable name, a zero byte and userId, all scores 0: of all names that begin with
 *                                   this character. May hold names that are no longer used: readers look at the profile
 */

const setFriends = loadScript(new URL('./set-friends.lua', import.meta.url))
const setOwn = loadScript(new URL('./set-own.lua', import.meta.url))
const friendsScript = loadScript(new URL('./friends.lua', import.meta.url))

/** Names that are looked at for each one that is wanted: some may be used no longer, or not be shown. */
const FIND_FACTOR = 2
const SEPARATOR = '\u0000'
/** Sorts behind every character that a name can have. */
const LAST = '\u{10FFFF}'

export function friendKeys(keyPrefix: string, userId: UserId): [friends: string, order: string] {
  return [`${keyPrefix}{u:${userId}}:friends`, `${keyPrefix}{u:${userId}}:friendOrder`]
}

export function ownKey(keyPrefix: string, userId: UserId): string {
  return `${keyPrefix}{u:${userId}}:own`
}

/** Undefined for what nobody is found by. */
function namesKey(keyPrefix: string, name: string): string | undefined {
  const first = name.codePointAt(0)
  return first === undefined ? undefined : `${keyPrefix}{n:${first.toString(16)}}:names`
}

/** Writes what a batch says of people; the same again, whole or in part, changes nothing. */
export async function writePeople(
  connection: RedisConnection,
  keyPrefix: string,
  { friends, own, tokens }: PeopleWrites,
): Promise<void> {
  const friendCommands = [...byUser(friends)].map(([userId, writes]) => {
    const args = writes.flatMap(({ peerId, name, position, json, isNothing }) => {
      return [peerId, name, position, json, isNothing ? 1 : 0]
    })
    return setFriends.call(friendKeys(keyPrefix, userId), args)
  })
  const users = [...byUser(own)]
  const ownCommands = users.map(([userId, writes]) => {
    const args = writes.flatMap(({ name, position, json }) => [name, position, json])
    return setOwn.call([ownKey(keyPrefix, userId)], args)
  })
  const replies = await runPipeline(connection, [...ownCommands, ...friendCommands], [setOwn, setFriends])
  const names = users.flatMap(([userId, writes], i) => nameCommands(keyPrefix, userId, writes, String(replies[i])))
  await runPipeline(connection, names, [])
  const tokenCommands = tokens.map(({ userId, position, at = '', ...token }) => {
    return setOwn.call([tokenKey(keyPrefix, token)], [userId, position, at])
  })
  await runPipeline(connection, tokenCommands, [setOwn])
}

/** Tokens are long, and are nobody's business: the key has a hash of it. */
function tokenKey(keyPrefix: string, { serviceType, token }: { serviceType: number; token: string }): string {
  return `${keyPrefix}{t:${serviceType}:${hash('sha256', token)}}:users`
}

function byUser<W extends FriendWrite | OwnWrite>(writes: readonly W[]): Map<UserId, W[]> {
  const users = new Map<UserId, W[]>()
  for (const write of writes) {
    const ofUser = users.get(write.userId)
    if (ofUser === undefined) users.set(write.userId, [write])
    else ofUser.push(write)
  }
  return users
}

/** Enters the last name of the batch, and takes off the one from before. */
function nameCommands(keyPrefix: string, userId: UserId, writes: readonly OwnWrite[], before: string): Command[] {
  const last = writes.findLast(({ name }) => name === 'profile')
  if (last === undefined) return []
  const nameOf = (json: string) => searchable((JSON.parse(json) as Profile).name)
  const name = nameOf(last.json)
  const old = before === '' ? '' : nameOf(storedOf(before)!.json)
  const command = (verb: 'add' | 'remove', of: string): Command[] => {
    const key = namesKey(keyPrefix, of)
    if (key === undefined) return []
    const member = `${of}${SEPARATOR}${userId}`
    return [verb === 'add' ? ['zadd', key, 0, member] : ['zrem', key, member]]
  }
  return name === old ? command('add', name) : [...command('add', name), ...command('remove', old)]
}

/** `position/json` as it is stored. */
export function storedOf(text: string | null | undefined): Stored | undefined {
  if (text == null || text === '') return undefined
  const slash = text.indexOf('/')
  return { position: Number(text.slice(0, slash)), json: text.slice(slash + 1) }
}

/** The reading side of people in Redis. */
export class RedisPeopleReader implements PeopleReader, DevicesReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async friends({ userId, since, cursor, limit }: Parameters<PeopleReader['friends']>[0]): Promise<FriendPage> {
    let epoch = ''
    let place = placeOf(cursor ?? since, epoch)
    const replies = await this.generations.read(
      keyPrefix => {
        epoch = epochOf(keyPrefix)
        place = placeOf(cursor ?? since, epoch)
        return [friendsScript.call(friendKeys(keyPrefix, userId), [place.version, limit + 1, ...FRIEND_REGISTERS])]
      },
      [friendsScript],
    )
    return friendPage(rowsOf(replies?.[0]), { place, limit, epoch })
  }

  async profiles(userIds: readonly UserId[]): Promise<ProfileEntry[]> {
    const replies = await this.generations.read(keyPrefix =>
      userIds.map((userId): Command => ['hget', ownKey(keyPrefix, userId), 'profile']),
    )
    return userIds.flatMap((userId, i) => {
      const stored = storedOf(replies?.[i] as string | null | undefined)
      if (stored === undefined) return []
      return [{ userId, seq: stored.position, profile: JSON.parse(stored.json) as Profile }]
    })
  }

  async findUsers({ name, limit }: { name: string; limit: number }): Promise<ProfileEntry[]> {
    const wanted = searchable(name)
    const userIds = new Set<UserId>(isUserId(name) ? [name] : [])
    if ([...wanted].length >= FIND_CHARS_MIN) {
      const replies = await this.generations.read(keyPrefix => [
        [
          'zrangebylex',
          namesKey(keyPrefix, wanted)!,
          `[${wanted}`,
          `(${wanted}${LAST}`,
          'LIMIT',
          0,
          limit * FIND_FACTOR,
        ],
      ])
      for (const member of (replies?.[0] ?? []) as string[]) userIds.add(member.split(SEPARATOR)[1] as UserId)
    }
    if (userIds.size === 0) return []
    const replies = await this.generations.read(keyPrefix =>
      [...userIds].map((userId): Command => ['hmget', ownKey(keyPrefix, userId), 'profile', 'settings']),
    )
    return [...userIds]
      .map((userId, i) => {
        const [profile, settings] = ((replies?.[i] ?? []) as (string | null)[]).map(storedOf)
        return foundProfile(userId, { profile, settings }, name)
      })
      .filter(found => found !== undefined)
      .slice(0, limit)
  }

  async settings(userIds: readonly UserId[]): Promise<UserSettings[]> {
    const replies = await this.generations.read(keyPrefix =>
      userIds.map((userId): Command => ['hget', ownKey(keyPrefix, userId), 'settings']),
    )
    return userIds.map((_, i) => ownEntry(storedOf(replies?.[i] as string | null), undefined).settings)
  }

  async revoked(userId: UserId): Promise<Revoked> {
    const replies = await this.generations.read(keyPrefix => [['hget', ownKey(keyPrefix, userId), 'revoked']])
    return revokedOf(storedOf(replies?.[0] as string | null))
  }

  async access(userIds: readonly UserId[]): Promise<Access[]> {
    const replies = await this.generations.read(keyPrefix =>
      userIds.map((userId): Command => ['hget', ownKey(keyPrefix, userId), 'access']),
    )
    return userIds.map((_, i) => accessOf(storedOf(replies?.[i] as string | null)))
  }

  async devices(userIds: readonly UserId[]): Promise<PushDevice[][]> {
    const replies = await this.generations.read(keyPrefix =>
      userIds.map((userId): Command => ['hget', ownKey(keyPrefix, userId), 'devices']),
    )
    return userIds.map((_, i) => devicesOf(storedOf(replies?.[i] as string | null)))
  }

  async tokenUsers(token: { serviceType: number; token: string }) {
    const replies = await this.generations.read(keyPrefix => [['hgetall', tokenKey(keyPrefix, token)]])
    const users = pairsOf(replies?.[0]).map(([userId, text]) => [userId as UserId, storedOf(text)!] as const)
    return tokenEntries(users)
  }

  async relation({ userId, peerId }: { userId: UserId; peerId: UserId }): Promise<FriendEntry> {
    const fields = FRIEND_REGISTERS.map(name => `${peerId}#${name}`)
    const replies = await this.generations.read(keyPrefix => [['hmget', friendKeys(keyPrefix, userId)[0], ...fields]])
    const stored = (replies?.[0] ?? []) as (string | null)[]
    return friendEntry(
      peerId,
      stored.map(text => storedOf(text)?.json),
    )
  }

  async blocks(pairs: readonly { userId: UserId; peerId: UserId }[]): Promise<boolean[]> {
    const replies = await this.generations.read(keyPrefix =>
      pairs.map(({ userId, peerId }): Command => ['hget', friendKeys(keyPrefix, userId)[0], `${peerId}#blocked`]),
    )
    return pairs.map(({ peerId }, i) => {
      const json = storedOf(replies?.[i] as string | null)?.json
      return friendEntry(peerId, [undefined, undefined, json]).blocked
    })
  }

  async own(userId: UserId): Promise<OwnEntry> {
    const replies = await this.generations.read(keyPrefix => [
      ['hmget', ownKey(keyPrefix, userId), 'settings', 'attributes'],
    ])
    const [settings, attributes] = ((replies?.[0] ?? []) as (string | null)[]).map(storedOf)
    return ownEntry(settings, attributes)
  }
}

/** Names the life of the view: a list of another one has other versions. */
function epochOf(keyPrefix: string): string {
  return keyPrefix.split(':').at(-2)!
}

function rowsOf(reply: unknown) {
  const flat = (reply ?? []) as string[]
  const width = 2 + FRIEND_REGISTERS.length
  return Array.from({ length: flat.length / width }, (_, row) => {
    const [peerId, version, ...registers] = flat.slice(row * width, (row + 1) * width)
    const stored = registers.map(text => storedOf(text)?.json)
    return { version: Number(version), entry: friendEntry(peerId as UserId, stored) }
  })
}
