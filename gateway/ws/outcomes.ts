import type { HistoryReader, PackOutcome } from '../../processors/history/history-store.ts'
import type { Offset, PackId, Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { ArchiveViews } from './archive-views.ts'
import type { PendingPacks } from './pending.ts'
import { QuestionFailed, type Views } from './views.ts'

export interface OutcomesOptions {
  history: HistoryReader
  archive: ArchiveViews
  views: Views
  pending: PendingPacks
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
    reached: { partition: Partition; offset: Offset },
  ): Promise<PackOutcome | undefined> {
    const { partition } = reached
    return this.options.archive.find(reached, archive => archive.outcome({ partition, ...request }))
  }
}
