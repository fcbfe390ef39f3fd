import type { EventRow } from '../processors/archive/event-row.ts'
import type { ArchiveInspector, MessageRow } from '../processors/archive/inspect.ts'
import type { Event } from '../schemas/event.ts'
import type { Offset, Partition, SessionId } from '../schemas/ids.ts'
import { compareEventRow, emptiedEvent, extraEventRow, textOfMessageRow } from './compare-archive.ts'
import { type Difference, type Differences, NOTHING } from './difference.ts'
import { digest } from './digest.ts'
import type { PartitionFold, SessionFold } from './fold.ts'

/**
 * The part of the archive that is compared: a partition from `firstOffset`, below which the log holds nothing any more,
 * to `lastOffset`. Rows above it have come since.
 */
export interface ArchiveScope {
  partition: Partition
  firstOffset: Offset
  lastOffset: Offset
  differences: Differences
  /** The end of the log as it is now: no row can be from there on. */
  logEnd(): Promise<Offset>
}

/**
 * Compares `events` of a partition with the log while the log is read, both in the order of offsets: nothing is kept.
 * `add` every event in order, then `finish`.
 */
export class EventsCheck {
  private readonly scope: ArchiveScope
  private readonly pages: AsyncIterator<readonly EventRow[]>
  private page: readonly EventRow[] = []
  private at = 0
  private isOver = false
  private readonly emptied: { event: ReturnType<typeof placeOf>; found: Difference[] }[] = []

  constructor(archive: ArchiveInspector, scope: ArchiveScope) {
    this.scope = scope
    this.pages = archive.eventPages(scope.partition)[Symbol.asyncIterator]()
  }

  /** A promise only where rows are to be waited for. */
  add(event: Event, offset: Offset): Promise<void> | undefined {
    if (!this.passRowsBelow(offset)) return this.fetch().then(() => this.add(event, offset))
    const row = this.row()
    if (row?.offset !== offset) this.compare(event, offset, undefined)
    else {
      this.compare(event, offset, row)
      this.at++
    }
    return undefined
  }

  /** False where the page at hand has ended before it was known whether there is a row at the offset. */
  private passRowsBelow(offset: Offset): boolean {
    for (let row = this.row(); row !== undefined; row = this.row()) {
      if (row.offset >= offset) return true
      this.addExtra(row)
      this.at++
    }
    return this.isOver
  }

  private row(): EventRow | undefined {
    return this.page[this.at]
  }

  private async fetch(): Promise<void> {
    const next = await this.pages.next()
    this.isOver = next.done === true
    this.page = next.done === true ? [] : next.value
    this.at = 0
  }

  /** Where content is missing, whether it was taken back is known at the end only. */
  private compare(event: Event, offset: Offset, row: EventRow | undefined): void {
    const { partition, differences } = this.scope
    const found = compareEventRow(partition, offset, event, row)
    if (found.length === 0) return
    const isEmptied = compareEventRow(partition, offset, emptiedEvent(event), row, event).length === 0
    if (isEmptied) this.emptied.push({ event: placeOf(event), found })
    else differences.addAll(found)
  }

  /** What is missing without having been taken back. */
  checkEmptied(fold: PartitionFold): void {
    for (const { event, found } of this.emptied) {
      const reading = fold.sessions.get(event.sessionId)?.reading
      const isTaken =
        reading !== undefined &&
        ((event.seq > 0 && (reading.isTakenBack(event.seq) || reading.isTakenBack(event.targetSeq))) ||
          reading.isErased(event.userId))
      if (!isTaken) this.scope.differences.addAll(found)
    }
  }

  async finish(): Promise<void> {
    let end = 0
    for (; !this.isOver; await this.fetch()) {
      for (let row = this.row(); row !== undefined; row = this.row()) {
        const { offset } = row
        if (offset > this.scope.lastOffset && offset >= end) end = await this.scope.logEnd()
        if (offset <= this.scope.lastOffset || offset >= end) this.addExtra(row)
        this.at++
      }
    }
  }

  private addExtra(row: EventRow): void {
    if (row.offset >= this.scope.firstOffset) this.scope.differences.add(extraEventRow(row))
  }
}

