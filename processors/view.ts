import type { Event } from '../schemas/event.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Position } from '../topics/valid-events.ts'

/** A valid event and the position after it. */
export interface PlacedEvent {
  event: Event
  position: Position
}

export interface ViewBatch {
  partition: Partition
  /** In log order; refusals and repeats included, junk left out. May be empty when only the position moved. */
  events: readonly PlacedEvent[]
  /** The position after the whole batch. */
  position: Position
}

/**
 * What a processor that builds a view gives to the runner (processors/runner.ts).
 *
 * `apply` writes its data first and the position after it (DESIGN 6), is idempotent (writes at or below a row's
 * position change nothing), and rejects when its store cannot take the batch: the runner then tries the same batch
 * again with bounded backoff and never lets the position pass.
 */
export interface View {
  readonly name: string
  /** The stored position of a partition; undefined where the view has none yet: it begins at the log's start. */
  position(partition: Partition): Promise<Position | undefined>
  apply(batch: ViewBatch): Promise<void>
  close(): Promise<void>
}
