import type { Partition } from '../schemas/ids.ts'

/**
 * The port by which the processes of a role agree on who works on which partition. It only agrees: reading, appending
 * and storing never ask it, so that nothing of what is owned stops while the group's coordinator is away.
 *
 * Implementations: kafka-group.ts (adapter, in infra/kafka), memory-group.ts, and fixedOwnership below; the first two
 * pass tests/contract/ownership.contract.ts.
 *
 * Promised: while all members can be reached, a partition that a member owns is assigned to nobody else before that
 * member has let it go; after every change, all partitions are assigned within a bounded time, as evenly as can be,
 * and no more of them move than is needed. Not promised: that a partition has one owner only. A member that is paused
 * or cut off for longer than the session counts as dead and still believes in what it had; whoever works on
 * partitions must stand that (the sequencer by its optimistic append, the views by writes at or below a row's position
 * that change nothing).
 */
export interface Ownership {
  /** Never changes: what is assigned is named by the configuration. */
  readonly isFixed: boolean
  /** Takes part from now on, and tries for ever while the coordinator cannot be reached. */
  join(member: Member): Membership
}

export interface Member {
  /** What it works on at the moment; asked whenever the group agrees anew. */
  owned(): readonly Partition[]
  /**
   * What it is to work on from now on, each time in full. It takes what is new, and lets go of what is not named in its
   * own, bounded time; both go on after this returns.
   */
  assigned(partitions: readonly Partition[]): void
}

export interface Membership {
  /** To be called when `owned` has become smaller than what was assigned: what is missing may go to others. */
  released(): void
  /** Takes part no longer: others get what was owned at once. Ends within a bounded time; idempotent. */
  leave(): Promise<void>
}

/** The partitions that the configuration names. */
export function fixedOwnership(partitions: readonly Partition[]): Ownership {
  return {
    isFixed: true,
    join(member) {
      member.assigned(partitions)
      return { released: () => {}, leave: async () => {} }
    },
  }
}
