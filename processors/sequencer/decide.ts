import type { Millis } from '../../infra/clock.ts'
import { codeName } from '../../schemas/codes.ts'
import {
  type AcceptedBody,
  type Cause,
  type Event,
  type EventBody,
  type RefusedBody,
  takesSeq,
} from '../../schemas/event.ts'
import {
  isPackId,
  isUserId,
  type Partition,
  packIdTime,
  parseSessionId,
  RULES_SESSION,
  type Session,
  type SessionId,
} from '../../schemas/ids.ts'
import { Flag, type Pack } from '../../schemas/pack.ts'
import { partitionOf } from '../../topics/partition.ts'
import { decideApp } from './decide-app.ts'
import { decideGroup } from './decide-group.ts'
import { decideNotification } from './decide-notification.ts'
import { decideRules } from './decide-rules.ts'
import { decideSingle } from './decide-single.ts'
import { decideStanding, isStanding } from './decide-standing.ts'
import { decideUser } from './decide-user.ts'
import type { Desk } from './desk.ts'
import {
  acceptedEvent,
  answerEvent,
  DEVICE_ID_CHARS_MAX,
  GATEWAY_CHARS_MAX,
  refused,
  unreadableEvent,
} from './outcome.ts'
import { type Head, type LogTime, type RecentPack, recentKey, type StateView } from './session.ts'

/**
 * Turns each pack into exactly one outcome, from the state and the pack alone: the same log gives the same outcomes,
 * byte for byte, on any machine and in any batch split (DESIGN 4).
 *
 * The order of the checks is part of the contract, because the first that fails names the refusal:
 *  1. readable, else UNREADABLE.
 *  2. routing: the key is the session id, in its canonical spelling, in its own partition; else MISROUTED.
 *  3. form: packId (PARAM); from, actor, device and gateway (BAD_CLIENT_IDENTITY).
 *  4. dedupe: a remembered (session, from, packId) is PackRepeated with the first outcome, or PACK_CONFLICT.
 *  5. time: a packId too far ahead is PACK_FROM_FUTURE (temporary), older than the horizon EXPIRED.
 *  6. flags, a verdict that the gateway stamped, then who may write to this kind of session.
 *  7. the rules of the body: decide-single.ts, decide-group.ts, decide-user.ts, decide-notification.ts,
 *     decide-app.ts, decide-rules.ts.
 * Refusals before step 4 and those of step 5 touch no state; final ones after it are remembered (evolve.ts).
 */

export interface Request {
  cause: Cause
  /** Broker's append time of the pack; undefined where the offset holds no record. */
  appendedAt: Millis | undefined
  key: Buffer | null
  /** Undefined where it could not be read. */
  pack: Pack | undefined
}

/** Where the sequencer works: a pack that belongs elsewhere is MISROUTED. */
export interface Place {
  partition: Partition
  /** How many partitions im.packs has. */
  partitions: number
}

const KNOWN_FLAGS = 255
export const VERDICT_REASON_CHARS_MAX = 256

/** The outcome of a request. Total: whatever the pack holds, there is one. */
export function decide(view: StateView, time: LogTime, request: Request, place: Place): Event {
  const at = Math.max(time.at, request.appendedAt ?? 0)
  const { cause, pack } = request
  if (pack === undefined) return unreadableEvent(cause, at)
  const head = view.get('heads', pack.sessionId)
  const kind = route(request.key, pack.sessionId, place, head)
  if (kind === undefined) {
    return answerEvent(pack, cause, at, refused('MISROUTED', 'wrong key or partition, or no canonical session id'))
  }
  const answer = formFault(pack) ?? answerByTime(view, time, pack, at)
  if (answer !== undefined) return answerEvent(pack, cause, at, answer)
  const body = judge({ view, rules: time.rules, head, pack, at, horizon: horizonAt(time, at) }, kind)
  if (body.kind === 'PackRefused') return answerEvent(pack, cause, at, body)
  return accept(head, pack, cause, at, body)
}

/** The oldest packId time that is still let in at log time `at`. */
export function horizonAt(time: LogTime, at: Millis): Millis {
  return Math.max(time.horizon, at - time.rules.dedupeWindowMs)
}

type Kind = Session['kind'] | 'Rules'

/** The kind of session of a pack that is where it belongs; undefined otherwise. */
function route(
  key: Buffer | null,
  sessionId: SessionId,
  { partition, partitions }: Place,
  head: Head | undefined,
): Kind | undefined {
  if (key === null || !isSpelled(key, sessionId)) return undefined
  if (sessionId === RULES_SESSION) return 'Rules'
  // A session that has a head here was found to belong here when it began.
  if (head !== undefined && sessionId.startsWith('s:')) return 'Single'
  if (head !== undefined && sessionId.startsWith('g:')) return 'Group'
  if (partitionOf(key, partitions) !== partition) return undefined
  return parseSessionId(sessionId)?.kind
}

