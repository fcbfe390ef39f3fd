import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import { headChange, headOf } from './evolve-rows.ts'
import { relationAfter } from './relation.ts'
import type { Change, StateView } from './session.ts'

/** The head of a single chat after an event about its two users; a remark is for the views only. */
export function evolveRelation(view: StateView, event: AcceptedEvent, body: AcceptedBody): Change[] {
  if (body.kind === 'FriendRemarked') return []
  const head = headOf(view, event.sessionId)
  return [headChange(view, event, { ...head, relation: relationAfter(head.relation, { ...event, body }) })]
}
