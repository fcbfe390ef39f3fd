import type { Clock } from '../../infra/clock.ts'
import type { ArchiveReader } from '../../processors/archive/archive-reader.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import { ARCHIVE_BEHIND_MS_MAX, ARCHIVE_POLL_MS } from '../limits.ts'
import { Deadline } from './deadline.ts'
import { QuestionFailed, type Views } from './views.ts'

/**
 * Asks the archive for what history no longer keeps. "There is none" counts only where the archive holds everything
 * up to a place in the log, also behind the question: one that is behind or being rebuilt is a temporary failure.
 */
export class ArchiveViews {
  private readonly archive: ArchiveReader
  private readonly views: Pick<Views, 'ask'>
  private readonly clock: Clock

  constructor({ archive, views, clock }: { archive: ArchiveReader; views: Pick<Views, 'ask'>; clock: Clock }) {
    this.archive = archive
    this.views = views
    this.clock = clock
  }

  /** What the archive finds; undefined only when it holds everything up to `offset` of the partition. */
  async find<T>(
    { partition, offset }: { partition: Partition; offset: Offset },
    question: (archive: ArchiveReader) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    // Nothing was written to the partition yet.
    if (offset < 0) return undefined
    await this.reached(partition, offset)
    const found = await this.views.ask('DB_ERROR', () => question(this.archive))
    // Asked again behind the data: an archive that was emptied meanwhile has nothing either.
    if (found === undefined && !(await this.hasReached(partition, offset))) {
      throw new QuestionFailed('VIEW_BEHIND', 'the archive is being rebuilt')
    }
    return found
  }

  private async reached(partition: Partition, offset: Offset): Promise<void> {
    const { clock } = this
    const deadline = new Deadline(clock, ARCHIVE_BEHIND_MS_MAX)
    try {
      while (!deadline.signal.aborted) {
        if (await this.hasReached(partition, offset)) return
        await clock.sleep(ARCHIVE_POLL_MS, deadline.signal)
      }
    } finally {
      deadline.end()
    }
    throw new QuestionFailed('VIEW_BEHIND', 'the archive is behind the log')
  }

  private async hasReached(partition: Partition, offset: Offset): Promise<boolean> {
    const position = await this.views.ask('DB_ERROR', () => this.archive.position(partition))
    return position !== undefined && position.offset >= offset
  }
}
