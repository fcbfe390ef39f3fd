import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { decideMessage } from './decide-message.ts'
import { decideDelete, decideOverride, decideRevoke } from './decide-target.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'

/** What is decided in `b:<app>:<user>`: the app writes, and takes back what it wrote at any time; the user cannot answer. */
export function decideNotification(desk: Desk): AcceptedBody | RefusedBody {
  const { sessionId, from, actor, body } = desk.pack
  const isOfApp = actor.kind !== 'USER' && (actor.kind !== 'APP' || actor.id === from)
  if (!isOfApp || !sessionId.startsWith(`b:${from}:`) || !fits(body.kind, 'Notify')) {
    return refused('MSG_FORBIDDEN', 'no pack of this kind may be written to this session')
  }
  switch (body.kind) {
    case 'SendMessage':
      return decideMessage(desk, body)
    case 'RevokeMessage':
      return decideRevoke(desk, body)
    case 'OverrideMessage':
      return decideOverride(desk, body)
    case 'DeleteForAll':
      return decideDelete(desk, body)
    default:
      return notDecided(`the pack ${body.kind} in a session of notifications`)
  }
}
