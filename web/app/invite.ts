import { portableRandom, type SessionId } from '../../client/sdk.ts'
import { isSessionId } from '../../schemas/ids.ts'
import type { InviteUse } from '../../schemas/pack.ts'

/** A group and what lets one into it; as a link it is an address of this page. */
export interface Invitation extends InviteUse {
  sessionId: SessionId
  /** How the group is called by whoever invites: the server tells nobody outside. */
  groupName: string
}

const SECRET_BYTES = 18

/** A secret that nobody guesses, and its hash, which is all that the server is told. */
export async function newSecret(): Promise<{ secret: string; secretHash: string }> {
  const secret = hex(portableRandom.bytes(SECRET_BYTES))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret))
  return { secret, secretHash: hex(new Uint8Array(digest)) }
}

export function invitationLink({ sessionId, inviteId, secret, groupName }: Invitation): string {
  const parts = [sessionId, inviteId, secret, groupName].map(encodeURIComponent)
  return new URL(`#/join/${parts.join('/')}`, location.href).href
}

/** The invitation that an address of this page holds, however much of the address is there. */
export function parseInvitation(link: string): Invitation | undefined {
  const [sessionId, inviteId, secret, groupName] =
    /#\/join\/([^\s]+)$/.exec(link.trim())?.[1]?.split('/').map(decoded) ?? []
  if (sessionId === undefined || !isSessionId(sessionId) || !inviteId || !secret) return undefined
  return { sessionId, inviteId, secret, groupName: groupName || sessionId.slice(2) }
}

/** What somebody typed may be anything. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
