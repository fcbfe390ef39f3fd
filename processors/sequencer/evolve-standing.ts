import type { AcceptedBody, Event } from '../../schemas/event.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { headChange, headOf } from './evolve-rows.ts'
import { type Change, memberKey, STANDING_PLAIN, type Standing, type StateView } from './session.ts'

type StandingBody = Extract<
  AcceptedBody,
  { kind: 'UserDisabled' | 'UserEnabled' | 'UserErased' | 'ContentErased' | 'HoldSet' }
>

/** The rows of what operators decide about users and sessions. */
export function standingChanges(view: StateView, event: Event, body: StandingBody): Change[] {
  switch (body.kind) {
    case 'HoldSet':
      return [standing(view, event, { held: body.held })]
    case 'UserDisabled':
      return [ownHead(view, event), standing(view, event, { access: 'disabled' }), ...noLogins(event)]
    case 'UserEnabled':
      return [ownHead(view, event), standing(view, event, { access: 'active' })]
    case 'UserErased':
      return [ownHead(view, event), standing(view, event, { access: 'erased' }), ...noLogins(event), ...emptied(event)]
    case 'ContentErased':
      return contentErased(view, event, body)
  }
}

function ownHead(view: StateView, event: Event): Change {
  return headChange(view, event, headOf(view, event.sessionId))
}

function standing(view: StateView, { sessionId }: Event, changed: Partial<Standing>): Change {
  const before = view.get('standings', sessionId) ?? STANDING_PLAIN
  return { table: 'standings', key: sessionId, row: { ...before, ...changed } }
}

function noLogins({ sessionId }: Event): Change[] {
  return [{ table: 'logins', key: sessionId, row: [] }]
}

/** What the user was: rows stay, and hold nothing. */
function emptied({ sessionId: key }: Event): Change[] {
  return [
    { table: 'profiles', key, row: { name: '', avatar: '' } },
    { table: 'settings', key, row: USER_SETTINGS_DEFAULT },
    { table: 'attributes', key, row: [] },
    { table: 'pushDevices', key, row: [] },
  ]
}

/** In a single chat the two are nothing to each other any more, blocks included. */
function contentErased(view: StateView, event: Event, { userId }: Extract<StandingBody, { kind: 'ContentErased' }>) {
  const { relation: _, ...head } = headOf(view, event.sessionId)
  const kept = event.sessionId.startsWith('s:') ? head : headOf(view, event.sessionId)
  const changes: Change[] = [
    headChange(view, event, kept),
    { table: 'erasures', key: memberKey(event.sessionId, userId), row: { seq: event.seq } },
  ]
  return changes
}
