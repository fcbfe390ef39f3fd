import type { Clock } from '../../infra/clock.ts'
import type { HistoryReader } from '../../processors/history/history-store.ts'
import type { MembershipReader, StoredGroup } from '../../processors/membership/membership-store.ts'
import type { GroupSummary, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { WATCHES_MAX } from '../limits.ts'
import { type Identity, isService } from './asker.ts'
import type { Audience } from './audience.ts'
import type { ClientConnection } from './client-connection.ts'
import { cursorOf, groupsToken, membersToken, readGroupsToken, readMembersToken } from './list-tokens.ts'
import { QuestionFailed, type Views } from './views.ts'

/**
 * What clients ask about groups: lists of their groups and of members, one group or member, who waits to be let in, which
 * invites there are; and the watching of a public group.
 *
 * An answer knows at least what this gateway had read of im.events when it was asked: whoever has an ack of a change
 * finds it in the lists.
 */

export const GROUP_QUESTIONS = ['members', 'groups', 'group', 'member', 'joinRequests', 'invites', 'watch'] as const
export type GroupQuestion = Extract<QuestionFrame, { type: (typeof GROUP_QUESTIONS)[number] }>
type Question<Type extends GroupQuestion['type']> = Extract<GroupQuestion, { type: Type }>

export interface GroupQuestionsOptions {
  history: HistoryReader
  membership: MembershipReader
  views: Views
  audience: Audience
  clock: Clock
  partitionOf(sessionId: SessionId): Partition
}

/** How often the watching of a group is tried whose settings change meanwhile. */
const WATCH_TRIES_MAX = 5

export function isGroupQuestion(frame: QuestionFrame): frame is GroupQuestion {
  return (GROUP_QUESTIONS as readonly string[]).includes(frame.type)
}

export class GroupQuestions {
  private readonly options: GroupQuestionsOptions

  constructor(options: GroupQuestionsOptions) {
    this.options = options
  }

  /** The answer to one question. Throws QuestionFailed where there is none. */
  answer(asker: Identity, frame: Exclude<GroupQuestion, { type: 'watch' }>): Promise<ServerFrame> {
    switch (frame.type) {
      case 'members':
        return this.members(asker, frame)
      case 'groups':
        return this.groups(asker.userId, frame)
      case 'group':
        return this.group(asker, frame)
      case 'member':
        return this.member(asker, frame)
      case 'joinRequests':
        return this.joinRequests(asker, frame)
      case 'invites':
        return this.invites(asker, frame)
    }
  }

  private async members(asker: Identity, frame: Question<'members'>): Promise<ServerFrame> {
    const { type, requestId, sessionId, since, cursor, limit = 0 } = frame
    const place = cursorOf(cursor, readMembersToken)
    const known = since === undefined || place !== undefined ? undefined : readMembersToken(since)
    const page = await this.ofMember(asker, sessionId, membership => {
      const from = { ...(known && { since: known }), ...(place && { cursor: place.after! }) }
      return membership.members({ sessionId, limit, ...from })
    })
    // Of a list that goes on the version is that of its first page: what changes meanwhile comes with the next `since`.
    const version = place ?? page.version
    const end =
      page.cursor === undefined ? { since: membersToken(version) } : { cursor: membersToken(version, page.cursor) }
    return { type, requestId, sessionId, members: page.members, ...(page.left && { left: page.left }), ...end }
  }

  private async groups(userId: UserId, frame: Question<'groups'>): Promise<ServerFrame> {
    const { type, requestId, since, cursor, limit = 0 } = frame
    const place = cursorOf(cursor, readGroupsToken)
    const known = since === undefined ? undefined : readGroupsToken(since)
    const { views, membership } = this.options
    const page = await views.askCaughtUp('all', () => {
      const from = { ...(known && { since: known }), ...(place?.after !== undefined && { cursor: place.after }) }
      return membership.groupsFor({ userId, limit, ...from })
    })
    const groups = await this.summaries(page.groups)
    const version = place ?? page.version
    const left = page.left && { left: place === undefined ? page.left : [] }
    const end =
      page.cursor === undefined ? { since: groupsToken(version) } : { cursor: groupsToken(version, page.cursor) }
    return { type, requestId, groups, ...left, ...end }
  }

  private async group(asker: Identity, { type, requestId, sessionId }: Question<'group'>): Promise<ServerFrame> {
    const stored = await this.find(asker.userId, sessionId)
    if (stored.me === undefined && !isPublic(stored) && !isService(asker)) throw notAMember()
    const [group] = await this.summaries([stored])
    return { type, requestId, group: group! }
  }

  private async member(asker: Identity, frame: Question<'member'>): Promise<ServerFrame> {
    const { type, requestId, sessionId, userId: wanted } = frame
    const asked = { type, requestId, sessionId, userId: wanted }
    const stored = await this.find(asker.userId, sessionId)
    if (wanted === asker.userId) return stored.me === undefined ? asked : { ...asked, member: stored.me }
    if (stored.me === undefined && !isService(asker)) throw notAMember()
    const { views, membership, partitionOf } = this.options
    const member = await views.askCaughtUp([partitionOf(sessionId)], () =>
      membership.member({ sessionId, userId: wanted }),
    )
    return member === undefined ? asked : { ...asked, member }
  }

  private async joinRequests(asker: Identity, frame: Question<'joinRequests'>): Promise<ServerFrame> {
    const { type, requestId, sessionId, cursor, limit = 0 } = frame
    const page = await this.ofManager(asker, sessionId, membership =>
      membership.joinRequests({ sessionId, limit, ...(cursor !== undefined && { cursor }) }),
    )
    return { type, requestId, sessionId, ...page }
  }

  private async invites(asker: Identity, frame: Question<'invites'>): Promise<ServerFrame> {
    const { type, requestId, sessionId } = frame
    const all = await this.ofManager(asker, sessionId, membership => membership.invites(sessionId))
    const now = this.options.clock.now()
    const invites = all.filter(({ expiresAt, uses, usesMax }) => expiresAt > now && uses < usesMax)
    return { type, requestId, sessionId, invites }
  }

  /**
   * From here on the connection gets the events of a public group. A change of settings that comes between the look at
   * them and the watching is a reason to look again: nobody gets an event of a group that is public no more.
   */
  async watch(connection: ClientConnection, frame: Question<'watch'>): Promise<ServerFrame> {
    const { type: _, ...asked } = frame
    const { sessionId, on } = frame
    const { audience } = this.options
    if (!on) {
      audience.unwatch(connection, sessionId)
      return { type: 'watching', ...asked, lastSeq: 0 }
    }
    for (let tries = 0; tries < WATCH_TRIES_MAX; tries++) {
      const before = audience.settingsChanges
      const stored = await this.find(connection.identity.userId, sessionId)
      if (!isPublic(stored)) throw new QuestionFailed('GROUP_NO_PRIVILEGE', 'the group is not public')
      if (audience.settingsChanges !== before || connection.isClosed) continue
      if (!audience.watch(connection, sessionId, WATCHES_MAX)) {
        throw new QuestionFailed('LIMIT_REACHED', 'this connection watches as many groups as it may')
      }
      const [group] = await this.summaries([stored])
      return { type: 'watching', ...asked, lastSeq: group!.seq }
    }
    throw new QuestionFailed('VIEW_BEHIND', 'the settings of the group are changing')
  }

  private async ofMember<T>(
    asker: Identity,
    sessionId: SessionId,
    read: (membership: MembershipReader) => Promise<T>,
  ): Promise<T> {
    const { me } = await this.find(asker.userId, sessionId)
    if (me === undefined && !isService(asker)) throw notAMember()
    const { views, membership, partitionOf } = this.options
    return views.askCaughtUp([partitionOf(sessionId)], () => read(membership))
  }

  private async ofManager<T>(
    asker: Identity,
    sessionId: SessionId,
    read: (membership: MembershipReader) => Promise<T>,
  ): Promise<T> {
    const { me } = await this.find(asker.userId, sessionId)
    if (me === undefined && !isService(asker)) throw notAMember()
    if (me?.role === 'member') throw new QuestionFailed('GROUP_NO_PRIVILEGE', 'only owner and admins are told')
    const { views, membership, partitionOf } = this.options
    return views.askCaughtUp([partitionOf(sessionId)], () => read(membership))
  }

  /** The group as the user sees it. Throws where there is none. */
  private async find(userId: UserId, sessionId: SessionId): Promise<StoredGroup> {
    const { views, membership, partitionOf } = this.options
    const group = await views.askCaughtUp([partitionOf(sessionId)], () => membership.groupFor({ sessionId, userId }))
    if (group === undefined || group.dismissedSeq > 0) {
      throw new QuestionFailed('GROUP_NOT_EXIST', 'the group does not exist or is dismissed')
    }
    return group
  }

  private async summaries(stored: readonly StoredGroup[]): Promise<GroupSummary[]> {
    if (stored.length === 0) return []
    const { views, history } = this.options
    const heads = await views.ask('HISTORY_ERROR', () => history.heads(stored.map(({ sessionId }) => sessionId)))
    return stored.map(({ dismissedSeq: _, ...group }, i) => ({ ...group, seq: heads[i]?.lastSeq ?? 0 }))
  }
}

function isPublic({ settings }: StoredGroup): boolean {
  return settings?.isPublic === true
}

function notAMember(): QuestionFailed {
  return new QuestionFailed('GROUP_USER_NOT_EXIST', 'the asker is not a member of the group')
}
