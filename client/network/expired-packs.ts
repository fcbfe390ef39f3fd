import type { Clock, PortableRandom } from '../../infra/clock.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import { defaultGroupId, type PackId } from '../../schemas/ids.ts'
import { backoffMs } from './backoff.ts'
import type { PendingPack } from './pending-packs.ts'
import { type AnswerTo, type Question, QuestionFailed } from './questions.ts'

export interface ExpiredPacksParts {
  ask(question: Extract<Question, { type: 'outcome' }>): Promise<AnswerTo<'outcome'>>
  /** True while the connection on which the refusal came lives and the pack has no answer. */
  isOpen(pack: PendingPack, connection: number): boolean
  /** What became of it at its first try. */
  found(outcome: AnswerTo<'outcome'>): void
  /** It never took effect and never will under its packId. */
  neverAccepted(pack: PendingPack): void
  /** It cannot be known, for good. */
  unknown(pack: PendingPack, failure: QuestionFailed): void
  clock: Clock
  random: PortableRandom
}

/**
 * Packs whose packId is older than the window: whether an earlier try of theirs took effect is asked for, one pack
 * after the other, so that those that go out again do so in their order. A view that is behind or down delays this,
 * and a lost connection ends it: the resend on the next one is refused again and leads here again.
 */
export class ExpiredPacks {
  private readonly parts: ExpiredPacksParts
  /** Packs that are looked up or wait for it, with the connection on which they were refused last. */
  private readonly waiting = new Map<PackId, number>()
  private last: Promise<void> = Promise.resolve()

  constructor(parts: ExpiredPacksParts) {
    this.parts = parts
  }

  add(pack: PendingPack, connection: number): void {
    const { packId } = pack.frame
    const isNew = !this.waiting.has(packId)
    this.waiting.set(packId, connection)
    if (isNew) this.last = this.last.then(() => this.lookUp(pack))
  }

  private async lookUp(pack: PendingPack): Promise<void> {
    const { parts, waiting } = this
    const { sessionId, frame } = pack
    const isOpen = () => parts.isOpen(pack, waiting.get(frame.packId)!)
    try {
      for (let attempt = 0; isOpen(); attempt++) {
        const outcome = await this.ask({ type: 'outcome', sessionId, packId: frame.packId })
        if (!isOpen()) return
        if (!(outcome instanceof QuestionFailed)) {
          return outcome.found ? parts.found(outcome) : parts.neverAccepted(pack)
        }
        if (!outcome.temporary) return parts.unknown(pack, outcome)
        await parts.clock.sleep(backoffMs(attempt, parts.random))
      }
    } finally {
      waiting.delete(frame.packId)
    }
  }

  private async ask(question: Parameters<ExpiredPacksParts['ask']>[0]): Promise<AnswerTo<'outcome'> | QuestionFailed> {
    try {
      return await this.parts.ask(question)
    } catch (error) {
      if (error instanceof QuestionFailed) return error
      throw error
    }
  }
}

/** The same words under a new packId. A group that would be named after its packId keeps the name that it was given. */
export function renewed(frame: PackFrame, packId: PackId): PackFrame {
  if (frame.type !== 'createGroup') return { ...frame, packId }
  return { ...frame, packId, groupId: frame.groupId ?? defaultGroupId(frame.packId) }
}
