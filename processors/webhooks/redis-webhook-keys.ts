import type { Partition, SessionId } from '../../schemas/ids.ts'

/**
 * The keys of the webhooks' queue in Redis. All begin with `<prefix>webhooks:{webhooks-<partition>}:`: what belongs to a
 * partition of im.events lies in one slot, so that lanes and position change together. None has a time to live: lanes
 * that nobody serves are swept (DEAD_KEPT_MS). Written by the role webhooks, and by gateways that replay or discard.
 *
 *   place                      hash    position: JSON of Position; enqueued: offset up to which lanes got theirs, which is
 *                                      ahead of the position within a batch; notBefore: see StoredPlace
 *   waiting                    hash    hook -> deliveries of all of its lanes
 *   due:<hook>                 zset    sessionId by the time at which the lane may be claimed (wall clock, ms)
 *   dead:<hook>                zset    sessionId by the time at which the lane was given up
 *   lane:<hook>:<sessionId>    list    `<offset> <at> <missed> <kind>\n<body>`, in log order
 *   state:<hook>:<sessionId>   hash    token of the claim; attempts and failingSince of the head; dropped: deliveries since
 *                                      the last entry that found no room; dead: 1
 */

export interface PartitionKeys {
  place: string
  waiting: string
  /** What the names of lanes and of their states begin with. */
  lane: (hook: string) => string
  state: (hook: string) => string
  due: (hook: string) => string
  dead: (hook: string) => string
}

export function partitionKeys(prefix: string, partition: Partition): PartitionKeys {
  const base = `${prefix}webhooks:{webhooks-${partition}}:`
  return {
    place: `${base}place`,
    waiting: `${base}waiting`,
    lane: hook => `${base}lane:${hook}:`,
    state: hook => `${base}state:${hook}:`,
    due: hook => `${base}due:${hook}`,
    dead: hook => `${base}dead:${hook}`,
  }
}

export interface LaneKeys {
  due: string
  dead: string
  lane: string
  state: string
  waiting: string
}

export function laneKeys(keys: PartitionKeys, hook: string, sessionId: SessionId): LaneKeys {
  return {
    due: keys.due(hook),
    dead: keys.dead(hook),
    lane: keys.lane(hook) + sessionId,
    state: keys.state(hook) + sessionId,
    waiting: keys.waiting,
  }
}
