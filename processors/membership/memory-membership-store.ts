import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { MemberRole } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import { ViewMoved } from '../view.ts'
import type { AppsReader } from './apps-store.ts'
import type { MembershipGroupRow, MembershipInspector, MembershipUserRow } from './inspect.ts'
import type { PersonRow } from './inspect-people.ts'
import {
  type GroupMember,
  type GroupsPage,
  type GroupsVersion,
  MEMBER_CHANGES_MAX,
  type MembershipInterval,
  type MembershipReader,
  type MembershipStore,
  type MembersPage,
  type StoredGroup,
  type StoredInvite,
  type StoredRequest,
} from './membership-store.ts'
import { MemoryApps } from './memory-apps.ts'
import {
  applyGroup,
  emptyGroup,
  type GroupRows,
  joinSeqOf,
  type ListRows,
  presentIn,
  setEntry,
  textsOf,
} from './memory-groups.ts'
import { MemoryPeople } from './memory-people.ts'
import type { DevicesReader, PeopleReader } from './people-store.ts'
import { intervalsOf, presentSince } from './stays.ts'
import { type GroupHead, groupHead, inviteOf, memberOf, requestOf, roleSince } from './versioned.ts'

/** Membership in memory, for the simulation and for tests; the same behaviour as in Redis (tests/contract). */

interface Contents {
  epoch: string
  positions: Map<Partition, Position>
  groups: Map<SessionId, GroupRows>
  users: Map<UserId, Map<SessionId, ListRows>>
  people: MemoryPeople
  apps: MemoryApps
}

/** What one or more stores share, as clients of one server do. */
export class MemoryMembership {
  private lives = 0
  contents: Contents = this.emptyContents()
  /** How often it was found to hold less than it had confirmed. */
  setBacks = 0

  /** What is asked of people. */
  get people(): PeopleReader & DevicesReader {
    const current = () => this.contents.people
    return {
      friends: request => current().friends(request),
      profiles: userIds => current().profiles(userIds),
      findUsers: request => current().findUsers(request),
      own: userId => current().own(userId),
      settings: userIds => current().settings(userIds),
      devices: userIds => current().devices(userIds),
      tokenUsers: token => current().tokenUsers(token),
      relation: pair => current().relation(pair),
      access: userIds => current().access(userIds),
      revoked: userId => current().revoked(userId),
      blocks: pairs => current().blocks(pairs),
    }
  }

  /** What is asked of apps. */
  get apps(): AppsReader {
    const current = () => this.contents.apps
    return {
      keys: app => current().keys(app),
      quotas: app => current().quotas(app),
      webhooks: app => current().webhooks(app),
      allWebhooks: () => current().allWebhooks(),
      jobs: app => current().jobs(app),
      job: request => current().job(request),
      openJobs: app => current().openJobs(app),
      jobSpec: request => current().jobSpec(request),
      userCount: partition => current().userCount(partition),
      apps: () => current().apps(),
      users: request => current().users(request),
    }
  }

  /** Loses everything. */
  flush(): void {
    this.contents = this.emptyContents()
  }

  private emptyContents(): Contents {
    const maps = { positions: new Map(), groups: new Map(), users: new Map() }
    return { epoch: `life-${++this.lives}`, ...maps, people: new MemoryPeople(), apps: new MemoryApps() }
  }
}

export class MemoryMembershipStore implements MembershipStore, MembershipReader, MembershipInspector {
  private readonly server: MemoryMembership
  private readonly places = new Map<Partition, { contents: Contents; before: number | undefined }>()

  constructor(server: MemoryMembership) {
    this.server = server
  }

  async position(partition: Partition): Promise<Position | undefined> {
    const { contents } = this.server
    const position = contents.positions.get(partition)
    const known = this.places.get(partition)
    if (known?.contents === contents && (position?.offset ?? -1) < (known.before ?? -1)) this.server.setBacks++
    this.places.set(partition, { contents, before: position?.offset })
    return position
  }

