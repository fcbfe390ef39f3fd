import { assert } from '../../infra/assert.ts'
import { OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, WRITE_BYTES_MAX } from '../limits.ts'

/**
 * What waits for one socket: whole WebSocket frames, in order, bounded by number and bytes.
 *
 * Frames of one tick are joined and leave in one write: a write of its own per frame costs ten times as much. An
 * event's bytes are shared by every outbox that it waits in. What does not fit is not dropped silently: `push` says
 * so, and the connection is closed with a code that means "reconnect and resume".
 */
export class Outbox {
  /** The oldest frame. Most wait alone: a list of its own for each would outlive them by far, up to the next frame. */
  private first: Buffer | undefined
  /** Those behind it. */
  private others: Buffer[] | undefined
  private waitingBytes = 0

  get isEmpty(): boolean {
    return this.first === undefined
  }

  private get count(): number {
    return this.first === undefined ? 0 : 1 + (this.others?.length ?? 0)
  }

  /** True when a frame of this size fits and leaves half of the frames to live events. */
  hasRoom(bytes: number): boolean {
    if (this.isEmpty) return true
    return this.count <= OUTBOX_FRAMES_MAX / 2 && this.waitingBytes + bytes <= OUTBOX_BYTES_MAX / 2
  }

  /** False when the frame does not fit any more. A frame that is alone always fits. */
  push(frame: Buffer): boolean {
    const full = this.count >= OUTBOX_FRAMES_MAX || this.waitingBytes + frame.length > OUTBOX_BYTES_MAX
    if (full && !this.isEmpty) return false
    if (this.first === undefined) {
      this.first = frame
    } else {
      this.others ??= []
      this.others.push(frame)
    }
    this.waitingBytes += frame.length
    return true
  }

  /** The next write: as many frames as WRITE_BYTES_MAX lets through, at least one; undefined when nothing waits. */
  take(): Buffer | undefined {
    const { first, others } = this
    if (first === undefined) return undefined
    if (others === undefined) {
      this.clear()
      return first
    }
    let taken = 0
    let bytes = first.length
    while (taken < others.length && bytes + others[taken]!.length <= WRITE_BYTES_MAX) bytes += others[taken++]!.length
    this.first = others[taken]
    this.others = taken + 1 < others.length ? others.slice(taken + 1) : undefined
    this.waitingBytes -= bytes
    assert(this.waitingBytes >= 0, 'an outbox gives out more bytes than were put in')
    return taken === 0 ? first : Buffer.concat([first, ...others.slice(0, taken)], bytes)
  }

  clear(): void {
    this.first = undefined
    this.others = undefined
    this.waitingBytes = 0
  }
}
