import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import { MEMBERS_PAGE_MAX, USERS_ASKED_MAX } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Views } from './views.ts'

/**
 * Answers what clients ask of people: their own lists and settings, and the profiles of others. The answers come from
 * the membership view and are as old as it is; a view that was emptied meanwhile is not believed.
 */

export type PeopleQuestion = Extract<QuestionFrame, { type: 'friends' | 'profiles' | 'findUsers' | 'settings' }>
type Question<Type extends PeopleQuestion['type']> = Extract<PeopleQuestion, { type: Type }>

export interface PeopleQuestionsOptions {
  people: PeopleReader
  views: Pick<Views, 'askMembership'>
  /** Throws QuestionFailed where the user has looked up too many others lately. */
  lookUp(userId: UserId, people: number): void
}

export class PeopleQuestions {
  private readonly options: PeopleQuestionsOptions

  constructor(options: PeopleQuestionsOptions) {
    this.options = options
  }

  /** Rejects with QuestionFailed. */
  ask(userId: UserId, frame: PeopleQuestion): Promise<ServerFrame> {
    switch (frame.type) {
      case 'friends':
        return this.friends(userId, frame)
      case 'profiles':
        return this.profiles(userId, frame)
      case 'findUsers':
        return this.findUsers(userId, frame)
      case 'settings':
        return this.settings(userId, frame)
    }
  }

  private async friends(userId: UserId, frame: Question<'friends'>): Promise<ServerFrame> {
    const { views, people } = this.options
    const { requestId, cursor, since, limit = MEMBERS_PAGE_MAX } = frame
    const request = {
      userId,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(since === undefined ? {} : { since }),
    }
    const page = await views.askMembership(() => people.friends(request))
    return { type: 'friends', requestId, ...page }
  }

  /** Those that have not changed since the seq that the client has are left out. */
  private async profiles(userId: UserId, { requestId, users }: Question<'profiles'>): Promise<ServerFrame> {
    const { views, people } = this.options
    this.options.lookUp(userId, users.length)
    const known = new Map(users.map(({ userId: id, seq = 0 }) => [id, seq]))
    const found = await views.askMembership(() => people.profiles([...known.keys()]))
    return { type: 'profiles', requestId, profiles: found.filter(({ userId: id, seq }) => seq > known.get(id)!) }
  }

  private async findUsers(userId: UserId, frame: Question<'findUsers'>): Promise<ServerFrame> {
    const { views, people } = this.options
    const { requestId, name, limit = USERS_ASKED_MAX } = frame
    this.options.lookUp(userId, FIND_COST)
    const profiles = await views.askMembership(() => people.findUsers({ name, limit }))
    return { type: 'profiles', requestId, profiles }
  }

  private async settings(userId: UserId, { requestId }: Question<'settings'>): Promise<ServerFrame> {
    const { views, people } = this.options
    return { type: 'settings', requestId, ...(await views.askMembership(() => people.own(userId))) }
  }
}

/** A search shows users whom the asker did not know: it costs as much as so many profiles. */
export const FIND_COST = 20
