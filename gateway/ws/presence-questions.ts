import type { QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Presence } from '../presence/presence.ts'
import type { Identity } from './asker.ts'
import type { ClientConnection } from './client-connection.ts'
import { QuestionFailed, type Views } from './views.ts'

export type PresenceQuestion = Extract<QuestionFrame, { type: 'presence' | 'logins' }>

/** Answers who is there, and where the asker is connected. */
export class PresenceQuestions {
  private readonly options: {
    /** Undefined where nothing keeps who is there. */
    presence: Presence | undefined
    views: Pick<Views, 'ask'>
    lookUp(userId: UserId, people: number): void
  }

  constructor(options: PresenceQuestions['options']) {
    this.options = options
  }

  /** Rejects with QuestionFailed. */
  async ask({ userId }: Identity, frame: PresenceQuestion, connection?: ClientConnection): Promise<ServerFrame> {
    const { presence, views, lookUp } = this.options
    if (presence === undefined) throw new QuestionFailed('SERVICE_UNAVAILABLE', 'nobody keeps who is there')
    const { requestId } = frame
    if (frame.type === 'logins') {
      return { type: 'logins', requestId, logins: await views.ask('REDIS_ERROR', () => presence.logins(userId)) }
    }
    const userIds = [...new Set(frame.userIds)]
    lookUp(userId, userIds.length)
    const users = await views.ask('REDIS_ERROR', () => presence.of(userIds, userId))
    if (connection !== undefined && frame.subscribe === false) presence.unwatch(connection, userIds)
    if (connection !== undefined && frame.subscribe === true && !presence.watch(connection, users)) {
      throw new QuestionFailed('LIMIT_REACHED', 'too many users are watched on this connection')
    }
    return { type: 'presence', requestId, users }
  }
}
