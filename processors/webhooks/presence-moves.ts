import type { Millis } from '../../infra/clock.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'

/** A user who may have come or gone. */
export interface MovedUser {
  userId: UserId
  /** What was told of them last. */
  wasOnline: boolean
}

/** How others may see a user: one who hides is away. */
export interface SeenUser {
  userId: UserId
  isOnline: boolean
  /** Of the devices that are connected; numbers of the protocol. */
  deviceTypes: number[]
  lastSeenAt?: Millis
}

/**
 * Who has come or gone, as gateways note it, by the partition of the user's own session. Not in the log: what is lost
 * with the store is found out again when gateways enter their connections anew. Calls reject when it cannot be reached.
 */
export interface PresenceMoves {
  /** Users to look at now, each put off until `again`; none where another `token` was here of late. */
  due(request: { partition: Partition; token: string; now: Millis; again: Millis; limit: number }): Promise<MovedUser[]>
  /** In the order asked. */
  seen(userIds: readonly UserId[]): Promise<SeenUser[]>
  /** What was told of users who were put off until `again`. */
  settle(request: { partition: Partition; again: Millis; users: readonly SeenUser[] }): Promise<void>
}
