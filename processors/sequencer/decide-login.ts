import { unreachable } from '../../infra/assert.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { DeviceType, type PackBody, type Rules } from '../../schemas/pack.ts'
import type { LoginEntry } from '../../schemas/session.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'

/**
 * Which connections of a user may be there at once (docs/adr/0011). A new login always comes in, and what the policy
 * does not allow beside it ends: so a login that nobody has ended (its gateway was killed) never keeps its user out.
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

export const CONNECTION_ID_CHARS_MAX = 64
export const CLIENT_VERSION_CHARS_MAX = 64
export const LOGOUT_IDS_MAX = 1_000
export const LOGOUT_REASON_CHARS_MAX = 500

/** The verdict on a login: which others end by it, the oldest first. */
export function decideLogin({ view, rules, pack }: Desk, { connectionId, clientVersion }: BodyOf<'Login'>): Verdict {
  if (!isConnectionId(connectionId)) return refused('PARAM', 'the connection id is not valid')
  if ((clientVersion?.length ?? 0) > CLIENT_VERSION_CHARS_MAX) return refused('PARAM', 'the client version is too long')
  const others = (view.get('logins', pack.sessionId) ?? []).filter(login => login.connectionId !== connectionId)
  const ended = others.filter(login => endsBy(rules, login, pack.device))
  const staying = others.filter(login => !ended.includes(login))
  const surplus = staying.slice(0, Math.max(0, staying.length + 1 - rules.loginsMax))
  const kicked = others
    .filter(login => ended.includes(login) || surplus.includes(login))
    .map(login => login.connectionId)
  const said = clientVersion === undefined ? {} : { clientVersion }
  return { kind: 'LoggedIn', connectionId, ...said, kicked }
}

/** The same device comes anew under every policy. */
function endsBy({ loginPolicy }: Rules, { deviceType, deviceId }: LoginEntry, device: { type: number; id: string }) {
  if (deviceId === device.id) return true
  switch (loginPolicy) {
    case 'all':
      return false
    case 'onePerType':
      return deviceType === device.type
    case 'one':
      return true
    case 'classes':
      return classOf(deviceType) === classOf(device.type)
    default:
      return unreachable(loginPolicy)
  }
}

const DESKTOP: ReadonlySet<number> = new Set([DeviceType.macos, DeviceType.windows, DeviceType.linux])
const WEB: ReadonlySet<number> = new Set([DeviceType.web, DeviceType['mini-program'], DeviceType.none])

function classOf(type: number): 'mobile' | 'desktop' | 'web' {
  if (DESKTOP.has(type)) return 'desktop'
  return WEB.has(type) ? 'web' : 'mobile'
}

/** The verdict on a logout. Under a policy that lets all in the sequencer knows of no logins: whoever is named ends. */
export function decideLogout({ connectionIds, code, reason }: BodyOf<'Logout'>): Verdict {
  if (connectionIds.length > LOGOUT_IDS_MAX) return refused('PARAM', 'too many connections in one pack')
  if (!connectionIds.every(isConnectionId)) return refused('PARAM', 'a connection id is not valid')
  if ((reason?.length ?? 0) > LOGOUT_REASON_CHARS_MAX) return refused('PARAM', 'the reason is too long')
  const said = reason === undefined ? {} : { reason }
  return { kind: 'LoggedOut', connectionIds: [...new Set(connectionIds)], code, ...said }
}

function isConnectionId(id: string): boolean {
  return id.length > 0 && id.length <= CONNECTION_ID_CHARS_MAX && /^[A-Za-z0-9_.-]+$/.test(id)
}
