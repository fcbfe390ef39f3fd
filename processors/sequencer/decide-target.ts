import type { Millis } from '../../infra/clock.ts'
import type { Target } from '../../schemas/content.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { contentFault } from './decide-content.ts'
import { decideExtra } from './decide-message.ts'
import type { Desk } from './desk.ts'
import { type FoundTarget, findTarget } from './find-target.ts'
import { refused } from './outcome.ts'
import { isAdmin, memberKey, reactionsKey } from './session.ts'

/**
 * Rules of what is done to a message (SQ44-SQ46). The first check that fails names the refusal: the message exists, is
 * what it was, the sender may do this, and in time. A message that was revoked or deleted is gone for good; the same
 * operation once more is MSG_REPEATED, any other one MSG_NOT_EXIST.
 */

/** Different emojis of one user on one message. */
export const REACTIONS_MAX = 20
export const EMOJI_BYTES_MAX = 64

type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>
type Verdict = AcceptedBody | RefusedBody

/** The sender of the message within the window; owner and admins of its group, and operators, always. */
export function decideRevoke(desk: Desk, { target }: BodyOf<'RevokeMessage'>): Verdict {
  const found = findRemovable(desk, target, { done: 'revoked', windowMs: desk.rules.revokeWindowMs })
  return found.kind === 'PackRefused' ? found : { kind: 'MessageRevoked', target: found.ref }
}

/** As a revoke, by a window of its own. */
export function decideDelete(desk: Desk, { target }: BodyOf<'DeleteForAll'>): Verdict {
  const found = findRemovable(desk, target, { done: 'deleted', windowMs: desk.rules.deleteWindowMs })
  return found.kind === 'PackRefused' ? found : { kind: 'MessageDeleted', target: found.ref }
}

/** Only the sender, within the window: nobody puts words into another's mouth. */
export function decideOverride(desk: Desk, { target, content, extra }: BodyOf<'OverrideMessage'>): Verdict {
  const found = findWhole(desk, target)
  if (found.kind === 'PackRefused') return found
  const { ref } = found
  const fault = senderFault(desk, found) ?? lateFault(desk, found, desk.rules.overrideWindowMs)
  if (fault !== undefined) return fault
  const wrong = contentFault(desk.rules, content)
  if (wrong !== undefined) return wrong
  const beside = decideExtra(desk, extra)
  if (beside.kind === 'PackRefused') return beside
  const version = found.version + 1
  return beside.extra === undefined
    ? { kind: 'MessageOverridden', target: ref, content, version }
    : { kind: 'MessageOverridden', target: ref, content, extra: beside.extra, version }
}

/** Whoever may send here and may see the message. */
export function decideReaction(desk: Desk, { kind, target, emoji }: BodyOf<'AddReaction' | 'RemoveReaction'>): Verdict {
  if (!isEmoji(emoji)) return refused('PARAM', 'the emoji is empty, too long or has blanks')
  const found = findWhole(desk, target, true)
  if (found.kind === 'PackRefused') return found
  const { ref } = found
  const { sessionId, from } = desk.pack
  const emojis = desk.view.get('reactions', reactionsKey(sessionId, ref.seq, from)) ?? []
  if (kind === 'RemoveReaction') {
    if (!emojis.includes(emoji)) return refused('MSG_REPEATED', 'there is no such reaction')
    return { kind: 'ReactionRemoved', target: ref, emoji }
  }
  if (emojis.includes(emoji)) return refused('MSG_REPEATED', 'the reaction is there already')
  if (emojis.length >= REACTIONS_MAX) return refused('LIMIT_REACHED', `more than ${REACTIONS_MAX} reactions`)
  return { kind: 'ReactionAdded', target: ref, emoji }
}

/** A message that the sender may take back for everybody now. */
function findRemovable(
  desk: Desk,
  target: Target,
  { done, windowMs }: { done: 'revoked' | 'deleted'; windowMs: Millis },
): FoundTarget | RefusedBody {
  const found = find(desk, target)
  if (found.kind === 'PackRefused') return found
  if (found.amended === done) return refused('MSG_REPEATED', `the message is ${done} already`)
  const gone = goneFault(found)
  if (gone !== undefined) return gone
  const { sessionId, from, actor } = desk.pack
  if (actor.kind === 'OPERATOR') return found
  if (sessionId.startsWith('g:') && isAdmin(desk.head, desk.view.get('members', memberKey(sessionId, from)), from)) {
    return found
  }
  return senderFault(desk, found) ?? lateFault(desk, found, windowMs) ?? found
}

function findWhole(desk: Desk, target: Target, onlySeen = false): FoundTarget | RefusedBody {
  const found = find(desk, target, onlySeen)
  return found.kind === 'PackRefused' ? found : (goneFault(found) ?? found)
}

function find(desk: Desk, target: Target, onlySeen = false): FoundTarget | RefusedBody {
  return findTarget(desk, target, { stamped: desk.pack.stamp?.target ?? null, onlySeen })
}

function goneFault({ amended }: FoundTarget): RefusedBody | undefined {
  return amended === 'revoked' || amended === 'deleted'
    ? refused('MSG_NOT_EXIST', `the message is ${amended}`)
    : undefined
}

function senderFault({ pack }: Desk, { ref }: FoundTarget): RefusedBody | undefined {
  return ref.from === pack.from ? undefined : refused('NO_PRIVILEGE', 'the message is of somebody else')
}

/** Measured in log time, so that every machine says the same. */
function lateFault({ at, pack }: Desk, { ref }: FoundTarget, windowMs: Millis): RefusedBody | undefined {
  // An app takes its notifications back at any time.
  if (pack.sessionId.startsWith('b:')) return undefined
  return at - ref.at > windowMs ? refused('TOO_LATE', `the message is older than ${windowMs} ms`) : undefined
}

function isEmoji(emoji: string): boolean {
  return emoji !== '' && Buffer.byteLength(emoji) <= EMOJI_BYTES_MAX && !/[\s\p{Cc}]/u.test(emoji)
}
