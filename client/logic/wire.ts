import type { PackFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId } from '../../schemas/ids.ts'
import type { ClientEvents, SessionPosition } from '../network/client.ts'
import type { Phase } from '../network/link.ts'
import type { AnswerTo, Question } from '../network/questions.ts'

/** What the logic layer needs of the network layer: `Client` has it, and `TabWire` for tabs that share one. */
export interface Wire {
  readonly phase: Phase
  /** True where this process keeps the store: it follows sessions and writes what it learns. */
  readonly isKeeper: boolean
  on<Name extends keyof WireEvents>(name: Name, listener: (value: WireEvents[Name]) => void): () => void
  start(): void
  /** The app is in the foreground again, or the network is back. */
  wake(): void
  close(): void
  newPackId(): PackId
  /** The answer comes as the event `answer`. */
  submitFrame(frame: PackFrame, sessionId: SessionId): void
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q['type']>>
  typing(sessionId: SessionId, on: boolean): void
  follow(sessions: readonly SessionPosition[]): Promise<void>
}

/** Those of the network layer; `keeper`: from now on this process keeps the store, and another one did so before. */
export type WireEvents = ClientEvents
