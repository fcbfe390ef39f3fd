import type { ArchivedTimeline } from '../../processors/archive/archive-reader.ts'
import type { HistoryPage } from '../../processors/history/history-store.ts'
import type { Offset, Partition, Seq, SessionId } from '../../schemas/ids.ts'
import type { ArchiveViews } from './archive-views.ts'
import { archivedTexts } from './archived-pages.ts'
import type { Progress } from './progress.ts'
import { QuestionFailed, type Views } from './views.ts'

/**
 * Where history ends, the archive goes on: pages are filled up from it, so that nobody who turns them sees where one
 * store ends and the other begins.
 *
 * The page of history is read first. What it says it no longer keeps, the archive has had for long; what has become of
 * it since is in the archive as far as this gateway has read the log before it asked, or the question fails for the
 * moment. An archive that ends before the part that history has is behind history, and this gateway may be as well: it
 * reads up to the log's end then, and asks again. Events that are neither here nor there were dropped by a retention.
 */
export class OlderHistory {
  private readonly options: OlderHistoryOptions

  constructor(options: OlderHistoryOptions) {
    this.options = options
  }

  /**
   * The page that history gave for `span`, filled up with what lies before it. Rejects with QuestionFailed; a page
   * towards the past that has events of history goes without the rest instead.
   */
  async complete(sessionId: SessionId, span: Span, page: HistoryPage): Promise<HistoryPage> {
    const missing = missingPart(span, page)
    // With events that history no longer has the archive alone knows where the session begins.
    if (missing === undefined) return page.firstSeq > 1 && page.lastSeq > 0 ? { ...page, firstSeq: 1 } : page
    try {
      return await this.filledUp(sessionId, span, page, missing)
    } catch (error) {
      const canWait = error instanceof QuestionFailed && 'beforeSeq' in span && page.seqs.length > 0
      if (!canWait) throw error
      return { ...page, firstSeq: 1 }
    }
  }

  private async filledUp(sessionId: SessionId, span: Span, page: HistoryPage, missing: Seqs): Promise<HistoryPage> {
    let { events, firstSeq } = await this.read(sessionId, missing)
    // A retention has dropped what was asked for: what is kept begins behind it.
    if ('afterSeq' in span && events.length === 0 && firstSeq !== undefined && firstSeq < page.firstSeq) {
      const fromSeq = Math.max(firstSeq, missing.toSeq + 1)
      const toSeq = Math.min(page.firstSeq - 1, fromSeq + span.limit - 1)
      if (fromSeq <= toSeq) events = (await this.read(sessionId, { fromSeq, toSeq })).events
    }
    return joined(span, page, { events, firstSeq })
  }

  private async read(sessionId: SessionId, seqs: Seqs): Promise<Older> {
    const { views, progress, partitionOf } = this.options
    const partition = partitionOf(sessionId)
    const { offset } = progress.position(partition)
    let timeline = await this.ask(sessionId, seqs, { partition, offset })
    if (timeline.events.at(-1)?.seq !== seqs.toSeq) {
      await views.gatewayCaughtUp([partition])
      const now = progress.position(partition).offset
      if (now > offset) timeline = await this.ask(sessionId, seqs, { partition, offset: now })
    }
    return { events: archivedTexts(timeline), firstSeq: timeline.firstSeq }
  }

  private async ask(
    sessionId: SessionId,
    { fromSeq, toSeq }: Seqs,
    { partition, offset }: { partition: Partition; offset: Offset },
  ): Promise<ArchivedTimeline> {
    let timeline: ArchivedTimeline = { events: [], changes: [], firstSeq: undefined }
    // With a hole the archive is asked once more whether it is whole: then those events were dropped.
    await this.options.archive.find({ partition, offset }, async reader => {
      timeline = await reader.timeline({ partition, sessionId, fromSeq, toSeq })
      return timeline.events.length === toSeq - fromSeq + 1 ? timeline : undefined
    })
    return timeline
  }
}

export interface OlderHistoryOptions {
  archive: Pick<ArchiveViews, 'find'>
  views: Pick<Views, 'gatewayCaughtUp'>
  progress: Pick<Progress, 'position'>
  partitionOf(sessionId: SessionId): Partition
}

export type Span = { afterSeq: Seq; limit: number } | { beforeSeq: Seq; limit: number }

interface Seqs {
  fromSeq: Seq
  toSeq: Seq
}

interface Older {
  events: { seq: Seq; text: string }[]
  firstSeq: Seq | undefined
}

/** What the page could hold besides, before the first event that history keeps; undefined: nothing. */
function missingPart(span: Span, page: HistoryPage): Seqs | undefined {
  if (page.lastSeq === 0 || page.firstSeq <= 1) return undefined
  const lastOld = page.firstSeq - 1
  if ('afterSeq' in span) {
    const fromSeq = span.afterSeq + 1
    return fromSeq > lastOld ? undefined : { fromSeq, toSeq: Math.min(lastOld, span.afterSeq + span.limit) }
  }
  const toSeq = Math.min(lastOld, span.beforeSeq - 1)
  const room = span.limit - page.seqs.length
  return room <= 0 || toSeq < 1 ? undefined : { fromSeq: Math.max(1, toSeq - room + 1), toSeq }
}

function joined(span: Span, page: HistoryPage, { events: older, firstSeq }: Older): HistoryPage {
  const events = [...older.map(({ text }) => text), ...page.events]
  const seqs = [...older.map(({ seq }) => seq), ...page.seqs]
  const cut = <T>(items: T[]) => ('afterSeq' in span ? items.slice(0, span.limit) : items.slice(-span.limit))
  return { events: cut(events), seqs: cut(seqs), lastSeq: page.lastSeq, firstSeq: firstSeq ?? page.firstSeq }
}
