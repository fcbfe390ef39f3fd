import type { Offset } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { StoredRecord } from '../../topics/log.ts'

/**
 * Packs of one partition that were fetched and have no outcome in the log yet. They stay here until their outcome is
 * known to be there, for a batch that lost a race is decided again.
 */

/** With so many packs, or so many bytes, waiting, nothing more is taken from the reader. */
export const QUEUED_PACKS_MAX = 2_000
export const QUEUED_BYTES_MAX = 4_000_000

export interface QueuedPack {
  record: StoredRecord
  /** Decoded once; null where it is unreadable, undefined before the first attempt. */
  pack: Pack | null | undefined
}

export class PackQueue {
  private packs: QueuedPack[] = []
  /** Index of the first that is not released; the array is cut when half of it is released. */
  private head = 0
  private bytes = 0
  private waiting: (() => void)[] = []

  get length(): number {
    return this.packs.length - this.head
  }

  /** Offset of the last pack; undefined when there is none. */
  get lastOffset(): Offset | undefined {
    return this.length === 0 ? undefined : this.packs.at(-1)!.record.offset
  }

  /** The pack `index` places behind the first. */
  peek(index: number): QueuedPack | undefined {
    return this.packs[this.head + index]
  }

  /** Takes what was fetched. Resolves, or returns undefined at once, when there is room for more. */
  push(records: readonly StoredRecord[]): Promise<void> | undefined {
    for (const record of records) {
      this.packs.push({ record, pack: undefined })
      this.bytes += sizeOf(record)
    }
    if (this.hasRoom()) return undefined
    return new Promise(resolve => this.waiting.push(resolve))
  }

  /** Lets go of every pack below `next`. */
  release(next: Offset): void {
    while (this.length > 0 && this.packs[this.head]!.record.offset < next) {
      this.bytes -= sizeOf(this.packs[this.head]!.record)
      this.head++
    }
    if (this.head > this.packs.length / 2) {
      this.packs = this.packs.slice(this.head)
      this.head = 0
    }
    if (this.hasRoom()) this.letIn()
  }

  /** The pack at this offset, or the next one that there is, can never be decoded. */
  markUnreadable(offset: Offset): void {
    for (let index = this.head; index < this.packs.length; index++) {
      const queued = this.packs[index]!
      if (queued.record.offset < offset) continue
      queued.pack = null
      return
    }
  }

  /** Lets waiting readers go on: the partition takes no more. */
  close(): void {
    this.packs = []
    this.head = 0
    this.bytes = 0
    this.letIn()
  }

  private hasRoom(): boolean {
    return this.length < QUEUED_PACKS_MAX && this.bytes < QUEUED_BYTES_MAX
  }

  private letIn(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}

function sizeOf(record: StoredRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0)
}
