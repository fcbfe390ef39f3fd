import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../../schemas/settings.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { MembershipWrites } from './project.ts'

/** A stay in a group: seq of the event that let the member in, and of the one that ended it, which they still see. */
export interface MembershipInterval {
  joinSeq: Seq
  /** undefined while the stay lasts. */
  leaveSeq?: Seq
}

export interface GroupMember {
  userId: UserId
  role: MemberRole
  joinSeq: Seq
  alias?: string
  /** Also where that is over. */
  mutedUntil?: Millis
}

export interface StoredGroup {
  sessionId: SessionId
  owner: UserId
  info: GroupInfo
  /** Undefined: the defaults. */
  settings?: GroupSettings
  memberCount: number
  /** Seq of the event that dismissed it, 0 while it lives. */
  dismissedSeq: Seq
  /** What the asker is in it; undefined: no member. */
  me?: GroupMember
}

export interface StoredRequest {
  userId: UserId
  at: Millis
  message?: string
}

export interface StoredInvite {
  inviteId: string
  by: UserId
  expiresAt: Millis
  usesMax: number
  uses: number
}

/**
 * Up to where a list is known. `epoch` names the store's life: what was known of an emptied or rebuilt one says nothing
 * about the next.
 */
export interface MembersVersion {
  epoch: string
  /** Of the last change to any member. */
  seq: Seq
}
export interface GroupsVersion {
  epoch: string
  /** What the view had taken in, per partition. */
  offsets: ReadonlyMap<Partition, Offset>
}

export interface MembersPage {
  /** By user id. */
  members: GroupMember[]
  /** Who was a member at some time since and is none; undefined: this is the list from its beginning. */
  left?: UserId[]
  /** There is more behind this user. */
  cursor?: string
  version: MembersVersion
}

export interface GroupsPage {
  /** By session id, each with `me`. */
  groups: StoredGroup[]
  /** Groups left since; undefined: this is the list from its beginning. */
  left?: SessionId[]
  /** There is more behind this session. */
  cursor?: SessionId
  version: GroupsVersion
}

/** More changes than this are not told one by one: the list comes from its beginning. */
export const MEMBER_CHANGES_MAX = 1_000

/** The reading side of the membership view, as the gateway uses it. Every call rejects when the store cannot be reached. */
export interface MembershipReader {
  /** How far the view has come, per partition; a partition is absent where it has not begun. Read it BEFORE the data. */
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Names how often the store was filled from nothing: another name after it was emptied; undefined before. */
  filling(): Promise<string | undefined>
  /** The groups that a user is in now, with the seq of the event that let them in, and what they are there. */
  groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq; role: MemberRole }[]>
  /** Every stay of a user in a group, oldest first; empty when there was none. */
  intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]>
  /** Present members by user id, paged; with `since` only those that are otherwise since, where that is known. */
  members(request: {
    sessionId: SessionId
    since?: MembersVersion
    cursor?: string
    limit: number
  }): Promise<MembersPage>
  /** One present member. */
  member(request: { sessionId: SessionId; userId: UserId }): Promise<GroupMember | undefined>
  /** A group that ever was, as `userId` sees it. */
  groupFor(request: { sessionId: SessionId; userId: UserId }): Promise<StoredGroup | undefined>
  /** The groups that a user is in, paged; with `since` only those that are otherwise since, where that is known. */
  groupsFor(request: { userId: UserId; since?: GroupsVersion; cursor?: SessionId; limit: number }): Promise<GroupsPage>
  /** Requests to join that wait, by user id, paged. */
  joinRequests(request: {
    sessionId: SessionId
    cursor?: string
    limit: number
  }): Promise<{ requests: StoredRequest[]; cursor?: string }>
  /** Invites that were not revoked, by id; some may be over or used up. */
  invites(sessionId: SessionId): Promise<StoredInvite[]>
}

/** The writing side; only the view uses it. */
export interface MembershipStore {
  /** The stored position of a partition, read anew; `write` goes on from there. */
  position(partition: Partition): Promise<Position | undefined>
  /** False when the store is not where this writer left it: it was emptied, or has lost what it had confirmed. */
  inPlace(partition: Partition): Promise<boolean>
  /**
   * Writes the data and the position after it. The same writes again, whole or in part, change nothing. Rejects when
   * the store cannot take them (repeat the call) and with ViewMoved when the store is not where this writer left it
   * (read the position again).
   */
  write(request: { partition: Partition; writes: MembershipWrites; position: Position }): Promise<void>
  close(): Promise<void>
}
