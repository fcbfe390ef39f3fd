import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'

/** A stay in a group: seq of the event that let the member in, and of the one that ended it, which they still see. */
export interface MembershipInterval {
  joinSeq: Seq
  /** undefined while the stay lasts. */
  leaveSeq?: Seq
}

export type MemberRole = 'owner' | 'admin' | 'member'

export interface GroupMember {
  userId: UserId
  role: MemberRole
  joinSeq: Seq
}

/** The reading side of the membership view, as the gateway uses it. Every call rejects when the store cannot be reached. */
export interface MembershipReader {
  /** How far the view has come, per partition; a partition is absent where it has not begun. Read it BEFORE the data. */
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** The groups that a user is in now, with the seq of the event that let them in. */
  groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq }[]>
  /** Every stay of a user in a group, oldest first; empty when there was none. */
  intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]>
  /** Present members by user id, paged. */
  members(request: {
    sessionId: SessionId
    cursor?: string
    limit: number
  }): Promise<{ members: GroupMember[]; cursor?: string }>
}
