import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import { ViewMoved } from '../view.ts'
import type { MembershipGroupRow, MembershipInspector, MembershipUserRow } from './inspect.ts'
import type { PersonRow } from './inspect-people.ts'
import type { GroupMember, MembershipInterval, MembershipReader, MembershipStore } from './membership-store.ts'
import { MemoryPeople } from './memory-people.ts'
import type { PeopleReader } from './people-store.ts'
import type { GroupEntry, GroupWrites } from './project.ts'
import { addBoundary, intervalsOf, presentSince } from './stays.ts'

/** Membership in memory, for the simulation and for tests; the same behaviour as in Redis (tests/contract). */

interface StoredGroup {
  created?: { seq: Seq; owner: UserId; info: GroupInfo }
  dismissedSeq: Seq
  stays: Map<UserId, string>
}

interface Contents {
  positions: Map<Partition, Position>
  groups: Map<SessionId, StoredGroup>
  users: Map<UserId, Map<SessionId, GroupEntry>>
  people: MemoryPeople
}

/** What one or more stores share, as clients of one server do. */
export class MemoryMembership {
  contents: Contents = emptyContents()

  /** What is asked of people. */
  get people(): PeopleReader {
    const current = () => this.contents.people
    return {
      friends: request => current().friends(request),
      profiles: userIds => current().profiles(userIds),
      findUsers: request => current().findUsers(request),
      own: userId => current().own(userId),
      settings: userIds => current().settings(userIds),
      blocks: pairs => current().blocks(pairs),
    }
  }

  /** Loses everything. */
  flush(): void {
    this.contents = emptyContents()
  }
}

function emptyContents(): Contents {
  return { positions: new Map(), groups: new Map(), users: new Map(), people: new MemoryPeople() }
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
    this.places.set(partition, { contents, before: position?.offset })
    return position
  }

  async write({ partition, writes, position }: Parameters<MembershipStore['write']>[0]): Promise<void> {
    const place = this.places.get(partition)
    if (place === undefined || !this.isInPlace(partition)) throw new ViewMoved(`partition ${partition}`)
    const { contents } = place
    const stored = contents.positions.get(partition)
    for (const group of writes.groups) applyGroup(contents, group)
    for (const [userId, entries] of writes.users) {
      for (const [sessionId, entry] of entries) setEntry(contents, userId, sessionId, entry)
    }
    for (const group of writes.groups) if (group.dismissedSeq !== undefined) dismiss(contents, group.sessionId)
    contents.people.write(writes.people)
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

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    return new Map(this.server.contents.positions)
  }

  async groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq }[]> {
    return [...(this.server.contents.users.get(userId) ?? [])]
      .filter(([, { joinSeq }]) => joinSeq > 0)
      .map(([sessionId, { joinSeq }]) => ({ sessionId, joinSeq }))
  }

  async intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]> {
    const group = this.server.contents.groups.get(request.sessionId)
    return intervalsOf(group?.stays.get(request.userId) ?? '', group?.dismissedSeq ?? 0)
  }

  async members(request: Parameters<MembershipReader['members']>[0]): ReturnType<MembershipReader['members']> {
    const { sessionId, cursor, limit } = request
    const group = this.server.contents.groups.get(sessionId)
    const members = presentMembers(group).filter(({ userId }) => cursor === undefined || userId > cursor)
    if (members.length <= limit) return { members }
    return { members: members.slice(0, limit), cursor: members[limit - 1]!.userId }
  }

  async *groupIds(): AsyncIterable<SessionId[]> {
    yield [...this.server.contents.groups.keys()]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    const { users, people } = this.server.contents
    yield [...new Set([...users.keys(), ...people.relations.keys(), ...people.owned.keys()])]
  }

  async group(sessionId: SessionId): Promise<MembershipGroupRow | undefined> {
    const group = this.server.contents.groups.get(sessionId)
    if (group === undefined) return undefined
    const { created, dismissedSeq, stays } = group
    const { name = '', avatar = '', notice = '' } = created?.info ?? {}
    return {
      sessionId,
      owner: created?.owner ?? ('' as UserId),
      name,
      avatar,
      notice,
      createdSeq: created?.seq ?? 0,
      dismissedSeq,
      members: presentMembers(group),
      stays: [...stays].sort(byKey).map(([userId, text]) => ({ userId, intervals: intervalsOf(text, dismissedSeq) })),
    }
  }

  async user(userId: UserId): Promise<MembershipUserRow | undefined> {
    if (!this.server.contents.users.has(userId)) return undefined
    const groups = await this.groupsOf(userId)
    return { userId, groups: groups.sort((a, b) => byKey([a.sessionId, a], [b.sessionId, b])) }
  }

  async person(userId: UserId): Promise<PersonRow | undefined> {
    return this.server.contents.people.row(userId)
  }

  async close(): Promise<void> {}
}

function applyGroup(contents: Contents, { sessionId, created, dismissedSeq, changes }: GroupWrites): void {
  const group: StoredGroup = contents.groups.get(sessionId) ?? { dismissedSeq: 0, stays: new Map() }
  contents.groups.set(sessionId, group)
  if (created !== undefined) group.created = created
  if (dismissedSeq !== undefined) group.dismissedSeq = dismissedSeq
  for (const { kind, seq, userIds } of changes) {
    for (const userId of userIds) group.stays.set(userId, addBoundary(group.stays.get(userId) ?? '', kind, seq))
  }
}

function setEntry(contents: Contents, userId: UserId, sessionId: SessionId, entry: GroupEntry): void {
  const entries = contents.users.get(userId) ?? new Map<SessionId, GroupEntry>()
  contents.users.set(userId, entries)
  if ((entries.get(sessionId)?.seq ?? 0) < entry.seq) entries.set(sessionId, entry)
}

/** Takes a dismissed group off the lists of everyone who was in. */
function dismiss(contents: Contents, sessionId: SessionId): void {
  const { stays, dismissedSeq } = contents.groups.get(sessionId)!
  for (const [userId, text] of stays) {
    if (presentSince(text) !== undefined) setEntry(contents, userId, sessionId, { seq: dismissedSeq, joinSeq: 0 })
  }
}

function presentMembers(group: StoredGroup | undefined): GroupMember[] {
  if (group === undefined || group.dismissedSeq > 0) return []
  return [...group.stays].sort(byKey).flatMap(([userId, text]): GroupMember[] => {
    const joinSeq = presentSince(text)
    const role = userId === group.created?.owner ? 'owner' : 'member'
    return joinSeq === undefined ? [] : [{ userId, role, joinSeq }]
  })
}
