import type { Clock } from '../../infra/clock.ts'
import type { ArchiveReader } from '../../processors/archive/archive-reader.ts'
import type { HistoryReader, PackOutcome } from '../../processors/history/history-store.ts'
import type { Offset, PackId, Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { ARCHIVE_BEHIND_MS_MAX, ARCHIVE_POLL_MS } from '../limits.ts'
import { Deadline } from './deadline.ts'
import type { PendingPacks } from './pending.ts'
import { QuestionFailed, type Views } from './views.ts'

export interface OutcomesOptions {
  history: HistoryReader
  archive: ArchiveReader
  views: Views
  pending: PendingPacks
  clock: Clock
  partitionOf(sessionId: SessionId): Partition
}

interface Request {
  sessionId: SessionId
  from: UserId
  packId: PackId
}

/**
 * Finds what became of a pack, at any age: in history, then in the archive, which forgets nothing.
 *
 * A client that was told EXPIRED sends its words again under a new packId when there was no outcome before. So
 * "there is none" is said only when the pack does not wait here and both views hold everything that im.events held
 * when the question came: the EXPIRED that the client has seen lies in that part, and behind it the sequencer accepts
 * the packId no more. A view that is down, behind or was emptied is a temporary failure.
 */
export class Outcomes {
  private readonly options: OutcomesOptions

  constructor(options: OutcomesOptions) {
    this.options = options
  }

  /** Undefined: never accepted, nor refused for good. Throws QuestionFailed while nobody can know. */
  async find(request: Request): Promise<PackOutcome | undefined> {
    const { views, history, pending } = this.options
    const { sessionId, from, packId } = request
    const look = () => views.ask('HISTORY_ERROR', () => history.outcome(request))
    const known = await look()
    if (known !== undefined) return known
    if (pending.hasPack(sessionId, packId, from)) throw new QuestionFailed('VIEW_BEHIND', 'the pack is under way')
    const partition = this.options.partitionOf(sessionId)
    const reached = await views.caughtUp([partition])
    const found = await look()
    if (found !== undefined) return found
    await views.confirmHistory(partition, reached)
    return this.inArchive(request, { partition, offset: reached.get(partition) ?? -1 })
  }

  private async inArchive(
    request: Request,
    { partition, offset }: { partition: Partition; offset: Offset },
  ): Promise<PackOutcome | undefined> {
    // Nothing was written to the partition yet.
    if (offset < 0) return undefined
    const { views, archive } = this.options
    await this.archiveReached(partition, offset)
    const outcome = await views.ask('DB_ERROR', () => archive.outcome({ partition, ...request }))
    // Asked again behind the data: an archive that was emptied meanwhile has no outcomes either.
    if (outcome === undefined && !(await this.hasReached(partition, offset))) {
      throw new QuestionFailed('VIEW_BEHIND', 'the archive is being rebuilt')
    }
    return outcome
  }

  private async archiveReached(partition: Partition, offset: Offset): Promise<void> {
    const { clock } = this.options
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
    const { views, archive } = this.options
    const position = await views.ask('DB_ERROR', () => archive.position(partition))
    return position !== undefined && position.offset >= offset
  }
}
