/**
 * The packlog SDK: what an app imports. `docs/sdk.md` tells how; nothing here needs a particular platform. Transports
 * and stores that do are beside it: `browser.ts`, `storage/indexed-db-store.ts`, `tabs/`, `network/ws-transport.ts`,
 * `storage/sqlite-store.ts`.
 */
export { portableClock, portableRandom } from '../infra/portable-clock.ts'
export type { Content, SendExtra } from '../schemas/content.ts'
export type {
  EventFrame,
  FriendSummary,
  GroupSummary,
  MemberSummary,
  MessageState,
  ReactionCount,
} from '../schemas/frames.ts'
export { type PackId, type Seq, type SessionId, singleSessionId, type UserId } from '../schemas/ids.ts'
export { Conversation, type ConversationView } from './logic/conversation.ts'
export type { Lists } from './logic/lists.ts'
export { Messenger, type MessengerEvents, type MessengerOptions, type Sending, sessionPeer } from './logic/messenger.ts'
export type { People } from './logic/people.ts'
export type { OutboxRow, SessionRow } from './logic/rows.ts'
export type { Wire } from './logic/wire.ts'
export {
  Client,
  type ClientEvents,
  type ClientOptions,
  type PackRequest,
  type SessionPosition,
  type Submitted,
} from './network/client.ts'
export type { Phase } from './network/link.ts'
export type { PackAnswer } from './network/pending-packs.ts'
export { type AnswerTo, type Question, QuestionFailed } from './network/questions.ts'
export type { OpenTransport, Transport, TransportEnd, TransportEvents, TransportRequest } from './network/transport.ts'
export { MemoryStore } from './storage/memory-store.ts'
export type { KeyRange, Row, Store, Table, Write } from './storage/store.ts'
