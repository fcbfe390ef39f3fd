import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { userSessionId } from '../../schemas/ids.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'

/** What is decided in a user's own session: profile, settings, logins, and what the user keeps of other sessions. */
export function decideUser({ pack }: Desk): AcceptedBody | RefusedBody {
  const { sessionId, from, body } = pack
  if (!fits(body.kind, 'User') || sessionId !== userSessionId(from)) {
    return refused('MSG_FORBIDDEN', 'no pack of this kind may be written to this session')
  }
  return notDecided(`the pack ${body.kind} here`)
}
