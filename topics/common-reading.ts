import type { Offset, Partition } from '../schemas/ids.ts'
import type { FetchedBatch, Log, LogReader, ReadOptions } from './log.ts'
import { pieceOf, type SharedLane } from './shared-lane.ts'

/** How long the common reading lets records come before it fetches again, ms: no reader that shares rests for less. */
export const SHARED_PAUSE_MS = 20
/** Whoever is further ahead than so many offsets does not wait for the common reading: it takes it along. */
const AHEAD_MAX = 1_000

interface CommonPartition {
  /** Behind what was read in common. */
  next: Offset
  /** All of them have been given everything below `next`. */
  readonly lanes: Set<SharedLane>
  /** Lanes that read for themselves, a little further, and come in with the next fetch. */
  readonly joining: Set<SharedLane>
  /** Ends the wait for room in one of the lanes. */
  resume: () => void
}

/**
 * The one reader of a topic that the readers of a process have in common; shared-log.ts says what it is for.
 *
 * A lane is given what is fetched from where it stands, and nothing that was asked for before it came: whenever one
 * comes in, what is under way is dropped and asked for anew, as a reader's own `seek` does. So what a lane gets is what
 * the log held after the lane had read everything before, and it is told of a position out of range like one that
 * reads for itself. A lane that has read a little further than the others reads on for itself until they have come by.
 *
 * It goes as fast as the first of its lanes; what the others have not taken yet waits in them. A lane whose reader
 * holds too much, and lanes far behind one that comes in, go out and read for themselves until they have caught up. An
 * error of the common reader concerns nobody: everyone reads for itself and meets it, or does not.
 */
export class CommonReading {
  private readonly log: Log
  private readonly options: Pick<ReadOptions, 'topic' | 'isolation'>
  private readonly partitions = new Map<Partition, CommonPartition>()
  private reader: LogReader | undefined

  constructor(log: Log, options: Pick<ReadOptions, 'topic' | 'isolation'>) {
    this.log = log
    this.options = options
  }

  /** Begins to read for a lane, in common where it can be. */
  place(lane: SharedLane): void {
    if (!this.meet(lane)) lane.owner.readAlone(lane)
  }

  /** Takes a lane in if the common reading is where the lane is, or now goes there; false where it must read alone. */
  meet(lane: SharedLane): boolean {
    const common = this.partitions.get(lane.partition)
    common?.joining.delete(lane)
    if (lane.isFull) return false
    const ahead = common === undefined ? Number.POSITIVE_INFINITY : lane.next - common.next
    if (ahead < 0) return false
    if (common === undefined || ahead > AHEAD_MAX) {
      this.lead(lane, common)
      return true
    }
    if (ahead > 0) common.joining.add(lane)
    else enter(common, lane)
    this.opened().seek(lane.partition, common.next)
    return ahead === 0
  }

  leave(lane: SharedLane): void {
    const common = this.partitions.get(lane.partition)
    common?.joining.delete(lane)
    if (common?.lanes.delete(lane) !== true) return
    if (common.lanes.size === 0) this.end(lane.partition, common)
    else this.wake(lane)
  }

  /** There may be room in the lane again. */
  wake({ partition }: SharedLane): void {
    const common = this.partitions.get(partition)
    if (common !== undefined && hasRoom(common)) common.resume()
  }

  /** Ends it; whoever reads again opens another one. */
  async close(): Promise<void> {
    const { reader } = this
    this.scatter()
    await reader?.close()
  }

  private lead(lane: SharedLane, before: CommonPartition | undefined): void {
    const common = { next: lane.next, lanes: new Set<SharedLane>(), joining: new Set<SharedLane>(), resume: () => {} }
    enter(common, lane)
    this.partitions.set(lane.partition, common)
    this.opened().seek(lane.partition, lane.next)
    before?.resume()
    for (const behind of before?.lanes ?? []) behind.owner.readAlone(behind)
  }

  private end(partition: Partition, common: CommonPartition): void {
    this.partitions.delete(partition)
    this.reader?.remove(partition)
    common.resume()
  }

  private opened(): LogReader {
    if (this.reader !== undefined) return this.reader
    const reader = this.log.read({
      ...this.options,
      from: new Map(),
      pauseMs: SHARED_PAUSE_MS,
      onBatch: batch => (this.reader === reader ? this.onBatch(batch) : undefined),
    })
    this.reader = reader
    reader.done.catch(() => {
      if (this.reader === reader) this.scatter()
    })
    return reader
  }

  private scatter(): void {
    this.reader = undefined
    const partitions = [...this.partitions.values()]
    this.partitions.clear()
    for (const { lanes, resume } of partitions) {
      resume()
      for (const lane of lanes) lane.owner.readAlone(lane)
    }
  }

  private onBatch({ partition, records, end }: FetchedBatch): Promise<void> | undefined {
    const common = this.partitions.get(partition)
    if (common === undefined) return undefined
    const piece = pieceOf(records, end)
    common.next = Math.max(common.next, records.at(-1)!.offset + 1)
    for (const lane of common.lanes) {
      if (!lane.owner.isOverfull()) lane.push(piece)
      else {
        common.lanes.delete(lane)
        lane.owner.readAlone(lane)
      }
    }
    for (const lane of common.joining) {
      if (lane.next > common.next) continue
      common.joining.delete(lane)
      enter(common, lane)
      lane.push(piece)
    }
    if (common.lanes.size === 0) this.end(partition, common)
    if (hasRoom(common)) return undefined
    return new Promise(resolve => {
      common.resume = resolve
    })
  }
}

function enter(common: CommonPartition, lane: SharedLane): void {
  lane.owner.endAlone(lane)
  common.lanes.add(lane)
  if (!lane.isFull) common.resume()
}

/** True where somebody can take more, or nobody is left. */
function hasRoom({ lanes }: CommonPartition): boolean {
  return lanes.size === 0 || [...lanes].some(lane => !lane.isFull)
}
