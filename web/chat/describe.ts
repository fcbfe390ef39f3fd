import type { Content, EventFrame, SessionId, UserId } from '../../client/sdk.ts'
import type { Translate } from '../app/i18n.ts'
import type { Names } from '../app/messenger-context.ts'

/** One line that says what a content is. */
export function contentLine(content: Content, t: Translate): string {
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return content.text
    case 'Image':
      return `🖼 ${content.caption ?? t('photo')}`
    case 'Video':
      return `🎬 ${content.caption ?? t('video')}`
    case 'Voice':
      return `🎤 ${t('voice')}`
    case 'File':
      return `📎 ${content.file.name ?? t('file')}`
    case 'Location':
      return `📍 ${content.title}`
    case 'Card':
      return `👤 ${content.name ?? content.id}`
    case 'MergedForward':
      return `🗂 ${content.title || t('mergedForward')}`
    case 'Custom':
      return t('custom')
    case 'Removed':
      return t('removedMessage')
  }
}

/** What stands in place of a message that is gone. */
export function goneLine(event: EventFrame, me: UserId, names: Names, t: Translate): string {
  const { state, sessionId } = event
  if (state?.change === 'revoked') {
    return state.by === me ? t('revokedMine') : t('revokedBy', { name: names.member(sessionId, state.by) })
  }
  return t(state?.change === 'deleted' ? 'deletedMessage' : 'removedMessage')
}

/** What an event that is no message says in a conversation; undefined where it is not shown. */
export function eventLine(event: EventFrame, names: Names, t: Translate): string | undefined {
  const { body, sessionId, from } = event
  const name = names.member(sessionId, from)
  const list = (userIds: readonly UserId[]) => listNames(userIds, sessionId, names)
  switch (body.kind) {
    case 'GroupCreated':
      return t('eventCreated', { name })
    case 'MemberJoined':
      return t('eventJoined', { name })
    case 'MemberQuit':
      return t('eventQuit', { name })
    case 'MembersAdded':
      return t('eventAdded', { name, others: list(body.userIds) })
    case 'MembersRemoved':
      return t('eventRemoved', { name, others: list(body.userIds) })
    case 'GroupDismissed':
      return t('eventDismissed', { name })
    case 'GroupInfoUpdated':
      return t('eventInfo', { name })
    case 'GroupSettingsUpdated':
      return t('eventSettings', { name })
    case 'OwnerChanged':
      return t('eventOwner', { name, others: list([body.userId]) })
    case 'RolesSet':
      return t(body.role === 'admin' ? 'eventRolesAdmin' : 'eventRolesMember', { name, others: list(body.userIds) })
    case 'MemberMuted':
      return t(body.until > event.at ? 'eventMuted' : 'eventUnmuted', { name, others: list([body.userId]) })
    case 'AliasSet':
      return t('eventAlias', { others: names.user(body.userId), alias: body.alias })
    default:
      return undefined
  }
}

export function membersText(count: number, t: Translate): string {
  return count === 1 ? t('oneMember') : t('members', { count })
}

const NAMES_MAX = 5

function listNames(userIds: readonly UserId[], sessionId: SessionId, names: Names): string {
  const some = userIds.slice(0, NAMES_MAX).map(userId => names.member(sessionId, userId))
  return userIds.length > NAMES_MAX ? `${some.join(', ')} … (${userIds.length})` : some.join(', ')
}

/** The last line of a session in the list. */
export function previewLine(event: EventFrame | undefined, me: UserId, names: Names, t: Translate): string {
  if (event === undefined) return ''
  const { body, from, sessionId } = event
  if (body.kind !== 'MessageAccepted') return eventLine(event, names, t) ?? ''
  if (body.content.kind === 'Removed') return goneLine(event, me, names, t)
  const line = contentLine(body.content, t)
  if (!sessionId.startsWith('g:')) return line
  return `${from === me ? t('you') : names.member(sessionId, from)}: ${line}`
}
