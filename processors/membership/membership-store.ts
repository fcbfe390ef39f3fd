import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { MembershipWrites } from './project.ts'

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
