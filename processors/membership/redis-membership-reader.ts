import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { type Command, loadScript } from '../../infra/redis/pipeline.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { MemberRole } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import {
  type GroupMember,
  type GroupsPage,
  type GroupsVersion,
  MEMBER_CHANGES_MAX,
  type MembershipInterval,
  type MembershipReader,
  type MembersPage,
  type StoredGroup,
  type StoredInvite,
  type StoredRequest,
} from './membership-store.ts'
import { groupKeys, userKeys } from './redis-membership-keys.ts'
import { intervalsOf } from './stays.ts'
import { groupHead, inviteOf, memberOf, requestOf, roleSince } from './versioned.ts'

/** The reading side of membership in Redis. Every step is checked against the live generation (infra/redis/generations.ts). */

const membersScript = loadScript(new URL('./members.lua', import.meta.url))

/** Texts of one member in an answer of members.lua. */
const MEMBER_FIELDS = 5
/** Groups whose heads are read in one go. */
const HEADS_PAGE = 500

type Reply = string | null

/** What the lists of a user say of one group. */
interface Listed {
  sessionId: SessionId
  joinSeq: Seq
  role: MemberRole
  touched: { partition: Partition; offset: Offset }
}

export class RedisMembershipReader implements MembershipReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const stored = await this.generations.readPositions()
    return new Map([...stored].map(([partition, json]) => [partition, JSON.parse(json) as Position]))
  }

  filling(): Promise<string | undefined> {
    return this.generations.filling()
  }

  async groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq; role: MemberRole }[]> {
    const { lists } = await this.lists(userId)
    return lists
      .filter(({ joinSeq }) => joinSeq > 0)
      .map(({ sessionId, joinSeq, role }) => ({ sessionId, joinSeq, role }))
  }

  /** What a user's lists say, by session id, and the generation that says it. */
  private async lists(userId: UserId): Promise<{ epoch: string; lists: Listed[] }> {
    const { epoch, replies } = await this.read(keyPrefix => {
      const { groups, roles, touched } = userKeys(keyPrefix, userId)
      return [groups, roles, touched].map((key): Command => ['hgetall', key])
    })
    const [groups, roles, touched] = [0, 1, 2].map(at => new Map(pairsOf(replies?.[at])))
    const lists = [...touched!].sort(byKey).map(([sessionId, text]) => {
      const [partition, offset] = text.split('/').map(Number) as [number, number]
      const joinSeq = Number(groups!.get(sessionId)?.split('/')[1] ?? 0)
      const role = roleSince(roles!.get(sessionId), joinSeq)
      return { sessionId: sessionId as SessionId, joinSeq, role, touched: { partition, offset } }
    })
    return { epoch, lists }
  }

  /** As `generations.read`, with the name of the generation that was read; empty where there is none. */
  private async read(make: (keyPrefix: string) => Command[], scripts: Parameters<Generations['read']>[1] = []) {
    let epoch = ''
    const replies = await this.generations.read(keyPrefix => {
      epoch = keyPrefix.split(':').at(-2) ?? ''
      return make(keyPrefix)
    }, scripts)
    return { epoch: replies === undefined ? '' : epoch, replies }
  }

  async intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]> {
    const { replies } = await this.read(keyPrefix => {
      const { head, stays } = groupKeys(keyPrefix, request.sessionId)
      return [
        ['hget', stays, request.userId],
        ['hget', head, 'dismissedSeq'],
      ]
    })
    const [stays, dismissedSeq] = (replies ?? []) as Reply[]
    return intervalsOf(stays ?? '', Number(dismissedSeq ?? 0))
  }

  async members(request: Parameters<MembershipReader['members']>[0]): Promise<MembersPage> {
    const { sessionId, since, cursor, limit } = request
    const { epoch, replies } = await this.read(
      keyPrefix => {
        const { head, stays, present, changes, roles, aliases, mutes } = groupKeys(keyPrefix, sessionId)
        const min = cursor === undefined ? '-' : `(${cursor}`
        const known = since === undefined || since.epoch !== keyPrefix.split(':').at(-2) ? -1 : since.seq
        const keys = [head, stays, present, changes, roles, aliases, mutes]
        return [membersScript.call(keys, [min, limit + 1, known, MEMBER_CHANGES_MAX])]
      },
      [membersScript],
    )
    const [seq, how, ...flat] = (replies?.[0] ?? ['0', 'all']) as string[]
    const version = { epoch, seq: Number(seq) }
    const all = memberTexts(flat)
    const members = all.flatMap(({ member }) => member ?? [])
    if (how === 'since') {
      const left = all.filter(({ member }) => member === undefined).map(({ userId }) => userId)
      return { members, left, version }
    }
    if (members.length <= limit) return { members, version }
    return { members: members.slice(0, limit), cursor: members[limit - 1]!.userId, version }
  }

  async member(request: { sessionId: SessionId; userId: UserId }): Promise<GroupMember | undefined> {
    return (await this.groupFor(request))?.me
  }

  async groupFor({ sessionId, userId }: { sessionId: SessionId; userId: UserId }): Promise<StoredGroup | undefined> {
    const { replies } = await this.read(keyPrefix => groupCommands(keyPrefix, sessionId, userId))
    return replies === undefined ? undefined : groupOf(sessionId, userId, replies)
  }

  async groupsFor(request: Parameters<MembershipReader['groupsFor']>[0]): Promise<GroupsPage> {
    const { userId, since, cursor, limit } = request
    // Read before the data: what is told is at least as new as this.
    const positions = await this.positions()
    const { epoch, lists } = await this.lists(userId)
    const isSince = since !== undefined && since.epoch === epoch
    const offsets = new Map([...positions].map(([partition, { offset }]) => [partition, offset]))
    const version: GroupsVersion = { epoch, offsets }
    const present = lists.filter(({ joinSeq }) => joinSeq > 0)
    const wanted = isSince ? await this.changed(present, since) : present
    const behind = wanted.filter(({ sessionId }) => cursor === undefined || sessionId > cursor)
    const groups = await this.heads(
      behind.slice(0, limit).map(({ sessionId }) => sessionId),
      userId,
    )
    const left = lists.filter(list => list.joinSeq === 0 && isTouched(list, since)).map(({ sessionId }) => sessionId)
    const page: GroupsPage = isSince ? { groups, left, version } : { groups, version }
    return behind.length > limit ? { ...page, cursor: behind[limit - 1]!.sessionId } : page
  }

  /** Of these groups those that the user, or the list, shows otherwise since. */
  private async changed(lists: readonly Listed[], since: GroupsVersion): Promise<Listed[]> {
    const changed: Listed[] = []
    for (let at = 0; at < lists.length; at += HEADS_PAGE) {
      const page = lists.slice(at, at + HEADS_PAGE)
      const { replies } = await this.read(keyPrefix =>
        page.map(({ sessionId }): Command => ['hget', groupKeys(keyPrefix, sessionId).head, 'changed']),
      )
      changed.push(
        ...page.filter((list, i) => {
          const offset = Number((replies?.[i] as Reply | undefined) ?? -1)
          return isTouched(list, since) || offset > (since.offsets.get(list.touched.partition) ?? -1)
        }),
      )
    }
    return changed
  }

  private async heads(sessionIds: readonly SessionId[], userId: UserId): Promise<StoredGroup[]> {
    const groups: StoredGroup[] = []
    for (let at = 0; at < sessionIds.length; at += HEADS_PAGE) {
      const page = sessionIds.slice(at, at + HEADS_PAGE)
      const { replies } = await this.read(keyPrefix =>
        page.flatMap(sessionId => groupCommands(keyPrefix, sessionId, userId)),
      )
      for (const [i, sessionId] of page.entries()) {
        const own = replies?.slice(i * GROUP_COMMANDS, (i + 1) * GROUP_COMMANDS)
        const group = own === undefined ? undefined : groupOf(sessionId, userId, own)
        if (group !== undefined) groups.push(group)
      }
    }
    return groups
  }

  async joinRequests(request: Parameters<MembershipReader['joinRequests']>[0]) {
    const { sessionId, cursor, limit } = request
    const { replies } = await this.read(keyPrefix => [['hgetall', groupKeys(keyPrefix, sessionId).requests]])
    const all = pairsOf(replies?.[0])
      .filter(([userId]) => cursor === undefined || userId > cursor)
      .sort(byKey)
      .map(([userId, text]): StoredRequest => requestOf(userId as UserId, text))
    const requests = all.slice(0, limit)
    return all.length <= limit ? { requests } : { requests, cursor: requests.at(-1)!.userId as string }
  }

  async invites(sessionId: SessionId): Promise<StoredInvite[]> {
    const { replies } = await this.read(keyPrefix => [['hgetall', groupKeys(keyPrefix, sessionId).invites]])
    return pairsOf(replies?.[0])
      .sort(byKey)
      .map(([inviteId, text]) => inviteOf(inviteId, text))
  }
}

