import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'

/**
 * How far the log was some time ago, so that it can be said of an archive that it has everything from before then. Pure:
 * the time is an argument (monotonic).
 */
export class ArchiveLag {
  private readonly behindMsMax: Millis
  private readonly notes: { at: Millis; offsets: ReadonlyMap<Partition, Offset> }[] = []

  constructor(behindMsMax: Millis) {
    this.behindMsMax = behindMsMax
  }

  /** Notes how far the log is now. */
  note(now: Millis, offsets: ReadonlyMap<Partition, Offset>): void {
    this.notes.push({ at: now, offsets })
    // The newest of those that are old enough is the one that counts.
    while (this.notes.length > 1 && this.notes[1]!.at <= now - this.behindMsMax) this.notes.shift()
  }

  /** Partitions in which the archive has not yet what the log held behindMsMax ago. */
  behind(now: Millis, archive: ReadonlyMap<Partition, { offset: Offset }>): Partition[] {
    const note = this.notes.findLast(({ at }) => at <= now - this.behindMsMax) ?? this.notes[0]
    if (note === undefined) return []
    const late = [...note.offsets].filter(([partition, offset]) => (archive.get(partition)?.offset ?? -1) < offset)
    return late.map(([partition]) => partition)
  }
}
