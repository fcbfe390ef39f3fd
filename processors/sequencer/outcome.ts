import type { Millis } from '../../infra/clock.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import type { Cause, Event, EventBody, RefusedBody } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'

/**
 * How outcomes are put together. A refusal names its sender and carries no body; fields that are longer than a
 * correct gateway writes come back empty, so that a refusal always fits (SQ5).
 */

export const SESSION_ID_CHARS_MAX = 131
export const PACK_ID_CHARS_MAX = 36
export const USER_ID_CHARS_MAX = 64
export const DEVICE_ID_CHARS_MAX = 128
export const GATEWAY_CHARS_MAX = 128

/** `until`: when the like may be taken, in log time. */
export function refused(code: CodeName, reason: string, until?: Millis): RefusedBody {
  const body: RefusedBody = { kind: 'PackRefused', code: Code[code].number, reason }
  if (until !== undefined) body.until = until
  return body
}

/** The answer to what a later build decides: the language of the log is ahead of this sequencer. */
export function notDecided(what: string): RefusedBody {
  return refused('MSG_OP_CMD', `this server does not take ${what} yet`)
}

/** Where an outcome stands: what it answers, when, and what it takes of the session's numbers. */
export interface Standing {
  cause: Cause
  at: Millis
  seq: number
  count: number
}

/** The outcome of a pack that was accepted; its fields were checked. */
export function acceptedEvent(pack: Pack, standing: Standing, body: EventBody): Event {
  return {
    cause: standing.cause,
    at: standing.at,
    sessionId: pack.sessionId,
    packId: pack.packId,
    from: pack.from,
    actor: pack.actor,
    device: pack.device,
    gateway: pack.gateway,
    flags: pack.flags,
    seq: standing.seq,
    count: standing.count,
    digest: pack.digest,
    pushInfo: pack.pushInfo,
    body,
  }
}

/** The outcome of a pack that was refused or repeated: takes no seq, carries no push text. */
export function answerEvent(pack: Pack, cause: Cause, at: Millis, body: EventBody): Event {
  return {
    cause,
    at,
    sessionId: clip(pack.sessionId, SESSION_ID_CHARS_MAX) as SessionId,
    packId: clip(pack.packId, PACK_ID_CHARS_MAX) as PackId,
    from: clip(pack.from, USER_ID_CHARS_MAX) as UserId,
    actor: { kind: pack.actor.kind, id: clip(pack.actor.id, USER_ID_CHARS_MAX) },
    device: { type: pack.device.type, id: clip(pack.device.id, DEVICE_ID_CHARS_MAX) },
    gateway: clip(pack.gateway, GATEWAY_CHARS_MAX),
    flags: pack.flags,
    seq: 0,
    count: 0,
    digest: pack.digest,
    pushInfo: null,
    body,
  }
}

function clip(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : ''
}

const NO_DIGEST = Buffer.alloc(16)

/** The outcome of a record of which nothing could be read. */
export function unreadableEvent(cause: Cause, at: Millis): Event {
  return {
    cause,
    at,
    sessionId: '' as SessionId,
    packId: '' as PackId,
    from: '' as UserId,
    actor: { kind: 'SYSTEM', id: '' },
    device: { type: 0, id: '' },
    gateway: '',
    flags: 0,
    seq: 0,
    count: 0,
    digest: NO_DIGEST,
    pushInfo: null,
    body: refused('UNREADABLE', 'the record could not be decoded'),
  }
}

/** What becomes of an outcome that would be larger than EVENT_BYTES_MAX. */
export function tooLargeEvent(pack: Pack, event: Event): Event {
  return answerEvent(pack, event.cause, event.at, refused('MSG_TOO_LONG', 'the event would be too large for the log'))
}
