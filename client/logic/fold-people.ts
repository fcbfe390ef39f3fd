import type { EventFrame, FriendSummary, GroupSummary } from '../../schemas/frames.ts'
import { parseSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'

/** How the lists of friends and groups go on with the events that change them; pure. */

/** The other user of a single chat. */
export function peerOf(sessionId: SessionId, me: UserId): UserId | undefined {
  const session = parseSessionId(sessionId)
  if (session?.kind !== 'Single') return undefined
  return session.a === me ? session.b : session.a
}

/** What the other user is to me after this event; undefined where it says nothing of that. */
export function foldFriend(known: FriendSummary | undefined, event: EventFrame, me: UserId): FriendSummary | undefined {
  const { body, from, at, sessionId } = event
  const userId = peerOf(sessionId, me)
  if (userId === undefined) return undefined
  const mine = from === me
  const row: FriendSummary = { relation: 'none', blocked: false, ...known, userId, at }
  switch (body.kind) {
    case 'FriendRequested': {
      const { message: _, ...rest } = row
      return { ...rest, relation: mine ? 'requested' : 'asked', ...(body.message && { message: body.message }) }
    }
    case 'FriendAccepted':
      return without(row, 'message', 'friend')
    case 'FriendRefused':
      return without(row, 'message', 'none')
    case 'FriendDeleted':
      return without(row, 'remark', 'none')
    case 'FriendRemarked':
      return { ...row, remark: body.remark }
    case 'UserBlocked':
      return { ...row, blocked: true, relation: row.relation === 'friend' ? 'friend' : 'none' }
    case 'UserUnblocked':
      return { ...row, blocked: false }
    default:
      return undefined
  }
}

function without(row: FriendSummary, field: 'message' | 'remark', relation: FriendSummary['relation']): FriendSummary {
  const { [field]: _, ...rest } = row
  return { ...rest, relation }
}

/** What the event itself says of the group; who is in it is asked for (see lists.ts). */
export function foldGroup(known: GroupSummary | undefined, event: EventFrame): GroupSummary | undefined {
  const { body, sessionId, seq, from } = event
  if (body.kind === 'GroupCreated') {
    const memberCount = new Set([from, ...body.members]).size
    const settings = body.settings && { settings: body.settings }
    return known ?? { sessionId, seq, owner: from, memberCount, info: body.info, ...settings }
  }
  if (known === undefined || seq <= known.seq) return undefined
  switch (body.kind) {
    case 'GroupInfoUpdated':
      return { ...known, seq, info: body.info }
    case 'GroupSettingsUpdated':
      return { ...known, seq, settings: body.settings }
    case 'OwnerChanged':
      return { ...known, seq, owner: body.userId }
    default:
      return undefined
  }
}

/** True where the event may have changed who is in the group or what they may do. */
export function changesMembers({ body }: EventFrame): boolean {
  switch (body.kind) {
    case 'GroupCreated':
    case 'MemberJoined':
    case 'MemberQuit':
    case 'MembersAdded':
    case 'MembersRemoved':
    case 'OwnerChanged':
    case 'RolesSet':
    case 'MemberMuted':
    case 'AliasSet':
      return true
    default:
      return false
  }
}
