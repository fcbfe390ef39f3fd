import { SharedQuestion } from '../../infra/shared-question.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log } from '../../topics/log.ts'
import type { TopicName } from '../../topics/topics.ts'
import { POSITION_START, type Position } from '../../topics/valid-events.ts'

interface Place {
  position: Position
  /** Everything below this offset was handled. */
  next: Offset
  /** The log's end as of the last fetch. */
  end: Offset
}

interface Waiter {
  offset: Offset
  resolve(reached: boolean): void
}

function behind(place: Place | undefined): number {
  return place === undefined ? 0 : Math.max(0, place.end - place.next)
}

/** How far the fan-out has read im.events, and who waits for it. */
export class Progress {
  private readonly places = new Map<Partition, Place>()
  private readonly waiters = new Map<Partition, Set<Waiter>>()
  /** Kept, not summed up: every pack asks for it. */
  private total = 0

  moved(partition: Partition, place: Place): void {
    this.total += behind(place) - behind(this.places.get(partition))
    this.places.set(partition, place)
    const waiters = this.waiters.get(partition)
    if (waiters === undefined) return
    for (const waiter of waiters) if (waiter.offset <= place.next) waiter.resolve(true)
  }

  /** Every partition that is read. */
  get partitions(): Iterable<Partition> {
    return this.places.keys()
  }

  /** The position after the last valid event that was handled. */
  position(partition: Partition): Position {
    return this.places.get(partition)?.position ?? POSITION_START
  }

  next(partition: Partition): Offset {
    return this.places.get(partition)?.next ?? 0
  }

  /** Events that the log has and that were not handled yet. */
  get lag(): number {
    return this.total
  }

  /** Resolves with true when everything below `offset` was handled, with false when the signal aborts first. */
  reached(partition: Partition, offset: Offset, signal: AbortSignal): Promise<boolean> {
    if (this.next(partition) >= offset) return Promise.resolve(true)
    if (signal.aborted) return Promise.resolve(false)
    return new Promise(resolve => {
      const waiters = this.waiters.get(partition) ?? new Set()
      this.waiters.set(partition, waiters)
      const settle = (reached: boolean) => {
        waiters.delete(waiter)
        signal.removeEventListener('abort', onAbort)
        resolve(reached)
      }
      const onAbort = () => settle(false)
      const waiter: Waiter = { offset, resolve: settle }
      waiters.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** The same for several partitions. */
  async reachedAll(ends: ReadonlyMap<Partition, Offset>, signal: AbortSignal): Promise<boolean> {
    const all = await Promise.all([...ends].map(([partition, offset]) => this.reached(partition, offset, signal)))
    return all.every(Boolean)
  }
}

/** Asks for the ends of im.events, once for all who wait. */
export class LogEnds {
  private readonly question: SharedQuestion<Map<Partition, Offset>>

  constructor(log: Log, topic: TopicName) {
    this.question = new SharedQuestion(async () => {
      const bounds = await log.bounds(topic)
      return new Map([...bounds].map(([partition, { end }]) => [partition, end]))
    })
  }

  /** The end of every partition, as of a moment after the call. Rejects when the log cannot be reached. */
  read(): Promise<Map<Partition, Offset>> {
    return this.question.ask()
  }
}
