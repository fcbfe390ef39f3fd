import type { Clock, Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'

/** A lost partition is taken back when packs have waited there for so long without any outcome. */
export const TAKE_BACK_MS: Millis = 5_000
/** How often it is looked at. */
const LOOK_MS: Millis = 500

/**
 * Waits until nobody answers the packs of a partition that another instance has taken. Resolves with true when packs
 * came and im.events has stood still since, for TAKE_BACK_MS; with false when the signal aborts.
 *
 * Whoever answers is left alone, so two instances that are both configured for a partition do not take it from each
 * other for ever. Not seen are packs that arrive just before the other one dies, while nobody sends more: their senders
 * get no answer and send again, and that is seen.
 */
export async function untilUnanswered(parts: {
  log: Log
  topics: Topics
  partition: Partition
  clock: Clock
  signal: AbortSignal
}): Promise<boolean> {
  const { clock, signal } = parts
  let seen: Ends | undefined
  /** Since when packs wait; undefined while none are known to. */
  let waitingSince: Millis | undefined
  for (;;) {
    await clock.sleep(LOOK_MS, signal)
    if (signal.aborted) return false
    const ends = await readEnds(parts)
    const now = clock.monotonic()
    if (ends === undefined || seen === undefined || ends.events > seen.events) waitingSince = undefined
    else if (ends.packs > seen.packs) waitingSince ??= now
    if (waitingSince !== undefined && now - waitingSince >= TAKE_BACK_MS) return true
    seen = ends
  }
}

interface Ends {
  packs: Offset
  events: Offset
}

/** Undefined while the brokers do not answer: then nobody can be blamed for not answering either. */
async function readEnds({ log, topics, partition }: Parameters<typeof untilUnanswered>[0]): Promise<Ends | undefined> {
  try {
    const [packs, events] = await Promise.all([topics.packs, topics.events].map(topic => log.bounds(topic.name)))
    return { packs: packs!.get(partition)!.end, events: events!.get(partition)!.end }
  } catch {
    return undefined
  }
}
