import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { KeyReader } from '../../infra/redis/key-reader.ts'
import { keySums, type TagSum } from '../../infra/redis/key-sums.ts'
import { loadScript } from '../../infra/redis/pipeline.ts'
import { tagsOf } from '../../infra/redis/tags.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import { type PersonRow, personKeys, personOf } from './inspect-people.ts'
import type { GroupMember, MembershipInterval, StoredInvite, StoredRequest } from './membership-store.ts'
import { groupKeys, userKeys } from './redis-membership-keys.ts'
import { intervalsOf } from './stays.ts'
import { groupHead, inviteOf, memberOf, requestOf, roleSince } from './versioned.ts'

/**
 * The membership view as plain rows, for `verify` and for tests that compare two views. Rows are read from the store
 * as they are; nothing here folds events.
 */

/** Everything that the view holds of one group. Lists are sorted by userId, invites by their id. */
export interface MembershipGroupRow {
  sessionId: SessionId
  owner: UserId
  info: GroupInfo
  settings?: GroupSettings
  /** Seq of the event that created the group. */
  createdSeq: Seq
  /** Seq of the event that dismissed it, 0 while it lives. */
  dismissedSeq: Seq
  /** Who is in now; nobody once the group is dismissed. */
  members: GroupMember[]
  /** Every stay of everyone who ever was in, oldest first. */
  stays: { userId: UserId; intervals: MembershipInterval[] }[]
  requests: StoredRequest[]
  invites: StoredInvite[]
}

/** The groups of one user, sorted by sessionId; those left are not listed. */
export interface MembershipUserRow {
  userId: UserId
  groups: { sessionId: SessionId; joinSeq: Seq; role: MemberRole }[]
}

/** Every call rejects when the store cannot be reached, or when a rebuild switched generations meanwhile (ask again). */
export interface MembershipInspector {
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Ids of all groups and users that the view holds anything of, in no order, each once, a page at a time. */
  groupIds(): AsyncIterable<SessionId[]>
  userIds(): AsyncIterable<UserId[]>
  /** As HistoryInspector has them. Of what is kept of a user besides their groups they only say that there is something. */
  sums?(): AsyncIterable<readonly TagSum[]>
  group(sessionId: SessionId): Promise<MembershipGroupRow | undefined>
  user(userId: UserId): Promise<MembershipUserRow | undefined>
  /** What is kept of a user besides their groups. */
  person(userId: UserId): Promise<PersonRow | undefined>
}

/** Rows of the live generation in Redis. */
export function inspectMembership(generations: Generations): MembershipInspector {
  return new RedisMembershipInspector(generations)
}

const sumKeys = loadScript(new URL('./sum-keys.lua', import.meta.url))

class RedisMembershipInspector implements MembershipInspector {
  private readonly generations: Generations
  private readonly groups: KeyReader<SessionId>
  private readonly users: KeyReader<UserId>
  private readonly people: KeyReader<UserId>

  constructor(generations: Generations) {
    this.generations = generations
    this.groups = new KeyReader(generations, {
      kinds: 'mhhhhhhh',
      keysOf: (keyPrefix, sessionId) => {
        const { head, stays, present, roles, aliases, mutes, requests, invites } = groupKeys(keyPrefix, sessionId)
        return [present, head, stays, roles, aliases, mutes, requests, invites]
      },
    })
    this.users = new KeyReader(generations, {
      kinds: 'hhh',
      keysOf: (keyPrefix, userId) => {
        const { groups, roles, touched } = userKeys(keyPrefix, userId)
        return [groups, roles, touched]
      },
    })
    this.people = new KeyReader(generations, { kinds: 'hh', keysOf: personKeys })
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const stored = await this.generations.readPositions()
    return new Map([...stored].map(([partition, json]) => [partition, JSON.parse(json) as Position]))
  }

  async *groupIds(): AsyncIterable<SessionId[]> {
    for await (const tags of tagsOf(this.generations, '*', ['stays', 'head', 'requests', 'invites']))
      yield tags as SessionId[]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    for await (const tags of tagsOf(this.generations, 'u:*', ['touched', 'friends', 'own'])) {
      yield tags.map(tag => tag.slice('u:'.length)) as UserId[]
    }
  }

  sums(): AsyncIterable<readonly TagSum[]> {
    return keySums(this.generations, sumKeys)
  }

  async group(sessionId: SessionId): Promise<MembershipGroupRow | undefined> {
    const replies = await this.groups.read(sessionId)
    const hash = (at: number): ReadonlyMap<string, string> => new Map(pairsOf(replies?.[at]).sort(byKey))
    const [head, stays, roles, aliases, mutes] = [hash(1), hash(2), hash(3), hash(4), hash(5)]
    const [requests, invites] = [hash(6), hash(7)]
    if (head.size + stays.size + requests.size + invites.size === 0) return undefined
    const dismissedSeq = Number(head.get('dismissedSeq') ?? 0)
    const present = dismissedSeq > 0 ? [] : (replies![0] as UserId[])
    return {
      sessionId,
      ...groupHead(head.get('owner'), head.get('info'), head.get('settings')),
      createdSeq: Number(head.get('createdSeq') ?? 0),
      dismissedSeq,
      members: present.map(userId => {
        const texts = { role: roles.get(userId), alias: aliases.get(userId), mute: mutes.get(userId) }
        // Who stands among those present without a stay is shown as well: verify tells.
        return memberOf(userId, { stays: stays.get(userId) ?? '', ...texts }) ?? { userId, role: 'member', joinSeq: 0 }
      }),
      stays: [...stays].map(([userId, text]) => {
        return { userId: userId as UserId, intervals: intervalsOf(text, dismissedSeq) }
      }),
      requests: [...requests].map(([userId, text]) => requestOf(userId as UserId, text)),
      invites: [...invites].map(([inviteId, text]) => inviteOf(inviteId, text)),
    }
  }

  async person(userId: UserId): Promise<PersonRow | undefined> {
    const answers = await this.people.read(userId)
    return answers && personOf(userId, answers)
  }

  async user(userId: UserId): Promise<MembershipUserRow | undefined> {
    const replies = await this.users.read(userId)
    if (replies === undefined || replies[0]!.length + replies[2]!.length === 0) return undefined
    const roles = new Map(pairsOf(replies[1]))
    const groups = pairsOf(replies[0])
      .sort(byKey)
      .map(([sessionId, entry]) => {
        const joinSeq = Number(entry.split('/')[1])
        return { sessionId: sessionId as SessionId, joinSeq, role: roleSince(roles.get(sessionId), joinSeq) }
      })
    return { userId, groups: groups.filter(({ joinSeq }) => joinSeq > 0) }
  }
}
