import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { markDelivered, markRead } from './decide-mark.ts'
import { decideMessage } from './decide-message.ts'
import { decideRelation, isRelation, writingFault } from './decide-relation.ts'
import { decideDelete, decideOverride, decideReaction, decideRevoke } from './decide-target.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'
import { isOneOf } from './relation.ts'

/** What reaches the other user: whoever is blocked, or is no friend where only friends are taken, does none of it. */
const WRITING: ReadonlySet<PackBody['kind']> = new Set<PackBody['kind']>([
  'SendMessage',
  'OverrideMessage',
  'AddReaction',
])

/** What is decided in the single chat of two users: messages, what is done to them, and what the two are to each other. */
export function decideSingle(desk: Desk): AcceptedBody | RefusedBody {
  const { sessionId, from, actor, body } = desk.pack
  // SQ54
  if (actor.kind === 'OPERATOR' && body.kind === 'RevokeMessage') return decideRevoke(desk, body)
  if (!isOneOf(sessionId, from)) return refused('MSG_FORBIDDEN', 'the sender is not one of the two users')
  if (isRelation(body)) return decideRelation(desk, body)
  const fault = WRITING.has(body.kind) ? writingFault(desk) : undefined
  if (fault !== undefined) return fault
  switch (body.kind) {
    case 'SendMessage':
      return decideMessage(desk, body)
    case 'MarkRead':
      return markRead(desk, body)
    case 'MarkDelivered':
      return markDelivered(desk, body)
    case 'RevokeMessage':
      return decideRevoke(desk, body)
    case 'OverrideMessage':
      return decideOverride(desk, body)
    case 'DeleteForAll':
      return decideDelete(desk, body)
    case 'AddReaction':
    case 'RemoveReaction':
      return decideReaction(desk, body)
    default:
      if (!fits(body.kind, 'Single')) return refused('PARAM', 'this pack does not fit a single chat')
      return notDecided(`the pack ${body.kind} in a single chat`)
  }
}
