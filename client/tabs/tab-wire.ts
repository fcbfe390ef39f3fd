import type { Clock, PortableRandom } from '../../infra/clock.ts'
import type { CodeName } from '../../schemas/codes.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import { makePackId, type PackId, type SessionId } from '../../schemas/ids.ts'
import { Emitter } from '../logic/emitter.ts'
import type { Wire, WireEvents } from '../logic/wire.ts'
import type { Client, SessionPosition } from '../network/client.ts'
import type { Phase } from '../network/link.ts'
import { type AnswerTo, type Question, QuestionFailed } from '../network/questions.ts'

/**
 * One connection for all tabs of a user in a browser.
 *
 * The tab that holds the Web Lock leads: it has the client, and tells the others over a BroadcastChannel everything
 * that its client says. They hand their packs and questions over the same way. When the leading tab ends, however it
 * ends, the browser gives the lock to the next one, which connects, takes up the store and the outbox, and goes on:
 * packs keep their packId, so that nothing is lost or done twice. All tabs fold the same events; only the leader
 * writes what it folds.
 */

/** A question that no leading tab answers ends after this, in ms. */
export const TAB_ANSWER_MS_MAX = 20_000

/** What the tabs share, and how the one that leads makes its client. */
export interface TabWireOptions {
  /** The same in all tabs of one user; other users have others. */
  name: string
  makeClient: () => Client
  clock: Clock
  random: PortableRandom
  locks?: Pick<LockManager, 'request'>
  openChannel?: (name: string) => TabChannel
}

/** What this needs of a BroadcastChannel. */
export interface TabChannel {
  postMessage(message: unknown): void
  onmessage: ((event: MessageEvent) => void) | null
  close(): void
}

type Told = { [Name in keyof WireEvents]: { name: Name; value: WireEvents[Name] } }[keyof WireEvents]

type TabMessage =
  | { kind: 'hello' }
  | { kind: 'lead'; phase: Phase; skewMs: number; isNew: boolean }
  | { kind: 'told'; told: Told }
  | { kind: 'submit'; frame: PackFrame; sessionId: SessionId }
  | { kind: 'wake' }
  | { kind: 'typing'; sessionId: SessionId; on: boolean }
  | { kind: 'ask'; askId: string; question: Question }
  | { kind: 'asked'; askId: string; answer?: unknown; failure?: { code: CodeName; temporary: boolean; reason: string } }

const TOLD = ['phase', 'caughtUp', 'event', 'answer', 'renewed', 'gap', 'reset', 'problem', 'frame'] as const

interface Asking {
  resolve(answer: unknown): void
  reject(error: QuestionFailed): void
  cancel(): void
}

/** The wire of a tab that shares its connection; in place of a Client. */
export class TabWire implements Wire {
  private readonly emitter = new Emitter<WireEvents>()
  private readonly channel: TabChannel
  private readonly asking = new Map<string, Asking>()
  private client: Client | undefined
  private heardPhase: Phase = { kind: 'Idle' }
  private isClosed = false
  private letGo: () => void = () => {}
  private readonly options: TabWireOptions

  constructor(options: TabWireOptions) {
    this.options = options
    const open = options.openChannel ?? (name => new BroadcastChannel(name))
    this.channel = open(options.name)
    this.channel.onmessage = ({ data }) => this.heard(data as TabMessage)
  }

  get isKeeper(): boolean {
    return this.client !== undefined
  }

  get phase(): Phase {
    return this.client?.phase ?? this.heardPhase
  }

  on<Name extends keyof WireEvents>(name: Name, listener: (value: WireEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener)
  }

  start(): void {
    this.say({ kind: 'hello' })
    const locks = this.options.locks ?? navigator.locks
    void locks.request(this.options.name, () => this.lead())
  }

  close(): void {
    this.isClosed = true
    this.client?.close()
    this.letGo()
    for (const asking of this.asking.values()) asking.reject(notConnected())
    this.asking.clear()
    this.channel.close()
  }

  newPackId(): PackId {
    if (this.client !== undefined) return this.client.newPackId()
    return makePackId(this.options.clock.now() + this.skewMs, this.options.random.bytes(10))
  }

  submitFrame(frame: PackFrame, sessionId: SessionId): void {
    if (this.client !== undefined) this.client.submitFrame(frame, sessionId)
    else this.say({ kind: 'submit', frame, sessionId })
  }

  wake(): void {
    if (this.client !== undefined) this.client.wake()
    else this.say({ kind: 'wake' })
  }

