import type { Clock, Millis } from '../../infra/clock.ts'
import type { CodeName } from '../../schemas/codes.ts'
import type { QuestionFrame, ServerFrame } from '../../schemas/frames.ts'

/** How long a question waits for its answer, in ms. */
export const QUESTION_MS_MAX = 15_000
/** Questions that wait at the same time at most. */
export const QUESTIONS_MAX = 1_000

type Answer = Extract<ServerFrame, { requestId: number }>
export type Failed = Extract<ServerFrame, { type: 'failed' }>

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** A question as the caller writes it: the number is given here. */
export type Question = DistributiveOmit<QuestionFrame, 'requestId'>

/** Questions whose answers have another type than they themselves. */
interface AnswerTypes {
  history: 'page'
  resume: 'resumed'
  ping: 'pong'
  findUsers: 'profiles'
  watch: 'watching'
  search: 'found'
}

/** The frame that answers a question of this type. */
export type AnswerTo<Type extends Question['type']> = Extract<
  ServerFrame,
  { type: Type extends keyof AnswerTypes ? AnswerTypes[Type] : Type }
>

/** A question that got no proper answer. */
export class QuestionFailed extends Error {
  override readonly name = 'QuestionFailed'
  /** Why; the table of codes is in the protocol. */
  readonly code: CodeName
  /** False when asking the same again cannot help. */
  readonly temporary: boolean
  /** In how many ms the same may be asked again, where that is known. */
  readonly retryAfterMs: Millis | undefined
  constructor(code: CodeName, temporary: boolean, reason: string, retryAfterMs?: Millis) {
    super(reason)
    this.retryAfterMs = retryAfterMs
    this.code = code
    this.temporary = temporary
  }
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: QuestionFailed): void
  cancelLimit(): void
}

/** The questions of one connection that wait for their answers. */
export class Questions {
  private readonly waiting = new Map<number, Waiting>()
  private lastRequestId = 0
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Sends a question; rejects with QuestionFailed after the limit, on `failed`, or when the connection ends. */
  ask<Q extends Question>(
    question: Q,
    send: (frame: QuestionFrame) => void,
    limitMs: Millis = QUESTION_MS_MAX,
  ): Promise<AnswerTo<Q['type']>> {
    if (this.waiting.size >= QUESTIONS_MAX) {
      return Promise.reject(new QuestionFailed('OVERLOADED', true, 'too many questions are waiting'))
    }
    const requestId = ++this.lastRequestId
    return new Promise<Answer>((resolve, reject) => {
      const cancelLimit = this.clock.schedule(limitMs, () => {
        this.waiting.delete(requestId)
        reject(new QuestionFailed('MSG_TIMEOUT', true, `${question.type}: no answer within ${limitMs} ms`))
      })
      this.waiting.set(requestId, { resolve, reject, cancelLimit })
      send({ ...question, requestId } as QuestionFrame)
    }) as Promise<AnswerTo<Q['type']>>
  }

  /** Gives a frame to whoever asked; an answer that nobody waits for any more is dropped. */
  answer(frame: Answer): void {
    const waiting = this.waiting.get(frame.requestId)
    if (waiting === undefined) return
    this.waiting.delete(frame.requestId)
    waiting.cancelLimit()
    if (frame.type === 'failed') {
      const { name, retry, reason, retryAfterMs } = frame
      waiting.reject(new QuestionFailed(name, retry === 'same', reason, retryAfterMs))
    } else waiting.resolve(frame)
  }

  /** The connection is gone: no answer will come. */
  failAll(reason: string): void {
    for (const waiting of this.waiting.values()) {
      waiting.cancelLimit()
      waiting.reject(new QuestionFailed('NOT_CONNECTED', true, reason))
    }
    this.waiting.clear()
  }
}