function isTouched({ touched }: Listed, since: GroupsVersion | undefined): boolean {
  return touched.offset > (since?.offsets.get(touched.partition) ?? -1)
}

/** The users of an answer of members.lua, in byte order. */
export function memberTexts(flat: readonly string[]): { userId: UserId; member: GroupMember | undefined }[] {
  const users: { userId: UserId; member: GroupMember | undefined }[] = []
  for (let at = 0; at < flat.length; at += MEMBER_FIELDS) {
    const [userId, stays, role, alias, mute] = flat.slice(at, at + MEMBER_FIELDS) as [
      UserId,
      string,
      string,
      string,
      string,
    ]
    users.push({ userId, member: memberOf(userId, { stays, role, alias, mute }) })
  }
  return users.sort((a, b) => byKey([a.userId, a], [b.userId, b]))
}

function groupCommands(keyPrefix: string, sessionId: SessionId, userId: UserId): Command[] {
  const { head, present, stays, roles, aliases, mutes } = groupKeys(keyPrefix, sessionId)
  return [
    ['hmget', head, 'owner', 'info', 'settings', 'dismissedSeq'],
    ['zcard', present],
    ['hget', stays, userId],
    ['hget', roles, userId],
    ['hget', aliases, userId],
    ['hget', mutes, userId],
  ]
}
const GROUP_COMMANDS = 6

/** Undefined where nothing is known of the group. */
function groupOf(sessionId: SessionId, userId: UserId, replies: readonly unknown[]): StoredGroup | undefined {
  const [owner, info, settings, dismissed] = replies[0] as Reply[]
  const [stays, role, alias, mute] = replies.slice(2) as Reply[]
  const present = Number(replies[1])
  if ([owner, info, settings, dismissed, stays].every(text => text === null) && present === 0) return undefined
  const dismissedSeq = Number(dismissed ?? 0)
  const me = dismissedSeq > 0 ? undefined : memberOf(userId, { stays: stays ?? '', role, alias, mute })
  const memberCount = dismissedSeq > 0 ? 0 : present
  const group = { sessionId, ...groupHead(owner, info, settings), memberCount, dismissedSeq }
  return me === undefined ? group : { ...group, me }
}
