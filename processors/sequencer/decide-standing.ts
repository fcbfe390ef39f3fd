import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { isUserId, type Session, userSessionId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'
import { STANDING_PLAIN } from './session.ts'

/**
 * What operators, and apps that may, decide about users and sessions (SQ50-SQ53): who comes in, what is erased, and what
 * a legal hold keeps. A hold goes before every erasure, and whoever asked is told so.
 */

type StandingBody = Extract<PackBody, { kind: 'DisableUser' | 'EnableUser' | 'EraseUser' | 'EraseFrom' | 'SetHold' }>
type Verdict = AcceptedBody | RefusedBody

export const STANDING_REASON_CHARS_MAX = 500

const KINDS: ReadonlySet<PackBody['kind']> = new Set<StandingBody['kind']>([
  'DisableUser',
  'EnableUser',
  'EraseUser',
  'EraseFrom',
  'SetHold',
])

export function isStanding(body: PackBody): body is StandingBody {
  return KINDS.has(body.kind)
}

export function decideStanding(desk: Desk, body: StandingBody, kind: Session['kind'] | 'Rules'): Verdict {
  const { pack } = desk
  if (!fits(body.kind, kind)) return refused('PARAM', 'this pack does not fit this session')
  if (pack.actor.kind === 'USER') return refused('NO_PRIVILEGE', 'only operators and apps may ask for this')
  if (kind === 'User' && pack.sessionId !== userSessionId(pack.from)) {
    return refused('MSG_FORBIDDEN', 'what is decided about a user is asked for in their name')
  }
  const reason = 'reason' in body ? (body.reason ?? '') : ''
  if (reason.length > STANDING_REASON_CHARS_MAX) return refused('PARAM', 'the reason is too long')
  return verdict(desk, body)
}

function verdict({ view, pack, head }: Desk, body: StandingBody): Verdict {
  const { access, held } = view.get('standings', pack.sessionId) ?? STANDING_PLAIN
  switch (body.kind) {
    case 'DisableUser':
      return access === 'erased' ? isErased() : { kind: 'UserDisabled', ...said(body) }
    case 'EnableUser':
      return access === 'erased' ? isErased() : { kind: 'UserEnabled' }
    // Erasing again is taken: what was said since, and what a hold had kept, is erased with it.
    case 'EraseUser':
      return held ? isHeld() : { kind: 'UserErased', ...said(body) }
    case 'EraseFrom':
      if (!isUserId(body.userId)) return refused('PARAM', 'the user is not valid')
      if (head === undefined) return refused('MSG_NOT_EXIST', 'there is nothing in this session')
      return held ? isHeld() : { kind: 'ContentErased', userId: body.userId }
    case 'SetHold':
      return { kind: 'HoldSet', held: body.held, reason: body.reason }
  }
}

function said({ reason }: { reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason }
}

function isErased(): RefusedBody {
  return refused('ACCESS_DENIED', 'the user was erased')
}

function isHeld(): RefusedBody {
  return refused('LEGAL_HOLD', 'a legal hold is on it: nothing of it is erased')
}

/** Why a user's own pack is refused; undefined where the user may act. */
export function accessFault({ view, pack }: Desk): RefusedBody | undefined {
  const access = view.get('standings', pack.sessionId)?.access ?? 'active'
  if (access === 'erased') return isErased()
  if (access === 'disabled' && pack.body.kind === 'Login') return refused('ACCESS_DENIED', 'the user is disabled')
  return undefined
}
