import type { EventRow } from '../processors/archive/event-row.ts'
import type { ArchiveInspector, MessageRow } from '../processors/archive/inspect.ts'
import type { Event } from '../schemas/event.ts'
import { type Offset, type Partition, parseSessionId, type SessionId } from '../schemas/ids.ts'
import { ArchivedBytes } from './archived-bytes.ts'
import { ArchivedRows } from './archived-rows.ts'
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
 * `add` every event in order, then `finish`. Most rows are compared by their bytes; one whose bytes are others, or are
 * not known beforehand, is read and compared fact by fact.
 */
export class EventsCheck {
  private readonly scope: ArchiveScope
  private readonly fold: PartitionFold
  private readonly rows: ArchivedRows
  private readonly bytes: ArchivedBytes
  private readonly emptied: { event: ReturnType<typeof placeOf>; found: Difference[] }[] = []

  /** `fold` has taken each event before it comes here. */
  constructor(archive: ArchiveInspector, fold: PartitionFold, scope: ArchiveScope) {
    this.scope = scope
    this.fold = fold
    this.rows = new ArchivedRows(archive.eventBytes(scope.partition))
    this.bytes = new ArchivedBytes(scope.partition, sessionId => this.kindOf(sessionId))
  }

  private kindOf(sessionId: string): string {
    return (this.fold.sessions.get(sessionId as SessionId)?.kind ?? parseSessionId(sessionId))?.kind ?? ''
  }

  /** A promise only where rows are to be waited for. */
  add(event: Event, offset: Offset): Promise<void> | undefined {
    const expected = this.bytes.of(event, offset)
    const isPassed = expected === undefined ? false : this.rows.passIf(expected)
    if (isPassed === true) return undefined
    if (isPassed === undefined || !this.read(event, offset)) return this.rows.more().then(() => this.add(event, offset))
    return undefined
  }

  /** False where the bytes at hand have ended before it was known whether there is a row at the offset. */
  private read(event: Event, offset: Offset): boolean {
    for (let row = this.rows.peek(); row !== undefined; row = this.rows.peek()) {
      if (row === 'none' || row.offset > offset) {
        this.compare(event, offset, undefined)
        return true
      }
      this.rows.pass()
      if (row.offset === offset) {
        this.compare(event, offset, row)
        return true
      }
      this.addExtra(row)
    }
    return false
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
  checkEmptied(): void {
    for (const { event, found } of this.emptied) {
      const reading = this.fold.sessions.get(event.sessionId)?.reading
      const isTaken =
        reading !== undefined &&
        ((event.seq > 0 && (reading.isTakenBack(event.seq) || reading.isTakenBack(event.targetSeq))) ||
          reading.isErased(event.userId))
      if (!isTaken) this.scope.differences.addAll(found)
    }
  }

  async finish(): Promise<void> {
    let end = 0
    for (let row = this.rows.peek(); row !== 'none'; row = this.rows.peek()) {
      if (row === undefined) await this.rows.more()
      else {
        const { offset } = row
        if (offset > this.scope.lastOffset && offset >= end) end = await this.scope.logEnd()
        if (offset <= this.scope.lastOffset || offset >= end) this.addExtra(row)
        this.rows.pass()
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
 * The partitions of which the server says that `messages` has what `events` makes, with the number of messages: by the
 * hashes of whole rows. So it is enough to compare `events` with the log there; elsewhere each row is compared.
 */
export async function sameMessages(
  archive: ArchiveInspector,
  scopes: readonly Omit<ArchiveScope, 'differences'>[],
): Promise<ReadonlyMap<Partition, number>> {
  const same = new Map<Partition, number>()
  const found = await archive.messagesOfEvents(
    scopes.map(({ partition, firstOffset, lastOffset }) => ({ partition, firstOffset, lastOffset })),
  )
  for (const { partition, lastOffset, logEnd } of scopes) {
    const messages = found.get(partition)!
    const isBehind = messages.lastOffset <= lastOffset || messages.lastOffset < (await logEnd())
    if (messages.isSame && isBehind) same.set(partition, messages.rows)
  }
  return same
}

/** Compares each row of `messages` of a partition with a fold that has them; gives how many were compared. */
export async function compareMessages(
  archive: ArchiveInspector,
  fold: PartitionFold,
  scope: ArchiveScope,
): Promise<number> {
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
