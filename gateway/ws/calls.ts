import type { Millis } from '../../infra/clock.ts'
import type { PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { Asker, Identity } from './asker.ts'
import { isMarkFrame } from './marks.ts'
import type { PlainQuestion, Questions } from './questions.ts'
import type { Sends } from './sends.ts'
import type { UserRates } from './user-rates.ts'
import { QuestionFailed } from './views.ts'
import { frameText } from './websocket-frame.ts'

/** What a pack is answered with, the same as on a connection. */
export type Answer = Extract<ServerFrame, { type: 'ack' | 'refused' }>

/** The fields of an answer to a question: those of its frame without `type` and `requestId`. */
export type AnswerFields = Record<string, unknown>

/** A question without what a frame needs to find its answer. */
export type Question = PlainQuestion extends infer Frame
  ? Frame extends { requestId: number }
    ? Omit<Frame, 'requestId'>
    : never
  : never

export type PlainQuestionType = Exclude<PlainQuestion['type'], 'ping'>

/** One call that waits for the outcome of its pack. */
class Call implements Asker {
  readonly id: string
  readonly identity: Identity
  pendingPacks = 0
  lookUps = 0
  readonly packWaitMs = 0
  private readonly answered: (answer: Answer) => void

  constructor(id: string, identity: Identity, answered: (answer: Answer) => void) {
    this.id = id
    this.identity = identity
    this.answered = answered
  }

  /** Whoever lets the call in has counted it. */
  admitPack(_now: Millis): boolean {
    return true
  }

  send(frame: ServerFrame): void {
    if (frame.type === 'ack' || frame.type === 'refused') this.answered(frame)
  }

  acked(): void {}
}

/** Packs and questions of those who have no connection: each is one call and one answer (gateway/http). */
export class Calls {
  private readonly options: {
    sends: Pick<Sends, 'submit' | 'submitPack' | 'left'>
    questions: Pick<Questions, 'ask'>
    rates: Pick<UserRates, 'mayAsk'>
    gateway: string
  }
  private count = 0

  constructor(options: Calls['options']) {
    this.options = options
  }

  /** The name of this gateway, as it stands in packs. */
  get gateway(): string {
    return this.options.gateway
  }

  /** Sends what a frame asks for; resolves with the outcome, or with why there is none. */
  submit(identity: Identity, frame: PackFrame): Promise<Answer> {
    const { sends } = this.options
    return this.answerTo(identity, call => {
      sends.submit(call, frame)
      // Nothing more comes of this call that a mark could be gathered with.
      if (isMarkFrame(frame)) sends.left(call)
    })
  }

  /** The same for a pack that no frame asks for. */
  submitPack(pack: Pack): Promise<Answer> {
    const identity = { userId: pack.from, device: pack.device, actor: pack.actor }
    return this.answerTo(identity, call => this.options.sends.submitPack(call, pack))
  }

  private answerTo(identity: Identity, begin: (call: Asker) => void): Promise<Answer> {
    return new Promise(resolve => begin(new Call(`h${++this.count}`, identity, resolve)))
  }

  /** Rejects with QuestionFailed. */
  async ask(identity: Identity, question: Question): Promise<AnswerFields> {
    if (identity.actor === undefined && !this.options.rates.mayAsk(identity.userId)) {
      throw new QuestionFailed('RATE_LIMITED', 'too many questions: ask later')
    }
    const frame = { ...question, requestId: 0 } as PlainQuestion
    const bytes = await this.options.questions.ask(identity, 'json', frame)
    const { type: _, requestId: __, ...fields } = JSON.parse(frameText(bytes)) as AnswerFields
    return fields
  }
}
