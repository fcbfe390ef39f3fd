import type { Clock } from '../../infra/clock.ts'
import {
  type EventFrame,
  type FriendSummary,
  type GroupSummary,
  type InviteSummary,
  MEMBERS_PAGE_MAX,
  type MemberSummary,
  type MessageFilter,
  type ProfileSummary,
  SESSIONS_PAGE_MAX,
  type SessionSummary,
  type UserPresence,
} from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Client, SessionPosition } from '../network/client.ts'
import { type AnswerTo, QuestionFailed } from '../network/questions.ts'

/** Pause before a question that failed for a while is asked again, in ms. */
const ASK_AGAIN_MS = 300
/** Messages that /search shows. */
const SEARCH_LINES = 20

/** Asks for a person: again while the failure is temporary, with a word where it is final. */
export class Questioner {
  private readonly client: Client
  private readonly clock: Clock
  private readonly onRefused: (reason: string) => void

  constructor(client: Client, clock: Clock, onRefused: (reason: string) => void) {
    this.client = client
    this.clock = clock
    this.onRefused = onRefused
  }

  /** The newest conversations. Undefined, here and below: refused, or the connection is gone. */
  async sessions(): Promise<SessionSummary[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'sessions', limit: SESSIONS_PAGE_MAX }))
    return answer?.sessions
  }

  /** Up to `limit` events below a seq, ascending. */
  async history(sessionId: SessionId, beforeSeq: Seq, limit: number): Promise<EventFrame[] | undefined> {
    const page = await this.ask(() => this.client.ask({ type: 'history', sessionId, beforeSeq, limit }))
    return page?.events
  }

  /** The first members of a group. */
  async members(sessionId: SessionId): Promise<MemberSummary[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'members', sessionId, limit: MEMBERS_PAGE_MAX }))
    return answer?.members
  }

  async group(sessionId: SessionId): Promise<GroupSummary | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'group', sessionId }))
    return answer?.group
  }

  /** The first of those who wait to be let in. */
  async joinRequests(sessionId: SessionId): Promise<AnswerTo<'joinRequests'>['requests'] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'joinRequests', sessionId }))
    return answer?.requests
  }

  async invites(sessionId: SessionId): Promise<InviteSummary[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'invites', sessionId }))
    return answer?.invites
  }

  /** Undefined: refused. */
  watch(sessionId: SessionId, on: boolean): Promise<AnswerTo<'watch'> | undefined> {
    return this.ask(() => this.client.ask({ type: 'watch', sessionId, on }))
  }

  /** Messages that fit, the newest first: the first page of them. */
  async search(filter: MessageFilter): Promise<EventFrame[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'search', ...filter, limit: SEARCH_LINES }))
    return answer?.events
  }

  /** Who has read a message. */
  async readers(sessionId: SessionId, seq: Seq): Promise<AnswerTo<'receipts'> | undefined> {
    return this.ask(() => this.client.ask({ type: 'receipts', sessionId, seq }))
  }

  /** Friends, requests and blocks: the first of them. */
  async friends(): Promise<FriendSummary[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'friends' }))
    return answer?.friends
  }

  async profiles(userIds: readonly UserId[]): Promise<ProfileSummary[] | undefined> {
    const users = userIds.map(userId => ({ userId }))
    const answer = await this.ask(() => this.client.ask({ type: 'profiles', users }))
    return answer?.profiles
  }

  async findUsers(name: string): Promise<ProfileSummary[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'findUsers', name }))
    return answer?.profiles
  }

  async presence(userIds: UserId[]): Promise<UserPresence[] | undefined> {
    const answer = await this.ask(() => this.client.ask({ type: 'presence', userIds }))
    return answer?.users
  }

  async follow(sessions: readonly SessionPosition[]): Promise<void> {
    await this.ask(() => this.client.follow(sessions))
  }

  private async ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    while (this.client.phase.kind === 'Live') {
      try {
        return await question()
      } catch (error) {
        if (!(error instanceof QuestionFailed)) throw error
        if (error.code === 'NOT_CONNECTED') return undefined
        if (!error.temporary) {
          this.onRefused(`${error.code}: ${error.message}`)
          return undefined
        }
        await this.clock.sleep(ASK_AGAIN_MS)
      }
    }
    return undefined
  }
}
