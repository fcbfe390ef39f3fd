import type { MessageExtra, SendExtra } from '../../schemas/content.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { isUserId } from '../../schemas/ids.ts'
import type { PackBody, PushInfo } from '../../schemas/pack.ts'
import { contentFault } from './decide-content.ts'
import type { Desk } from './desk.ts'
import { findTarget } from './find-target.ts'
import { refused } from './outcome.ts'
import { isOneOf } from './relation.ts'
import { isAdmin, memberKey } from './session.ts'

/** Rules of a message, the same in every kind of session (SQ12, SQ40, SQ41). */

/** Largest push text of a message: title, summary and link together, in bytes of UTF-8. */
export const PUSH_INFO_BYTES_MAX = 4_096
/** User ids that one message may mention by name. */
export const MENTIONS_MAX = 200

/** A message as it is accepted, or why it is not. */
export function decideMessage(
  desk: Desk,
  { content, extra }: Extract<PackBody, { kind: 'SendMessage' }>,
): AcceptedBody | RefusedBody {
  const fault = pushInfoFault(desk.pack.pushInfo) ?? contentFault(desk.rules, content)
  if (fault !== undefined) return fault
  const found = decideExtra(desk, extra)
  if (found.kind === 'PackRefused') return found
  return found.extra === undefined
    ? { kind: 'MessageAccepted', content }
    : { kind: 'MessageAccepted', content, extra: found.extra }
}

function pushInfoFault(pushInfo: PushInfo | null): RefusedBody | undefined {
  if (pushInfo === null) return undefined
  const { title, summary, url } = pushInfo
  if (Buffer.byteLength(title) + Buffer.byteLength(summary) + Buffer.byteLength(url) <= PUSH_INFO_BYTES_MAX) {
    return undefined
  }
  return refused('MSG_TOO_LONG', 'the push text is too long')
}

type FoundExtra = { kind: 'Extra'; extra: MessageExtra | undefined }

/** What a message has besides its content, with what the client named replaced by what was found. */
export function decideExtra(desk: Desk, said: SendExtra | undefined): FoundExtra | RefusedBody {
  const rewritten = desk.pack.stamp?.rewritten === true
  if (said === undefined) return { kind: 'Extra', extra: rewritten ? { rewritten } : undefined }
  const fault = mentionsFault(desk, said)
  if (fault !== undefined) return fault
  const extra: MessageExtra = {}
  const mentions = [...new Set(said.mentions)]
  if (mentions.length > 0) extra.mentions = mentions
  if (said.mentionsAll === true) extra.mentionsAll = true
  if (said.quote !== undefined) {
    const found = findTarget(desk, said.quote, { stamped: desk.pack.stamp?.quote ?? null, onlySeen: true })
    if (found.kind === 'PackRefused') return found
    const { seq, packId, from } = found.ref
    if (found.amended === 'revoked' || found.amended === 'deleted') {
      return refused('MSG_NOT_EXIST', 'the quoted message was taken back')
    }
    extra.quote = { seq, packId, from }
  }
  if (said.forward !== undefined) {
    const origin = desk.pack.stamp?.origin ?? null
    if (origin === null) return refused('MSG_NOT_EXIST', 'there is no such message to forward')
    extra.forward = { from: origin.from, at: origin.at }
  }
  if (rewritten) extra.rewritten = true
  return { kind: 'Extra', extra: Object.keys(extra).length === 0 ? undefined : extra }
}

function mentionsFault(desk: Desk, { mentions = [], mentionsAll }: SendExtra): RefusedBody | undefined {
  if (mentions.length > MENTIONS_MAX) return refused('PARAM', `more than ${MENTIONS_MAX} users are mentioned`)
  if (!mentions.every(isUserId)) return refused('PARAM', 'the id of a mentioned user is not valid')
  const { sessionId, from } = desk.pack
  if (sessionId.startsWith('s:')) {
    if (mentionsAll === true) return refused('PARAM', 'nobody mentions all in a single chat')
    return mentions.every(userId => isOneOf(sessionId, userId))
      ? undefined
      : refused('PARAM', 'not a user of this chat')
  }
  if (mentionsAll !== true) return undefined
  return isAdmin(desk.head, desk.view.get('members', memberKey(sessionId, from)), from)
    ? undefined
    : refused('GROUP_NO_PRIVILEGE', 'only owner and admins mention all')
}
