import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log, PartitionBounds } from '../../topics/log.ts'
import type { TopicName } from '../../topics/topics.ts'
import { POSITION_START, type Position } from '../../topics/valid-events.ts'
import { QUESTION_MS_MAX, START_BACK_EVENTS_MAX, START_RETRY_MS } from '../limits.ts'
import { Deadline } from './deadline.ts'

export interface StartPoint extends StartPlan {
  /** Which filling of the membership view stood there. */
  filling: string | undefined
}

interface StartPlan {
  /** Where the membership view stood: reading begins behind it. */
  positions: ReadonlyMap<Partition, Position>
  /** The log's ends at that time: the gateway is ready when it has read up to them. */
  ends: ReadonlyMap<Partition, Offset>
}

/** Where a gateway begins to read, or why it cannot yet. */
export function planStart(
  bounds: ReadonlyMap<Partition, PartitionBounds>,
  view: ReadonlyMap<Partition, Position>,
): StartPlan | string {
  const positions = new Map<Partition, Position>()
  const ends = new Map<Partition, Offset>()
  for (const [partition, { start, end }] of bounds) {
    const position = view.get(partition) ?? POSITION_START
    const next = position.offset + 1
    if (next < start) return `the membership view is behind what partition ${partition} still holds`
    if (end - next > START_BACK_EVENTS_MAX) return `the membership view is ${end - next} events behind in ${partition}`
    positions.set(partition, position)
    ends.set(partition, end)
  }
  return { positions, ends }
}

/** Waits until the membership view is near enough to the log's end. undefined when the signal aborts first. */
export async function findStart(options: {
  log: Log
  topic: TopicName
  membership: MembershipReader
  clock: Clock
  logger: Logger
  signal: AbortSignal
}): Promise<StartPoint | undefined> {
  const { log, topic, membership, clock, logger, signal } = options
  let said = ''
  while (!signal.aborted) {
    const deadline = new Deadline(clock, QUESTION_MS_MAX)
    try {
      const filling = await deadline.race(membership.filling())
      const positions = await deadline.race(membership.positions())
      const plan = planStart(await deadline.race(log.bounds(topic)), positions)
      if (typeof plan !== 'string') return { ...plan, filling }
      if (plan !== said) logger.info({ why: plan }, 'the gateway waits')
      said = plan
    } catch (error) {
      logger.warn({ err: error }, 'the gateway cannot start yet')
    } finally {
      deadline.end()
    }
    await clock.sleep(START_RETRY_MS, signal)
  }
  return undefined
}
