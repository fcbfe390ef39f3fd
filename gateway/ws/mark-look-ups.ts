import type { HistoryReader } from '../../processors/history/history-store.ts'
import { Code } from '../../schemas/codes.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Count, Partition, Seq, SessionId } from '../../schemas/ids.ts'
import type { Pack, PackBody, Stamp } from '../../schemas/pack.ts'
import type { ArchiveViews } from './archive-views.ts'
import { NO_STAMP } from './stamps.ts'
import type { Targets } from './targets.ts'
import type { Views } from './views.ts'

/**
 * Looks up what marks and packs about a session need: the count at a seq, and whether the user may see the session.
 * A mark that lies beyond the session's last seq as of now is clamped to it: by the sequencer where it has the head, here
 * where the pack goes to the user's own session.
 */

export interface MarkLookUpsOptions {
  history: HistoryReader
  archive: ArchiveViews
  views: Pick<Views, 'ask' | 'caughtUp' | 'confirmHistory' | 'ranges'>
  targets: Pick<Targets, 'exists'>
  partitionOf(sessionId: SessionId): Partition
}

type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>
type AboutSession = BodyOf<'MarkSessionRead' | 'ClearSession' | 'DeleteForMe' | 'SetSessionAttributes'>

const DENIED = verdict('HISTORY_DENIED')
const NOT_EXIST = verdict('MSG_NOT_EXIST')

export class MarkLookUps {
  private readonly options: MarkLookUpsOptions

  constructor(options: MarkLookUpsOptions) {
    this.options = options
  }

  /** Adds to the pack's stamp; undefined where there is nothing to look up. Rejects with QuestionFailed. */
  stamp(pack: Pack): Promise<void> | undefined {
    const { body } = pack
    switch (body.kind) {
      case 'MarkRead':
        return body.seq < 1 ? undefined : this.stampMark(pack, body)
      case 'MarkSessionRead':
      case 'ClearSession':
      case 'DeleteForMe':
      case 'SetSessionAttributes':
        return this.stampAboutSession(pack, body)
      default:
        return undefined
    }
  }

  private async stampMark(pack: Pack, { seq }: BodyOf<'MarkRead'>): Promise<void> {
    const found = await this.countUpTo(pack.sessionId, seq)
    // Beyond the head the sequencer needs nothing.
    if (found.seq === seq) addStamp(pack, { count: found.count })
  }

  private async stampAboutSession(pack: Pack, body: AboutSession): Promise<void> {
    const { views, targets } = this.options
    const { sessionId } = body
    if ((await views.ranges(pack.from, sessionId)).length === 0) {
      addStamp(pack, DENIED)
    } else if (body.kind === 'DeleteForMe') {
      const exist = await Promise.all(body.targets.map(target => targets.exists(sessionId, target)))
      if (exist.includes(false)) addStamp(pack, NOT_EXIST)
    } else if (body.kind !== 'SetSessionAttributes' && body.seq >= 1) {
      const { seq, count } = await this.countUpTo(sessionId, body.seq)
      if (seq === 0) return addStamp(pack, NOT_EXIST)
      // Clamped behind the digest, which is of the client's words.
      pack.body = { ...body, seq }
      addStamp(pack, { count })
    }
  }

  /** The count at a seq, or that at the last one where it lies beyond. */
  private async countUpTo(sessionId: SessionId, seq: Seq): Promise<{ seq: Seq; count: Count }> {
    const { views, partitionOf } = this.options
    const partition = partitionOf(sessionId)
    const known = await this.inHistory(sessionId, seq)
    if (known.count !== undefined) return { seq, count: known.count }
    const reached = await views.caughtUp([partition])
    const found = await this.inHistory(sessionId, seq)
    await views.confirmHistory(partition, reached)
    if (found.count !== undefined) return { seq, count: found.count }
    if (seq > found.lastSeq) return { seq: found.lastSeq, count: found.headCount }
    const place = { partition, offset: reached.get(partition) ?? -1 }
    const count = await this.options.archive.find(place, archive => archive.count({ partition, sessionId, seq }))
    // What no store has any more: nothing of it is known to count.
    return { seq, count: count ?? 0 }
  }

  private async inHistory(
    sessionId: SessionId,
    seq: Seq,
  ): Promise<{ count: Count | undefined; lastSeq: Seq; headCount: Count }> {
    const { views, history } = this.options
    const [page, [head]] = await views.ask('HISTORY_ERROR', () =>
      Promise.all([history.page({ sessionId, afterSeq: seq - 1, limit: 1 }), history.heads([sessionId])]),
    )
    const { lastSeq = 0, count: headCount = 0 } = head ?? {}
    if (seq === lastSeq) return { count: headCount, lastSeq, headCount }
    const count = page.seqs[0] === seq ? (JSON.parse(page.events[0]!) as EventFrame).count : undefined
    return { count, lastSeq, headCount }
  }
}

function verdict(name: 'HISTORY_DENIED' | 'MSG_NOT_EXIST'): Partial<Stamp> {
  return { verdict: { code: Code[name].number, reason: Code[name].text } }
}

function addStamp(pack: Pack, found: Partial<Stamp>): void {
  pack.stamp = { ...(pack.stamp ?? NO_STAMP), ...found }
}
