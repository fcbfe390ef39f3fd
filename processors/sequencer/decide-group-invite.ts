import { createHash } from 'node:crypto'
import type { Millis } from '../../infra/clock.ts'
import { defaultGroupId } from '../../schemas/ids.ts'
import type { InviteUse } from '../../schemas/pack.ts'
import type { Invite } from '../../schemas/session.ts'
import type { Desk } from './desk.ts'
import { type BodyOf, fullFault, type GroupDesk, type MemberDesk, runnerFault, type Verdict } from './group-desk.ts'
import { refused } from './outcome.ts'

/** Invites: whoever knows the secret of one comes in, under any policy, until it ends or is used up (SQ31). */

/** Invites of one group that have not ended. */
export const INVITES_MAX = 100
export const INVITE_MS_MAX: Millis = 366 * 86_400_000
export const INVITE_USES_MAX = 1_000_000
export const INVITE_SECRET_CHARS_MAX = 128
const SECRET_HASH = /^[0-9a-f]{64}$/

export function createInvite(desk: MemberDesk, body: BodyOf<'CreateInvite'>): Verdict {
  const fault = runnerFault(desk, 'make invites')
  if (fault !== undefined) return fault
  const { secretHash, expiresAt, usesMax } = body
  if (!SECRET_HASH.test(secretHash)) return refused('PARAM', 'secretHash is not a SHA-256 in lower-case hex')
  if (!Number.isSafeInteger(expiresAt) || expiresAt <= desk.at || expiresAt > desk.at + INVITE_MS_MAX) {
    return refused('PARAM', 'expiresAt is over already or more than a year ahead')
  }
  if (usesMax < 1 || usesMax > INVITE_USES_MAX) return refused('PARAM', `usesMax lies between 1 and ${INVITE_USES_MAX}`)
  const invites = invitesOf(desk)
  if (invites.filter(invite => isOpen(invite, desk.at)).length >= INVITES_MAX) {
    return refused('LIMIT_REACHED', 'the group has as many invites as it may have')
  }
  const inviteId = defaultGroupId(desk.pack.packId)
  if (invites.some(invite => invite.inviteId === inviteId)) return refused('PARAM', 'there is such an invite already')
  return { kind: 'InviteCreated', inviteId, secretHash, expiresAt, usesMax }
}

export function revokeInvite(desk: MemberDesk, { inviteId }: BodyOf<'RevokeInvite'>): Verdict {
  const fault = runnerFault(desk, 'revoke invites')
  if (fault !== undefined) return fault
  const invite = invitesOf(desk).find(other => other.inviteId === inviteId)
  if (invite === undefined || !isOpen(invite, desk.at)) return refused('INVITE_INVALID', 'there is no such invite')
  return { kind: 'InviteRevoked', inviteId }
}

/** Of somebody who is no member. */
export function joinByInvite(desk: GroupDesk, { inviteId, secret }: InviteUse): Verdict {
  const invite = invitesOf(desk).find(other => other.inviteId === inviteId)
  if (invite === undefined || !isOpen(invite, desk.at) || !opens(invite, secret)) {
    return refused('INVITE_INVALID', 'the invite does not exist, has ended or is used up')
  }
  return fullFault(desk) ?? { kind: 'MemberJoined', inviteId }
}

function opens({ secretHash }: Invite, secret: string): boolean {
  if (secret.length > INVITE_SECRET_CHARS_MAX) return false
  return createHash('sha256').update(secret).digest('hex') === secretHash
}

function invitesOf({ view, pack }: Desk): readonly Invite[] {
  return view.get('invites', pack.sessionId) ?? []
}

/** True while somebody can come in by it. */
export function isOpen({ expiresAt, uses, usesMax }: Invite, at: Millis): boolean {
  return at < expiresAt && uses < usesMax
}
