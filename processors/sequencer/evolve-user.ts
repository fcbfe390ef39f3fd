import type { AcceptedBody } from '../../schemas/event.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { type Change, sessionAttributesKey } from './session.ts'

/** The rows of a user's own session: each event holds the whole of what applies from then on. */
export function userChanges(sessionId: SessionId, body: AcceptedBody): Change[] {
  switch (body.kind) {
    case 'ProfileUpdated':
      return [{ table: 'profiles', key: sessionId, row: body.profile }]
    case 'SettingsUpdated':
      return [{ table: 'settings', key: sessionId, row: body.settings }]
    case 'UserAttributesSet':
      return [{ table: 'attributes', key: sessionId, row: body.attributes }]
    case 'SessionAttributesSet':
      return [
        {
          table: 'sessionAttributes',
          key: sessionAttributesKey(sessionId, body.sessionId),
          row: body.attributes,
        },
      ]
    default:
      return []
  }
}