/** What tells whether the content of an event was taken back. */
function placeOf({ sessionId, seq, from, body }: Event) {
  const targetSeq = 'target' in body ? body.target.seq : 0
  return { sessionId, seq, targetSeq, userId: body.kind === 'AliasSet' ? body.userId : from }
}

/**
 * Compares `messages` of a partition with the log; gives how many were compared. Where every row of `events` was found
 * to be right (`areEventsRight`), the server compares the two tables by the hashes of whole rows; where that is not so,
 * or not all is equal, each row is compared with the fold.
 */
export async function checkMessages(
  archive: ArchiveInspector,
  fold: PartitionFold,
  { scope, areEventsRight }: { scope: ArchiveScope; areEventsRight: boolean },
): Promise<number> {
  if (areEventsRight) {
    const { partition, firstOffset, lastOffset } = scope
    const found = await archive.messagesOfEvents({ partition, firstOffset, lastOffset })
    const isBehind = found.lastOffset <= lastOffset || found.lastOffset < (await scope.logEnd())
    if (found.isSame && isBehind) return found.rows
  }
  return compareMessages(archive, fold, scope)
}

async function compareMessages(archive: ArchiveInspector, fold: PartitionFold, scope: ArchiveScope): Promise<number> {
  const unseen = new Set(fold.sessions.keys())
  let seqs = new Set<number>()
  let sessionId = ''
  let compared = 0
  let end = 0
  const endSession = () => {
    const session = fold.sessions.get(sessionId as SessionId)
    if (session === undefined) return
    unseen.delete(session.sessionId)
    reportMissing(session, seqs, scope)
  }
  for await (const row of archive.messages(fold.partition)) {
    if (row.sessionId !== sessionId) {
      endSession()
      seqs = new Set()
      sessionId = row.sessionId
    }
    seqs.add(row.seq)
    const session = fold.sessions.get(row.sessionId as SessionId)
    // Of what is older than the log still is, nothing is known.
    if (fold.isPartial && row.seq < (session?.firstSeq ?? Number.POSITIVE_INFINITY)) continue
    if (row.offset > scope.lastOffset && row.offset >= end) end = await scope.logEnd()
    // Written after the end that is compared up to: the next run looks at it.
    if (row.offset > scope.lastOffset && row.offset < end) continue
    compared++
    compareMessage(session, row, scope.differences)
  }
  endSession()
  for (const missing of unseen) reportMissing(fold.sessions.get(missing)!, new Set(), scope)
  return compared
}

function compareMessage(fold: SessionFold | undefined, row: MessageRow, differences: Differences): void {
  const { sessionId, seq, partition, offset } = row
  const index = seq - (fold?.firstSeq ?? 1)
  const place = { view: 'archive' as const, sessionId, seq, partition, offset }
  const expected = fold?.messages[index]
  const text = textOfMessageRow(row)
  const isEmptied = row.text === '' && row.data === '' && row.extra === ''
  // What is left of it was compared with the row of `events`.
  if (isEmptied && fold?.reading.isTakenBack(seq) === true && fold.offsets[index] === offset) return
  if (expected === undefined) {
    differences.add({ ...place, what: 'row of messages', expected: NOTHING, found: text })
  } else if (expected !== digest(text) || fold?.offsets[index] !== offset) {
    differences.add({
      ...place,
      offset: fold!.offsets[index]!,
      what: 'row of messages',
      expected: 'what the log says',
      found: text,
    })
  } else if (row.revokedAt !== null || row.editedAt !== null || row.revokedBy !== '') {
    const found = JSON.stringify({ editedAt: row.editedAt, revokedAt: row.revokedAt, revokedBy: row.revokedBy })
    differences.add({ ...place, what: 'edits of messages', expected: NOTHING, found })
  }
}

function reportMissing(
  fold: SessionFold,
  seqs: ReadonlySet<number>,
  { partition, lastOffset, differences }: ArchiveScope,
): void {
  for (const [index, message] of fold.messages.entries()) {
    const offset = fold.offsets[index]!
    const seq = fold.firstSeq + index
    if (message === undefined || offset > lastOffset || seqs.has(seq)) continue
    const place = { view: 'archive' as const, sessionId: fold.sessionId, seq, partition, offset }
    differences.add({ ...place, what: 'row of messages', expected: 'one', found: NOTHING })
  }
}
