import type { Clock, Millis } from '../../infra/clock.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import type { PackId } from '../../schemas/ids.ts'
import { MARK_EVERY_MS, OVERTAKEN_MARKS_MAX } from '../limits.ts'
import type { Asker } from './asker.ts'

export type MarkFrame = Extract<PackFrame, { type: 'markRead' | 'markDelivered' }>

export function isMarkFrame(frame: PackFrame): frame is MarkFrame {
  return frame.type === 'markRead' || frame.type === 'markDelivered'
}

export interface MarksOptions {
  clock: Clock
  /** Takes a mark; `overtaken` are packs of the same connection whose answer is that of this one. */
  pass(connection: Asker, frame: MarkFrame, overtaken: readonly PackId[]): void
  /** Refuses a mark: too many wait to be overtaken. */
  refuse(connection: Asker, frame: MarkFrame): void
}

interface Lane {
  held: MarkFrame | undefined
  overtaken: PackId[]
  cancel: () => void
}

/**
 * At most one mark of a kind per connection, session and MARK_EVERY_MS goes on to the log: the first at once, then the
 * highest of those that came meanwhile, when the time is over or the connection is. Marks that a higher one overtakes
 * get its answer. Nothing is kept of a connection that has not marked anything for MARK_EVERY_MS.
 */
export class Marks {
  private readonly options: MarksOptions
  private readonly lanes = new Map<Asker, Map<string, Lane>>()

  constructor(options: MarksOptions) {
    this.options = options
  }

  submit(connection: Asker, frame: MarkFrame): void {
    const ofConnection = this.lanes.get(connection) ?? new Map<string, Lane>()
    this.lanes.set(connection, ofConnection)
    const key = `${frame.type} ${frame.sessionId}`
    const lane = ofConnection.get(key)
    if (lane === undefined) {
      ofConnection.set(key, { held: undefined, overtaken: [], cancel: this.later(connection, key, MARK_EVERY_MS) })
      this.options.pass(connection, frame, [])
    } else {
      this.hold(connection, lane, frame)
    }
  }

  private hold(connection: Asker, lane: Lane, frame: MarkFrame): void {
    const { held } = lane
    if (held === undefined) {
      lane.held = frame
      return
    }
    // Sent again while it waits: it is answered once.
    if (held.packId === frame.packId || lane.overtaken.includes(frame.packId)) return
    if (lane.overtaken.length >= OVERTAKEN_MARKS_MAX) {
      this.options.refuse(connection, frame)
      return
    }
    const isHigher = frame.seq > held.seq
    lane.overtaken.push(isHigher ? held.packId : frame.packId)
    if (isHigher) lane.held = frame
  }

  private later(connection: Asker, key: string, delayMs: Millis): () => void {
    return this.options.clock.schedule(delayMs, () => this.turn(connection, key))
  }

  private turn(connection: Asker, key: string): void {
    const ofConnection = this.lanes.get(connection)
    const lane = ofConnection?.get(key)
    if (ofConnection === undefined || lane === undefined) return
    if (lane.held === undefined) {
      ofConnection.delete(key)
      if (ofConnection.size === 0) this.lanes.delete(connection)
      return
    }
    lane.cancel = this.later(connection, key, MARK_EVERY_MS)
    this.passHeld(connection, lane)
  }

  private passHeld(connection: Asker, lane: Lane): void {
    const { held, overtaken } = lane
    lane.held = undefined
    lane.overtaken = []
    if (held !== undefined) this.options.pass(connection, held, overtaken)
  }

  /** The connection is gone: what it has marked is still said. */
  flush(connection: Asker): void {
    const ofConnection = this.lanes.get(connection)
    this.lanes.delete(connection)
    for (const lane of ofConnection?.values() ?? []) {
      lane.cancel()
      this.passHeld(connection, lane)
    }
  }

  /** Nothing waits any longer: the gateway drains, and refuses what is passed on. */
  flushAll(): void {
    for (const connection of [...this.lanes.keys()]) this.flush(connection)
  }
}
