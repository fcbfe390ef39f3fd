import type { Millis } from '../infra/clock.ts'
import type { Event } from '../schemas/event.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Headers } from '../topics/log.ts'
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
 * Thrown by `apply` when the store is no longer where this writer left it (emptied, rolled back, or a rebuild has
 * switched to another generation): the runner reads `position` again and goes on from there.
 */
export class ViewMoved extends Error {
  override readonly name = 'ViewMoved'
}

/** The view cannot go on by itself; the message says what an operator has to do. Its position stays. */
export class ViewStopped extends Error {
  override readonly name = 'ViewStopped'
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
  /** How long events may wait for others, so that the log and the store are asked less often. */
  readonly pauseMs: Millis
  /** The stored position of a partition; undefined where the view has none yet: it begins at the log's start. */
  position(partition: Partition): Promise<Position | undefined>
  apply(batch: ViewBatch): Promise<void>
  /**
   * False for a record that cannot concern the view, whatever its value: it is not decoded and only moves the position.
   * Without this method every event concerns it.
   */
  concerns?(headers: Headers): boolean
  /**
   * False when the store is no longer where this writer left it, as ViewMoved says it; asked now and then while there
   * is nothing to apply. Left out where that cannot be told, or does not matter before the next event.
   */
  inPlace?(partition: Partition): Promise<boolean>
  /**
   * Why the view cannot show this event; undefined where it can. The runner counts such events and writes them to
   * im.dead before `apply`, which gets them as well and must pass over them.
   */
  reasonToSkip?(event: Event): string | undefined
  close(): Promise<void>
}
