import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { tagsOf } from '../../infra/redis/tags.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import { type PersonRow, readPerson } from './inspect-people.ts'
import type { MemberRole, MembershipInterval } from './membership-store.ts'
import { groupKeys, userGroupsKey } from './redis-membership-keys.ts'
import { intervalsOf, presentSince } from './stays.ts'

/**
 * The membership view as plain rows, for `verify` and for tests that compare two views. Rows are read from the store
 * as they are; nothing here folds events.
 */

/** Everything that the view holds of one group. Lists are sorted by userId. */
export interface MembershipGroupRow {
  sessionId: SessionId
  owner: UserId
  name: string
  avatar: string
  notice: string
  /** Seq of the event that created the group. */
  createdSeq: Seq
  /** Seq of the event that dismissed it, 0 while it lives. */
  dismissedSeq: Seq
  /** Who is in now; nobody once the group is dismissed. */
  members: { userId: UserId; role: MemberRole; joinSeq: Seq }[]
  /** Every stay of everyone who ever was in, oldest first. */
  stays: { userId: UserId; intervals: MembershipInterval[] }[]
}

/** The groups of one user, sorted by sessionId; those left are not listed. */
export interface MembershipUserRow {
  userId: UserId
  groups: { sessionId: SessionId; joinSeq: Seq }[]
}

/** Every call rejects when the store cannot be reached, or when a rebuild switched generations meanwhile (ask again). */
export interface MembershipInspector {
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Ids of all groups and users that the view holds anything of, in no order, each once, a page at a time. */
  groupIds(): AsyncIterable<SessionId[]>
  userIds(): AsyncIterable<UserId[]>
  group(sessionId: SessionId): Promise<MembershipGroupRow | undefined>
  user(userId: UserId): Promise<MembershipUserRow | undefined>
  /** What is kept of a user besides their groups. */
  person(userId: UserId): Promise<PersonRow | undefined>
}

/** Rows of the live generation in Redis. */
export function inspectMembership(generations: Generations): MembershipInspector {
  return new RedisMembershipInspector(generations)
}

class RedisMembershipInspector implements MembershipInspector {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const stored = await this.generations.readPositions()
    return new Map([...stored].map(([partition, json]) => [partition, JSON.parse(json) as Position]))
  }

  async *groupIds(): AsyncIterable<SessionId[]> {
    for await (const tags of tagsOf(this.generations, '*', ['stays'])) yield tags as SessionId[]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    for await (const tags of tagsOf(this.generations, 'u:*', ['groups', 'friends', 'own'])) {
      yield tags.map(tag => tag.slice('u:'.length)) as UserId[]
    }
  }

  async group(sessionId: SessionId): Promise<MembershipGroupRow | undefined> {
    const replies = await this.generations.read(keyPrefix => {
      const { head, stays, present } = groupKeys(keyPrefix, sessionId)
      return [
        ['hgetall', head],
        ['hgetall', stays],
        ['zrangebylex', present, '-', '+'],
      ]
    })
    const head = new Map(pairsOf(replies?.[0]))
    const stays = new Map(pairsOf(replies?.[1]).sort(byKey))
    if (head.size + stays.size === 0) return undefined
    const owner = (head.get('owner') ?? '') as UserId
    const dismissedSeq = Number(head.get('dismissedSeq') ?? 0)
    const present = dismissedSeq > 0 ? [] : (replies![2] as UserId[])
    return {
      sessionId,
      owner,
      name: head.get('name') ?? '',
      avatar: head.get('avatar') ?? '',
      notice: head.get('notice') ?? '',
      createdSeq: Number(head.get('createdSeq') ?? 0),
      dismissedSeq,
      members: present.map(userId => {
        const role = userId === owner ? 'owner' : 'member'
        return { userId, role, joinSeq: presentSince(stays.get(userId) ?? '') ?? 0 }
      }),
      stays: [...stays].map(([userId, text]) => {
        return { userId: userId as UserId, intervals: intervalsOf(text, dismissedSeq) }
      }),
    }
  }

  person(userId: UserId): Promise<PersonRow | undefined> {
    return readPerson(this.generations, userId)
  }

  async user(userId: UserId): Promise<MembershipUserRow | undefined> {
    const replies = await this.generations.read(keyPrefix => [['hgetall', userGroupsKey(keyPrefix, userId)]])
    const entries = pairsOf(replies?.[0]).sort(byKey)
    if (entries.length === 0) return undefined
    const groups = entries.map(([sessionId, entry]) => {
      return { sessionId: sessionId as SessionId, joinSeq: Number(entry.split('/')[1]) }
    })
    return { userId, groups: groups.filter(({ joinSeq }) => joinSeq > 0) }
  }
}
