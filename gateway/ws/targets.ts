import { isDeepStrictEqual } from 'node:util'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { HistoryReader } from '../../processors/history/history-store.ts'
import { Code } from '../../schemas/codes.ts'
import type { Content, Origin, SendExtra, Target } from '../../schemas/content.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import { type PackId, type Partition, packIdTime, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag, type Pack, type Stamp } from '../../schemas/pack.ts'
import { TARGET_FRESH_MS } from '../limits.ts'
import type { ArchiveViews } from './archive-views.ts'
import { NO_STAMP } from './stamps.ts'
import type { Views } from './views.ts'

/**
 * Looks up the messages that packs name: the target of a revoke, an edit, a delete or a reaction, a quote, and what is
 * forwarded. The sequencer knows by itself what is young and names its sender (find-target.ts); for the rest it gets
 * the facts of the message in the stamp. They never change, so that it does not matter when they were read.
 *
 * "There is no such message" is said (as a verdict, which the sequencer answers) only when history, or the archive for
 * what history no longer keeps, holds everything that the log held when the question came. Otherwise the pack is
 * refused for the moment: QuestionFailed.
 */

export interface TargetsOptions {
  history: HistoryReader
  archive: ArchiveViews
  views: Pick<Views, 'ask' | 'caughtUp' | 'confirmHistory' | 'ranges'>
  clock: Clock
  partitionOf(sessionId: SessionId): Partition
}

/** A message as the views know it. */
interface Fact {
  packId: PackId
  from: UserId
  at: Millis
  counted: boolean
  content: Content
}

interface Named {
  target?: Target
  quote?: Target
  forward?: Origin
  /** What is said to be the content of the message that is forwarded. */
  content?: Content
}

/** A stamp without what only other look-ups know. */
type Found = Partial<Pick<Stamp, 'verdict' | 'target' | 'quote' | 'origin'>>

const NOT_EXIST: Found = { verdict: { code: Code.MSG_NOT_EXIST.number, reason: 'there is no such message' } }

export class Targets {
  private readonly options: TargetsOptions

  constructor(options: TargetsOptions) {
    this.options = options
  }

  /** Adds to the pack's stamp; undefined where there is nothing to look up. Rejects with QuestionFailed. */
  stamp(pack: Pack): Promise<void> | undefined {
    const named = this.unknown(namedBy(pack))
    if (named === undefined) return undefined
    return this.find(pack, named).then(found => {
      pack.stamp = { ...(pack.stamp ?? NO_STAMP), ...found }
    })
  }

  /** Whether there is such a message, whatever became of it. Rejects with QuestionFailed where that cannot be said now. */
  async exists(sessionId: SessionId, target: Target): Promise<boolean> {
    return (await this.fact(sessionId, target)) !== undefined
  }

  /** Without those that the sequencer knows by itself; undefined where none is left. */
  private unknown({ target, quote, ...rest }: Named): Named | undefined {
    const named: Named = rest
    if (target !== undefined && !this.isFresh(target)) named.target = target
    if (quote !== undefined && !this.isFresh(quote)) named.quote = quote
    return named.target === undefined && named.quote === undefined && named.forward === undefined ? undefined : named
  }

  private isFresh({ packId, from }: Target): boolean {
    return from !== undefined && packIdTime(packId) > this.options.clock.now() - TARGET_FRESH_MS
  }

  private async find({ sessionId, from }: Pack, { target, quote, forward, content }: Named): Promise<Found> {
    const found: Found = {}
    if (target !== undefined) {
      const fact = await this.fact(sessionId, target)
      if (fact === undefined) return NOT_EXIST
      found.target = { from: fact.from, at: fact.at, counted: fact.counted }
    }
    if (quote !== undefined) {
      const fact = await this.fact(sessionId, quote)
      if (fact === undefined) return NOT_EXIST
      found.quote = { from: fact.from, at: fact.at, counted: fact.counted }
    }
    if (forward !== undefined) {
      const fact = (await this.maySee(from, forward)) ? await this.fact(forward.sessionId, forward) : undefined
      if (fact === undefined || !isDeepStrictEqual(fact.content, content)) return NOT_EXIST
      found.origin = { from: fact.from, at: fact.at }
    }
    return found
  }

  private async maySee(userId: UserId, { sessionId, seq }: Origin): Promise<boolean> {
    const ranges = await this.options.views.ranges(userId, sessionId)
    return ranges.some(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)
  }

  /** The message, where seq and packId are both its own; undefined: there is none. */
  private async fact(sessionId: SessionId, { seq, packId }: { seq: Seq; packId: PackId }): Promise<Fact | undefined> {
    const { views, partitionOf } = this.options
    const partition = partitionOf(sessionId)
    const known = await this.inHistory(sessionId, seq)
    if (known.kind === 'Found') return sameAs(known.fact, packId)
    const reached = await views.caughtUp([partition])
    const found = await this.inHistory(sessionId, seq)
    if (found.kind === 'Found') return sameAs(found.fact, packId)
    await views.confirmHistory(partition, reached)
    if (found.kind === 'NotYet') return undefined
    return sameAs(await this.inArchive(sessionId, seq, { partition, offset: reached.get(partition) ?? -1 }), packId)
  }

  private async inHistory(
    sessionId: SessionId,
    seq: Seq,
  ): Promise<{ kind: 'Found'; fact: Fact | undefined } | { kind: 'NotYet' } | { kind: 'NotKept' }> {
    const { views, history } = this.options
    const page = await views.ask('HISTORY_ERROR', () => history.page({ sessionId, afterSeq: seq - 1, limit: 1 }))
    if (page.seqs[0] === seq) return { kind: 'Found', fact: factOf(JSON.parse(page.events[0]!) as EventFrame) }
    return { kind: seq > page.lastSeq ? 'NotYet' : 'NotKept' }
  }

  private async inArchive(
    sessionId: SessionId,
    seq: Seq,
    reached: { partition: Partition; offset: number },
  ): Promise<Fact | undefined> {
    const { partition } = reached
    return this.options.archive.find(reached, archive => archive.message({ partition, sessionId, seq }))
  }
}

function namedBy({ body }: Pack): Named {
  switch (body.kind) {
    case 'SendMessage':
      return besides(body.extra, body.content)
    case 'OverrideMessage':
      return { target: body.target, ...besides(body.extra, body.content) }
    case 'RevokeMessage':
    case 'DeleteForAll':
    case 'AddReaction':
    case 'RemoveReaction':
      return { target: body.target }
    default:
      return {}
  }
}

function besides(extra: SendExtra | undefined, content: Content): Named {
  const named: Named = {}
  if (extra?.quote !== undefined) named.quote = extra.quote
  if (extra?.forward !== undefined) {
    named.forward = extra.forward
    named.content = content
  }
  return named
}

function sameAs(fact: Fact | undefined, packId: PackId): Fact | undefined {
  return fact?.packId === packId ? fact : undefined
}

/** Undefined for an event that is no message. */
function factOf({ packId, from, at, flags, body }: EventFrame): Fact | undefined {
  if (body.kind !== 'MessageAccepted') return undefined
  return { packId, from, at, counted: (flags & Flag.COUNTER) !== 0, content: body.content }
}