  async write({ partition, writes, position }: Parameters<MembershipStore['write']>[0]): Promise<void> {
    const place = this.places.get(partition)
    if (place?.contents !== this.server.contents) throw new ViewMoved(`partition ${partition}`)
    const { contents } = place
    const isInPlace = this.isInPlace(partition)
    const stored = contents.positions.get(partition)
    for (const group of writes.groups) {
      const rows = contents.groups.get(group.sessionId) ?? emptyGroup()
      contents.groups.set(group.sessionId, rows)
      applyGroup(rows, group)
    }
    for (const [userId, entries] of writes.users) {
      for (const [sessionId, entry] of entries) setEntry(listOf(contents, userId), sessionId, partition, entry)
    }
    for (const { sessionId, dismissed } of writes.groups) {
      if (dismissed !== undefined) dismiss(contents, sessionId, partition, dismissed)
    }
    contents.people.write(writes.people)
    contents.apps.writeUsers({ partition, own: writes.people.own })
    contents.apps.write(writes.apps)
    // As in Redis: a store that was set back is noticed with the position, behind what was written.
    if (!isInPlace) throw new ViewMoved(`partition ${partition}: the store lost what it had confirmed`)
    if (stored === undefined || stored.offset < position.offset) contents.positions.set(partition, position)
    place.before = position.offset
  }

  async inPlace(partition: Partition): Promise<boolean> {
    return this.isInPlace(partition)
  }

  private isInPlace(partition: Partition): boolean {
    const place = this.places.get(partition)
    if (place?.contents !== this.server.contents) return false
    return place.before === undefined || (place.contents.positions.get(partition)?.offset ?? -2) >= place.before
  }

  async filling(): Promise<string> {
    return `${this.server.contents.epoch}/${this.server.setBacks}`
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    return new Map(this.server.contents.positions)
  }

  private rows(sessionId: SessionId): GroupRows | undefined {
    return this.server.contents.groups.get(sessionId)
  }

  /** The groups that a user is in, by session id. */
  private lists(userId: UserId): { sessionId: SessionId; joinSeq: Seq; role: MemberRole; rows: ListRows }[] {
    return [...(this.server.contents.users.get(userId) ?? [])]
      .map(([sessionId, rows]) => {
        const joinSeq = joinSeqOf(rows.stay)
        return { sessionId, joinSeq, role: roleSince(rows.role, joinSeq), rows }
      })
      .sort((a, b) => byKey([a.sessionId, a], [b.sessionId, b]))
  }