  typing(sessionId: SessionId, on: boolean): void {
    if (this.client !== undefined) this.client.typing(sessionId, on)
    else this.say({ kind: 'typing', sessionId, on })
  }

  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q['type']>> {
    if (this.client !== undefined) return this.client.ask(question)
    if (this.heardPhase.kind !== 'Live') return Promise.reject(notConnected())
    const askId = Array.from(this.options.random.bytes(8), byte => byte.toString(16)).join('.')
    return new Promise((resolve, reject) => {
      const cancel = this.options.clock.schedule(TAB_ANSWER_MS_MAX, () => {
        this.asking.delete(askId)
        reject(notConnected())
      })
      this.asking.set(askId, { resolve: answer => resolve(answer as AnswerTo<Q['type']>), reject, cancel })
      this.say({ kind: 'ask', askId, question })
    })
  }

  /** Only the leader follows: what it is brought, all are told. */
  async follow(sessions: readonly SessionPosition[]): Promise<void> {
    await this.client?.follow(sessions)
  }

  /** How far the server's clock is ahead, as the leader knows it. */
  private skewMs = 0

  /** Holds the lock until this tab ends. */
  private lead(): Promise<void> {
    if (this.isClosed) return Promise.resolve()
    const client = this.options.makeClient()
    this.client = client
    for (const name of TOLD) client.on(name, value => this.tell({ name, value } as Told))
    // Questions of this tab to the leader before: there will be no answer.
    for (const asking of this.asking.values()) asking.reject(notConnected())
    this.asking.clear()
    this.emitter.emit('keeper', undefined)
    client.start()
    this.sayLead(true)
    return new Promise(resolve => {
      this.letGo = resolve
    })
  }

  private tell(told: Told): void {
    if (told.name === 'frame' && told.value.type === 'welcome') {
      this.skewMs = told.value.serverTime - this.options.clock.now()
    }
    // Answers to questions go to whoever asked, and events are told as such.
    const isPrivate = told.name === 'frame' && ('requestId' in told.value || told.value.type === 'event')
    if (!isPrivate) this.say({ kind: 'told', told })
    this.emitTold(told)
  }

  private emitTold<Name extends keyof WireEvents>({ name, value }: { name: Name; value: WireEvents[Name] }): void {
    this.emitter.emit(name, value)
  }

  private heard(message: TabMessage): void {
    if (this.client !== undefined) this.serve(this.client, message)
    else this.obey(message)
  }

  /** A leader does what the others ask. */
  private serve(client: Client, message: TabMessage): void {
    switch (message.kind) {
      case 'hello':
        this.sayLead(false)
        break
      case 'submit':
        client.submitFrame(message.frame, message.sessionId)
        break
      case 'wake':
        client.wake()
        break
      case 'typing':
        client.typing(message.sessionId, message.on)
        break
      case 'ask':
        void this.answer(client, message)
        break
      default:
    }
  }

  private async answer(client: Client, { askId, question }: Extract<TabMessage, { kind: 'ask' }>): Promise<void> {
    try {
      this.say({ kind: 'asked', askId, answer: await client.ask(question) })
    } catch (error) {
      const { code, temporary, message: reason } = error instanceof QuestionFailed ? error : notConnected()
      this.say({ kind: 'asked', askId, failure: { code, temporary, reason } })
    }
  }

  private obey(message: TabMessage): void {
    if (message.kind === 'lead') this.heardLead(message)
    if (message.kind === 'asked') this.heardAnswer(message)
    if (message.kind !== 'told') return
    const { told } = message
    if (told.name === 'phase') this.heardPhase = told.value
    if (told.name === 'event') this.emitter.emit('frame', told.value)
    this.emitTold(told)
  }

  private heardLead({ phase, skewMs, isNew }: Extract<TabMessage, { kind: 'lead' }>): void {
    this.skewMs = skewMs
    if (isNew) {
      for (const { reject, cancel } of this.asking.values()) {
        cancel()
        reject(notConnected())
      }
      this.asking.clear()
    }
    const wasLive = this.heardPhase.kind === 'Live'
    this.heardPhase = phase
    this.emitter.emit('phase', phase)
    if (phase.kind === 'Live' && !wasLive) this.emitter.emit('caughtUp', { reconnected: false })
  }

  private heardAnswer({ askId, answer, failure }: Extract<TabMessage, { kind: 'asked' }>): void {
    const asking = this.asking.get(askId)
    if (asking === undefined) return
    this.asking.delete(askId)
    asking.cancel()
    if (failure === undefined) asking.resolve(answer)
    else asking.reject(new QuestionFailed(failure.code, failure.temporary, failure.reason))
  }

  private sayLead(isNew: boolean): void {
    this.say({ kind: 'lead', phase: this.phase, skewMs: this.skewMs, isNew })
  }

  private say(message: TabMessage): void {
    if (!this.isClosed) this.channel.postMessage(message)
  }
}

function notConnected(): QuestionFailed {
  return new QuestionFailed('NOT_CONNECTED', true, 'there is no connection')
}
