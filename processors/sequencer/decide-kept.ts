import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { isPackId, parseSessionId, type Seq, type UserId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { SESSION_ATTRIBUTES_DEFAULT, type SessionAttributes } from '../../schemas/settings.ts'
import { attributesFault, patchAttributes } from './attributes.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'
import { sessionAttributesKey } from './session.ts'

/**
 * What a user keeps of other sessions, in their own one: attributes, the marks of sessions that have no receipts, and
 * what is hidden from them. Whether the user may see that session, and the count at a seq of it, lie in another
 * partition: the gateway stamps the count and a verdict.
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>
type AboutSession = BodyOf<'SetSessionAttributes' | 'MarkSessionRead' | 'ClearSession' | 'DeleteForMe'>

export const DRAFT_BYTES_MAX = 4_096
/** Messages that one pack may hide. */
export const DELETE_FOR_ME_MAX = 100

export function isAboutSession(body: PackBody): body is AboutSession {
  return (
    body.kind === 'SetSessionAttributes' ||
    body.kind === 'MarkSessionRead' ||
    body.kind === 'ClearSession' ||
    body.kind === 'DeleteForMe'
  )
}

export function decideKept(desk: Desk, body: AboutSession): Verdict {
  if (!mayConcern(desk.pack.from, body.sessionId)) {
    return refused('PARAM', 'not a session that the sender may have')
  }
  switch (body.kind) {
    case 'SetSessionAttributes':
      return setSessionAttributes(desk, body)
    case 'MarkSessionRead':
    case 'ClearSession':
      return moveUpTo(desk, body)
    case 'DeleteForMe':
      return deleteForMe(body)
  }
}

/** By the id alone: whether the user is or was in a group is the gateway's to say. */
function mayConcern(user: UserId, sessionId: string): boolean {
  const session = parseSessionId(sessionId)
  switch (session?.kind) {
    case 'Single':
      return session.a === user || session.b === user
    case 'Notify':
      return session.user === user
    default:
      return session?.kind === 'Group'
  }
}

function setSessionAttributes({ view, pack }: Desk, body: BodyOf<'SetSessionAttributes'>): Verdict {
  const { sessionId, attributes: patch } = body
  if (Object.values(patch).every(value => value === undefined)) return refused('PARAM', 'no attribute is named')
  const before: SessionAttributes =
    view.get('sessionAttributes', sessionAttributesKey(pack.sessionId, sessionId)) ?? SESSION_ATTRIBUTES_DEFAULT
  const { pinned = before.pinned, notify = before.notify, hidden = before.hidden, draft = before.draft } = patch
  if (draft !== undefined && Buffer.byteLength(draft) > DRAFT_BYTES_MAX) {
    return refused('SESSION_ATTRIBUTE', 'the draft is too long')
  }
  const custom = patch.custom === undefined ? (before.custom ?? []) : patchAttributes(before.custom, patch.custom)
  const fault = attributesFault(custom) ?? attributesFault(patch.custom ?? [])
  if (fault !== undefined) return refused('SESSION_ATTRIBUTE', fault)
  const attributes: SessionAttributes = { pinned, notify, hidden }
  if (draft !== undefined && draft !== '') attributes.draft = draft
  if (custom.length > 0) attributes.custom = custom
  return { kind: 'SessionAttributesSet', sessionId, attributes }
}

function moveUpTo({ pack }: Desk, { kind, sessionId, seq }: BodyOf<'MarkSessionRead' | 'ClearSession'>): Verdict {
  if (!isSeq(seq)) return refused('PARAM', 'the seq is below 1')
  if (pack.stamp === null) return refused('VIEW_BEHIND', 'the count at this seq is not known yet')
  const { count } = pack.stamp
  return { kind: kind === 'ClearSession' ? 'SessionCleared' : 'SessionReadMarked', sessionId, seq, count }
}

function deleteForMe({ sessionId, targets }: BodyOf<'DeleteForMe'>): Verdict {
  if (targets.length === 0) return refused('PARAM', 'no message is named')
  if (targets.length > DELETE_FOR_ME_MAX) return refused('PARAM', 'too many messages in one pack')
  if (!targets.every(({ seq, packId }) => isSeq(seq) && isPackId(packId))) {
    return refused('PARAM', 'a message is named by its seq and its packId')
  }
  const seqs = [...new Set(targets.map(({ seq }) => seq))].sort((a, b) => a - b)
  return { kind: 'DeletedForMe', sessionId, seqs }
}

function isSeq(seq: Seq): boolean {
  return Number.isSafeInteger(seq) && seq >= 1
}