  async groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq; role: MemberRole }[]> {
    return this.lists(userId)
      .filter(({ joinSeq }) => joinSeq > 0)
      .map(({ sessionId, joinSeq, role }) => ({ sessionId, joinSeq, role }))
  }

  async intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]> {
    const group = this.rows(request.sessionId)
    return intervalsOf(group?.stays.get(request.userId) ?? '', group?.dismissedSeq ?? 0)
  }

  async members(request: Parameters<MembershipReader['members']>[0]): Promise<MembersPage> {
    const { sessionId, since, cursor, limit } = request
    const { epoch } = this.server.contents
    const group = this.rows(sessionId)
    const version = { epoch, seq: group?.changedSeq ?? 0 }
    const isLive = group !== undefined && group.dismissedSeq === 0
    if (isLive && since?.epoch === epoch && since.seq <= version.seq) {
      const changed = [...group.changes].filter(([, seq]) => seq > since.seq)
      if (changed.length <= MEMBER_CHANGES_MAX) return { ...changesOf(group, changed.sort(byKey)), version }
    }
    const userIds = presentIn(group).filter(userId => cursor === undefined || userId > cursor)
    const page = userIds.slice(0, limit)
    const members = page.map(userId => memberOf(userId, textsOf(group!, userId))!)
    return userIds.length <= limit ? { members, version } : { members, cursor: page.at(-1)!, version }
  }

  async member(request: { sessionId: SessionId; userId: UserId }): Promise<GroupMember | undefined> {
    const group = this.rows(request.sessionId)
    if (group === undefined || group.dismissedSeq > 0) return undefined
    return memberOf(request.userId, textsOf(group, request.userId))
  }

  async groupFor(request: { sessionId: SessionId; userId: UserId }): Promise<StoredGroup | undefined> {
    const rows = this.rows(request.sessionId)
    if (rows === undefined) return undefined
    const { owner, info, settings } = headOf(rows)
    const me = await this.member(request)
    const { sessionId } = request
    const group = { sessionId, owner, info, memberCount: presentIn(rows).length, dismissedSeq: rows.dismissedSeq }
    return { ...group, ...(settings === undefined ? {} : { settings }), ...(me === undefined ? {} : { me }) }
  }

  async groupsFor(request: Parameters<MembershipReader['groupsFor']>[0]): Promise<GroupsPage> {
    const { userId, since, cursor, limit } = request
    const { epoch, positions } = this.server.contents
    const offsets = new Map([...positions].map(([partition, { offset }]) => [partition, offset]))
    const lists = this.lists(userId)
    const isSince = since !== undefined && since.epoch === epoch
    const isNew = ({ sessionId, rows: { touched } }: (typeof lists)[number]) => {
      if (!isSince) return true
      const known = since.offsets.get(touched.partition) ?? -1
      return touched.offset > known || (this.rows(sessionId)?.changedOffset ?? -1) > known
    }
    const wanted = lists.filter(list => list.joinSeq > 0 && isNew(list)).map(({ sessionId }) => sessionId)
    const behind = wanted.filter(sessionId => cursor === undefined || sessionId > cursor)
    const groups: StoredGroup[] = []
    for (const sessionId of behind.slice(0, limit)) {
      const group = await this.groupFor({ sessionId, userId })
      if (group !== undefined) groups.push(group)
    }
    const left = lists.filter(list => list.joinSeq === 0 && isNew(list)).map(({ sessionId }) => sessionId)
    const page = { groups, ...(isSince ? { left } : {}), version: { epoch, offsets } satisfies GroupsVersion }
    return behind.length > limit ? { ...page, cursor: behind[limit - 1]! } : page
  }

  async joinRequests(request: Parameters<MembershipReader['joinRequests']>[0]) {
    const { sessionId, cursor, limit } = request
    const all = requestsOf(this.rows(sessionId)).filter(({ userId }) => cursor === undefined || userId > cursor)
    const requests = all.slice(0, limit)
    return all.length <= limit ? { requests } : { requests, cursor: requests.at(-1)!.userId as string }
  }

  async invites(sessionId: SessionId): Promise<StoredInvite[]> {
    return invitesOf(this.rows(sessionId))
  }

  async *groupIds(): AsyncIterable<SessionId[]> {
    yield [...this.server.contents.groups.keys()]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    const { users, people } = this.server.contents
    yield [...new Set([...users.keys(), ...people.relations.keys(), ...people.owned.keys()])]
  }

  async group(sessionId: SessionId): Promise<MembershipGroupRow | undefined> {
    const group = this.rows(sessionId)
    if (group === undefined) return undefined
    const { createdSeq, dismissedSeq, stays } = group
    return {
      sessionId,
      ...headOf(group),
      createdSeq,
      dismissedSeq,
      members: presentIn(group).map(userId => memberOf(userId, textsOf(group, userId))!),
      stays: [...stays].sort(byKey).map(([userId, text]) => ({ userId, intervals: intervalsOf(text, dismissedSeq) })),
      requests: requestsOf(group),
      invites: invitesOf(group),
    }
  }

  async user(userId: UserId): Promise<MembershipUserRow | undefined> {
    if (!this.server.contents.users.has(userId)) return undefined
    return { userId, groups: await this.groupsOf(userId) }
  }

  async person(userId: UserId): Promise<PersonRow | undefined> {
    return this.server.contents.people.row(userId)
  }

  async close(): Promise<void> {}
}

function listOf(contents: Contents, userId: UserId): Map<SessionId, ListRows> {
  const lists = contents.users.get(userId) ?? new Map<SessionId, ListRows>()
  contents.users.set(userId, lists)
  return lists
}

/** Takes a dismissed group off the lists of everyone who was in. */
function dismiss(
  contents: Contents,
  sessionId: SessionId,
  partition: Partition,
  { seq, offset }: { seq: Seq; offset: number },
): void {
  for (const [userId, text] of contents.groups.get(sessionId)!.stays) {
    if (presentSince(text) === undefined) continue
    setEntry(listOf(contents, userId), sessionId, partition, { stay: { seq, joinSeq: 0 }, offset })
  }
}

function changesOf(group: GroupRows, changed: [UserId, Seq][]): Pick<MembersPage, 'members' | 'left'> {
  const members: GroupMember[] = []
  const left: UserId[] = []
  for (const [userId] of changed) {
    const member = memberOf(userId, textsOf(group, userId))
    if (member === undefined) left.push(userId)
    else members.push(member)
  }
  return { members, left }
}

function headOf({ head }: GroupRows): GroupHead {
  return groupHead(head.get('owner'), head.get('info'), head.get('settings'))
}

function requestsOf(group: GroupRows | undefined): StoredRequest[] {
  return [...(group?.requests ?? [])].sort(byKey).map(([userId, text]) => requestOf(userId, text))
}

function invitesOf(group: GroupRows | undefined): StoredInvite[] {
  return [...(group?.invites ?? [])].sort(byKey).map(([inviteId, text]) => inviteOf(inviteId, text))
}
