import type { AcceptedEvent } from '../../schemas/event.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import { usersOf } from './audience.ts'

/**
 * Who gets an event live, by what it says. Pure.
 * - `Session`: whoever may see the session's timeline, as far as it has come with this event. An event with a seq
 *   stands at it. One without is shown to members whom the log has let in before it: a mark of seq n was made when the
 *   session had reached n.
 * - `Users`: all devices of these users and nobody else.
 * - `Managers`: owner and admins of the group, and the users concerned. Where the membership view is ahead of this gateway,
 *   who has come to run the group since belongs to them: they may ask for the same.
 */
export type EventAudience =
  | { kind: 'Session'; seq: Seq }
  | { kind: 'Users'; userIds: readonly UserId[] }
  | { kind: 'Managers'; userIds: readonly UserId[] }

export function audienceOf(event: AcceptedEvent): EventAudience {
  const { body, sessionId, from, seq } = event
  switch (body.kind) {
    // Only groups that have receipts keep marks in the session; of larger ones they lie with the user.
    case 'ReadMarked':
    case 'DeliveredMarked':
      return { kind: 'Session', seq: body.seq }
    case 'JoinRequested':
    case 'InviteCreated':
    case 'InviteRevoked':
      return { kind: 'Managers', userIds: [from] }
    case 'JoinRefused':
      return { kind: 'Managers', userIds: [from, body.userId] }
    case 'FriendRequested':
    case 'FriendAccepted':
    case 'FriendRefused':
    case 'FriendDeleted':
      return { kind: 'Users', userIds: usersOf(sessionId) }
    // Whoever is blocked learns it from the next message, and what a friend is called is nobody else's business.
    case 'FriendRemarked':
    case 'UserBlocked':
    case 'UserUnblocked':
      return { kind: 'Users', userIds: [from] }
    // Nobody but operators may know of it.
    case 'HoldSet':
      return { kind: 'Users', userIds: [] }
    default:
      return { kind: 'Session', seq }
  }
}
