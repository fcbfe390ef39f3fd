import { BrokenInvariant } from '../../infra/assert.ts'
import type { Clock } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log, PartitionBounds, StoredRecord } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import {
  chainHash,
  HEADER_POS,
  HEADER_PREV,
  POSITION_START,
  type Position,
  selectValid,
  type ValidBatch,
} from '../../topics/valid-events.ts'
import { RestoreRefused } from './failures.ts'

/**
 * Reads im.events from a known position to its end: at restore, and whenever an append did not land where expected.
 *
 * The record at the position itself is read again and compared with the hash, so that a log that was truncated or
 * replaced behind our back is noticed before anything is built on it.
 *
 * Where the end cannot be seen (the last offsets hold no records, only marks of foreign transactions), the tail is
 * `open`: whoever appends next reads its own records back instead of believing the broker's answer.
 */

/** How long nothing may come before the rest up to the end offset counts as empty, in ms. */
export const TAIL_QUIET_MS = 2_000

export interface TailRequest {
  log: Log
  topic: Topic
  partition: Partition
  clock: Clock
  /** The last valid event that the caller has folded. */
  from: Position
  /** Read up to here instead of to the end of the log; there must be that much. */
  until?: Offset
  /** Valid events after `from`, in order. What it throws ends the reading and comes out of readTail. */
  onValid(batch: ValidBatch): void | Promise<void>
  /** Aborts the reading: readTail then rejects with TailAborted. */
  signal: AbortSignal
}

export interface Tail {
  position: Position
  /** Offset that the next append is expected to get. */
  end: Offset
  open: boolean
  /** Records that were skipped. */
  junk: number
}

/** The broker did not answer; nothing is known, try again. */
export class TailUnavailable extends Error {
  override readonly name = 'TailUnavailable'
}

export class TailAborted extends Error {
  override readonly name = 'TailAborted'
}

/** Throws RestoreRefused, LogCorrupt, TailUnavailable, TailAborted, or what onValid threw. */
export async function readTail(request: TailRequest): Promise<Tail> {
  const { partition, from, until } = request
  const { start, end: logEnd } = await boundsOf(request)
  const end = until ?? logEnd
  if (end <= from.offset) {
    throw new RestoreRefused('MARKER_AHEAD', partition, `position ${from.offset}, im.events ends at ${end}`)
  }
  if (start > from.offset + 1) {
    throw new RestoreRefused('EVENTS_EXPIRED', partition, `position ${from.offset}, im.events starts at ${start}`)
  }
  const first = Math.max(start, from.offset)
  if (first >= end) return { position: from, end, open: false, junk: 0 }
  return new TailReading(request, { first, end }).run()
}

async function boundsOf({ log, topic, partition }: TailRequest): Promise<PartitionBounds> {
  let bounds: ReadonlyMap<Partition, PartitionBounds>
  try {
    bounds = await log.bounds(topic.name)
  } catch (error) {
    if (error instanceof BrokenInvariant) throw error
    throw new TailUnavailable('the bounds of im.events could not be read', { cause: error })
  }
  const found = bounds.get(partition)
  if (found === undefined) throw new RestoreRefused('TOPICS_DIFFER', partition, `${topic.name} does not have it`)
  return found
}

class TailReading {
  private readonly request: TailRequest
  private readonly first: Offset
  private readonly end: Offset
  private position: Position
  private seen: Offset = -1
  /** True until the record at the position itself was compared; false from the start where it has expired. */
  private unverified: boolean
  private junk = 0
  private cancelQuiet: () => void = () => {}
  private finish: (how: 'complete' | 'quiet' | 'aborted') => void = () => {}

  constructor(request: TailRequest, { first, end }: { first: Offset; end: Offset }) {
    this.request = request
    this.first = first
    this.end = end
    this.position = request.from
    this.unverified = first === request.from.offset
  }

  async run(): Promise<Tail> {
    const { log, topic, partition, signal } = this.request
    const finished = new Promise<'complete' | 'quiet' | 'aborted'>(resolve => {
      this.finish = resolve
    })
    const onAbort = () => this.finish('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    this.expectMore()
    const reader = log.read({
      topic: topic.name,
      from: new Map([[partition, this.first]]),
      onBatch: batch => this.take(batch.records),
    })
    try {
      const how = await Promise.race([finished, reader.done.then(() => 'aborted' as const)])
      await reader.close()
      await reader.done
      if (how === 'aborted') throw new TailAborted('reading the tail of im.events was aborted')
      if (this.unverified) throw new TailUnavailable(`im.events@${this.first} did not come`)
      // What has to be there, because a state was built from it, is not taken for empty.
      if (this.request.until !== undefined && this.seen + 1 < this.end) {
        throw new TailUnavailable(`im.events up to ${this.end} did not come, only up to ${this.seen}`)
      }
      const end = this.request.until ?? Math.max(this.end, this.seen + 1)
      return { position: this.position, end, open: this.seen + 1 < end, junk: this.junk }
    } finally {
      this.cancelQuiet()
      signal.removeEventListener('abort', onAbort)
      await reader.close()
    }
  }

  private async take(fetched: readonly StoredRecord[]): Promise<void> {
    this.cancelQuiet()
    const { partition, until } = this.request
    this.seen = fetched.at(-1)?.offset ?? this.seen
    const others = this.unverified ? this.verify(fetched) : fetched
    if (this.first > this.request.from.offset) this.checkChain(fetched[0]!)
    const wanted = until === undefined ? others : others.filter(record => record.offset < until)
    const batch = selectValid(partition, this.position, wanted)
    this.junk += batch.junk
    this.position = batch.position
    if (batch.records.length > 0) await this.request.onValid(batch)
    if (this.seen + 1 >= this.end) this.finish('complete')
    else this.expectMore()
  }

  /** Compares the record at the position with its hash; gives those after it. */
  private verify(fetched: readonly StoredRecord[]): readonly StoredRecord[] {
    const { partition, from } = this.request
    const [known, ...others] = fetched
    if (known?.offset !== from.offset || (from.hash !== null && hashOf(known) !== from.hash)) {
      throw new RestoreRefused('HASH_MISMATCH', partition, `im.events@${from.offset}`)
    }
    this.unverified = false
    return others
  }

  /**
   * The record at the position has expired. The one right behind it says where it meant to stand and what came before
   * it: if only the latter differs, it follows another log than ours.
   */
  private checkChain({ offset, headers }: StoredRecord): void {
    const { from, partition } = this.request
    const pos = headers[HEADER_POS]
    // Before the first record of all there was none that could have expired: what does not follow there is junk.
    if (from.offset === POSITION_START.offset) return
    if (offset !== from.offset + 1 || from.hash === null || pos?.length !== 8) return
    if (pos.readBigUInt64BE() === BigInt(offset) && headers[HEADER_PREV]?.toString('hex') !== from.hash) {
      throw new RestoreRefused('HASH_MISMATCH', partition, `im.events@${offset} does not follow ${from.offset}`)
    }
  }

  private expectMore(): void {
    this.cancelQuiet = this.request.clock.schedule(TAIL_QUIET_MS, () => this.finish('quiet'))
  }
}

function hashOf(record: StoredRecord): string | undefined {
  return record.value === null ? undefined : chainHash(record)
}