/** True where the key is the id, byte by byte: every canonical id is ASCII. */
function isSpelled(key: Buffer, sessionId: SessionId): boolean {
  if (key.length !== sessionId.length) return false
  for (let at = 0; at < key.length; at++) if (key[at] !== sessionId.charCodeAt(at)) return false
  return true
}

function formFault(pack: Pack): RefusedBody | undefined {
  if (!isPackId(pack.packId)) return refused('PARAM', 'the packId is not a UUIDv7 in lower case')
  if (!isUserId(pack.from)) return refused('BAD_CLIENT_IDENTITY', 'from is not a valid id')
  if (pack.actor.id !== pack.from && !isUserId(pack.actor.id))
    return refused('BAD_CLIENT_IDENTITY', 'the actor is not a valid id')
  if (pack.actor.kind === 'USER' && pack.actor.id !== pack.from) {
    return refused('BAD_CLIENT_IDENTITY', 'a user acts only in their own name')
  }
  if (pack.device.id.length > DEVICE_ID_CHARS_MAX) return refused('BAD_CLIENT_IDENTITY', 'the device id is too long')
  if (pack.gateway.length > GATEWAY_CHARS_MAX) return refused('BAD_CLIENT_IDENTITY', 'the gateway name is too long')
  return undefined
}

/** Steps 4 and 5: the answer to a packId that is remembered, too old or too far ahead; undefined for a new one. */
function answerByTime(view: StateView, time: LogTime, pack: Pack, at: Millis): EventBody | undefined {
  const packTime = packIdTime(pack.packId)
  const horizon = horizonAt(time, at)
  const first = view.get('recents', recentKey(pack.sessionId, pack.from, pack.packId))
  // A row may outlive its time until the store forgets it; only the horizon decides (SQ8).
  if (first !== undefined && Math.max(first.at, packTime) >= horizon) return answerAgain(first, pack)
  if (packTime > at + time.rules.packIdAheadMsMax) {
    return refused('PACK_FROM_FUTURE', 'the packId lies too far in the future')
  }
  if (packTime < horizon) return refused('EXPIRED', 'the packId is older than the dedupe window')
  return undefined
}

function answerAgain(first: RecentPack, pack: Pack): EventBody {
  if (first.digest !== pack.digest.toString('latin1')) {
    return refused('PACK_CONFLICT', 'this packId was used for other content')
  }
  return { kind: 'PackRepeated', code: first.code, seq: first.seq, count: first.count, at: first.at }
}

/** Steps 6 and 7. */
function judge(desk: Desk, kind: Kind): AcceptedBody | RefusedBody {
  const { rules, pack } = desk
  if ((pack.flags & KNOWN_FLAGS) !== pack.flags) return refused('PARAM', 'unknown flags')
  if ((pack.flags & Flag.ONLINE_ONLY) !== 0) return refused('PARAM', 'an ONLINE_ONLY message never enters the log')
  const verdict = pack.stamp?.verdict ?? null
  if (verdict !== null) return answerVerdict(verdict)
  if (isStanding(pack.body)) return decideStanding(desk, pack.body, kind)
  switch (kind) {
    case 'Rules':
      return decideRules(rules, pack)
    case 'Single':
      return decideSingle(desk)
    case 'Group':
      return decideGroup(desk)
    case 'User':
      return decideUser(desk)
    case 'Notify':
      return decideNotification(desk)
    case 'App':
      return decideApp(desk)
  }
}

/**
 * What the gateway found before the log: a forbidden word, a target that does not exist. It is answered here, so that a
 * resend gets the same answer. A code that this build does not know is still a refusal.
 */
function answerVerdict({ code, reason }: { code: number; reason: string }): RefusedBody {
  const name = codeName(code)
  const isRefusal = name !== undefined && name !== 'SUCCESS'
  return refused(isRefusal ? name : 'SERVER_REFUSED', reason.slice(0, VERDICT_REASON_CHARS_MAX))
}

/** Gives an accepted body its seq and count (SQ3). */
function accept(head: Head | undefined, pack: Pack, cause: Cause, at: Millis, body: AcceptedBody): Event {
  if (!takesSeq(body.kind)) return acceptedEvent(pack, { cause, at, seq: 0, count: 0 }, body)
  const counted = body.kind === 'MessageAccepted' && (pack.flags & Flag.COUNTER) !== 0
  const seq = (head?.lastSeq ?? 0) + 1
  const count = (head?.count ?? 0) + (counted ? 1 : 0)
  return acceptedEvent(isSlowed(head, body) ? slowed(pack) : pack, { cause, at, seq, count }, body)
}

/** True for a message whose time slow mode counts: the event itself says so, for the rows follow from it alone. */
function isSlowed(head: Head | undefined, body: AcceptedBody): boolean {
  return body.kind === 'MessageAccepted' && (head?.settings?.slowModeMs ?? 0) > 0
}

function slowed(pack: Pack): Pack {
  return { ...pack, flags: pack.flags | Flag.SLOWED }
}
