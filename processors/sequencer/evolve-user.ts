import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import type { LoginEntry } from '../../schemas/session.ts'
import { type Change, type StateView, sessionAttributesKey } from './session.ts'

/** The rows of a user's own session: but for logins, each event holds the whole of what applies from then on. */
export function userChanges(view: StateView, event: AcceptedEvent, body: AcceptedBody): Change[] {
  const key = event.sessionId
  switch (body.kind) {
    case 'ProfileUpdated':
      return [{ table: 'profiles', key, row: body.profile }]
    case 'SettingsUpdated':
      return [{ table: 'settings', key, row: body.settings }]
    case 'UserAttributesSet':
      return [{ table: 'attributes', key, row: body.attributes }]
    case 'SessionAttributesSet':
      return [{ table: 'sessionAttributes', key: sessionAttributesKey(key, body.sessionId), row: body.attributes }]
    case 'TokensRevoked':
      return [{ table: 'revoked', key, row: body.revoked }]
    case 'PushDevicesSet':
      return [{ table: 'pushDevices', key, row: body.devices }]
    case 'LoggedIn':
    case 'LoggedOut':
      return [{ table: 'logins', key, row: loginsAfter(view.get('logins', key) ?? [], event, body) }]
    default:
      return []
  }
}

/** Who is connected after the event, the oldest first. */
function loginsAfter(
  before: readonly LoginEntry[],
  { device, gateway, at }: AcceptedEvent,
  body: Extract<AcceptedBody, { kind: 'LoggedIn' | 'LoggedOut' }>,
): LoginEntry[] {
  if (body.kind === 'LoggedOut') {
    const { connectionIds } = body
    return connectionIds.length === 0 ? [] : before.filter(login => !connectionIds.includes(login.connectionId))
  }
  const { connectionId, kicked } = body
  const others = before.filter(login => login.connectionId !== connectionId && !kicked.includes(login.connectionId))
  return [...others, { connectionId, deviceType: device.type, deviceId: device.id, gateway, at }]
}
