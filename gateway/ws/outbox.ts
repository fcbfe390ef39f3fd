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
  private frames: Buffer[] = []
  private waitingBytes = 0

  get isEmpty(): boolean {
    return this.frames.length === 0
  }

  /** True when a frame of this size fits and leaves half of the frames to live events. */
  hasRoom(bytes: number): boolean {
    if (this.frames.length === 0) return true
    return this.frames.length <= OUTBOX_FRAMES_MAX / 2 && this.waitingBytes + bytes <= OUTBOX_BYTES_MAX / 2
  }

  /** False when the frame does not fit any more. A frame that is alone always fits. */
  push(frame: Buffer): boolean {
    const full = this.frames.length >= OUTBOX_FRAMES_MAX || this.waitingBytes + frame.length > OUTBOX_BYTES_MAX
    if (full && this.frames.length > 0) return false
    this.frames.push(frame)
    this.waitingBytes += frame.length
    return true
  }

  /** The next write: as many frames as WRITE_BYTES_MAX lets through, at least one; undefined when nothing waits. */
  take(): Buffer | undefined {
    const { frames } = this
    if (frames.length === 0) return undefined
    let count = 0
    let bytes = 0
    while (count < frames.length && (count === 0 || bytes + frames[count]!.length <= WRITE_BYTES_MAX)) {
      bytes += frames[count++]!.length
    }
    this.waitingBytes -= bytes
    assert(this.waitingBytes >= 0, 'an outbox gives out more bytes than were put in')
    const taken = count === frames.length ? frames : frames.slice(0, count)
    this.frames = count === frames.length ? [] : frames.slice(count)
    return taken.length === 1 ? taken[0] : Buffer.concat(taken, bytes)
  }

  clear(): void {
    this.frames = []
    this.waitingBytes = 0
  }
}
