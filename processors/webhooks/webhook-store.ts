import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Delivery } from './plan.ts'

/**
 * What is still to be delivered: a lane for each webhook and session that has something waiting.
 *
 * A lane is served by whoever has claimed it, one delivery at a time, so a session's events come in order and a
 * receiver that refuses holds up nothing but that lane. A lane that was given up is dead: it keeps what it has, and what
 * comes behind, in order, until somebody replays or discards it. A claim lapses by itself: whoever died with it lets
 * the same delivery be made again, never left out.
 */

export interface WebhookLimits {
  /** Deliveries that one lane holds; further ones are dropped, and the next that is not says how many were. */
  laneDeliveriesMax: number
  /** Deliveries of one webhook in one partition; beyond it only lanes with nothing waiting take more. */
  hookDeliveriesMax: number
}

export const WEBHOOK_LIMITS: WebhookLimits = { laneDeliveriesMax: 1_000, hookDeliveriesMax: 20_000 }
/** How long a lane that was given up, or that nobody serves, is kept. */
export const DEAD_KEPT_MS: Millis = 7 * 86_400_000

export interface LaneId {
  partition: Partition
  hook: string
  sessionId: SessionId
}

/** The delivery at the head of a lane. */
export interface LaneHead extends Delivery {
  /** Deliveries of the lane that were dropped right before this one. */
  missed: number
}

export interface ClaimedLane {
  head: LaneHead
  /** How often the head was tried. */
  attempts: number
  /** When the head failed for the first time, wall clock; 0: it has not. */
  failingSince: Millis
}

export type Settlement =
  /** The head is off; the claim goes on until `until` where there is more. */
  | { kind: 'delivered'; until: Millis }
  | { kind: 'retry'; at: Millis; failingSince: Millis }
  | { kind: 'dead'; at: Millis }
  /** Given back untried. */
  | { kind: 'released'; at: Millis }

export interface DeadLane {
  sessionId: SessionId
  /** When it was given up. */
  at: Millis
  deliveries: number
  head: LaneHead
}

export interface StoredPlace {
  position: Position
  /** Events before this log time are not for the webhooks: the store was begun anew after them. */
  notBefore: Millis
}

/** Rejects when the store cannot be reached. */
export interface WebhookStore {
  /** Where a partition goes on; undefined where nothing was stored yet. */
  place(partition: Partition): Promise<StoredPlace | undefined>
  /**
   * Puts deliveries, which are in log order, into their lanes, and stores the position with them. What a lane already
   * got is not put there again. Gives those that were dropped. Rejects with ViewMoved when the store has lost what it
   * had confirmed.
   */
  enqueue(batch: {
    partition: Partition
    deliveries: readonly Delivery[]
    place: StoredPlace
    now: Millis
  }): Promise<Delivery[]>
  /** False when the store has lost what this writer knows to be stored. */
  inPlace(partition: Partition): Promise<boolean>
  /** Claims lanes of a webhook that are due, oldest first, and says when the next one is (undefined: none waits). */
  claim(request: {
    partition: Partition
    hook: string
    token: string
    now: Millis
    until: Millis
    limit: number
  }): Promise<{ lanes: ClaimedLane[]; nextAt: Millis | undefined }>
  /**
   * Says what became of the head at `offset` under the claim `token`. Gives the next head where the claim goes on;
   * 'lost' where somebody else has claimed the lane meanwhile.
   */
  settle(
    lane: LaneId,
    request: { token: string; offset: Offset; outcome: Settlement },
  ): Promise<LaneHead | 'lost' | undefined>
  /** Lanes that were given up, longest first. */
  deadLanes(request: { partition: Partition; hook: string; limit: number }): Promise<DeadLane[]>
  /** A dead lane is due again, from its head on; false where it is not dead. */
  replay(lane: LaneId, now: Millis): Promise<boolean>
  /** Drops all that a dead lane holds; gives how many. */
  discard(lane: LaneId): Promise<number>
  /** Drops lanes that were given up, or that nobody serves, before `before`; gives how many. */
  sweep(request: { partition: Partition; before: Millis }): Promise<number>
  close(): Promise<void>
}
