import type { Clock } from '../../infra/clock.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import type { VerifiedToken } from '../auth/tokens.ts'
import type { AccessIndex } from '../ws/access.ts'
import type { Identity } from '../ws/asker.ts'
import { Problem } from './problem.ts'
import type { Scope } from './scopes.ts'

/**
 * Who calls: an app by one of its keys, or a user by a token. Both use the same routes under the same rules. An app
 * names the user in whose name it acts in the header `Packlog-User`; without it, it speaks for itself.
 */

export const USER_HEADER = 'packlog-user'
export const KEY_PREFIX = 'pk.'

export type Caller =
  | { kind: 'user'; identity: Identity }
  | {
      kind: 'app'
      app: UserId
      keyId: string
      scopes: ReadonlySet<Scope>
      perSecond: number | undefined
      perDay: number | undefined
    }

/** Checks keys of apps. */
export interface KeyChecker {
  /** The app that the key belongs to. Rejects with Problem. */
  check(key: string): Promise<Extract<Caller, { kind: 'app' }>>
}

/**
 * In whose name a route acts:
 * - `user`: a user; an app must name one.
 * - `userOrApp`: a user, or the app itself where it names none.
 * - `app`: the app; no token of a user is good for it.
 */
export type ActsFor = 'user' | 'userOrApp' | 'app'

export interface CallersOptions {
  clock: Clock
  verify(token: string): Promise<VerifiedToken>
  keys: KeyChecker
  access(): Pick<AccessIndex, 'fault'>
}

const NO_DEVICE = { type: 0, id: '' }

export class Callers {
  private readonly options: CallersOptions

  constructor(options: CallersOptions) {
    this.options = options
  }

  /** Rejects with Problem BAD_CREDENTIALS, or a temporary one. */
  async of(authorization: string | undefined): Promise<Caller> {
    const [scheme, credentials, ...rest] = (authorization ?? '').split(' ')
    if (scheme?.toLowerCase() !== 'bearer' || credentials === undefined || credentials === '' || rest.length > 0) {
      throw unauthorized('there is no token or key: send Authorization: Bearer')
    }
    if (credentials.startsWith(KEY_PREFIX)) return this.options.keys.check(credentials)
    const verified = await this.options.verify(credentials)
    if (verified.ok) return this.user(verified)
    throw verified.isTemporary === true
      ? new Problem('SERVICE_UNAVAILABLE', verified.reason)
      : unauthorized(verified.reason)
  }

  private async user({ ok: _, ...of }: Extract<VerifiedToken, { ok: true }>): Promise<Caller> {
    const identity: Identity = { ...of, device: NO_DEVICE }
    await this.letIn(identity)
    return { kind: 'user', identity }
  }

  /** Rejects with Problem where the user is disabled, or the token was revoked. */
  async letIn(identity: Identity): Promise<void> {
    const fault = await this.options.access().fault(identity)
    if (fault === undefined) return
    throw fault.name === 'BAD_CREDENTIALS' ? unauthorized(fault.detail) : new Problem(fault.name, fault.detail)
  }
}

export function unauthorized(detail: string): Problem {
  return new Problem('BAD_CREDENTIALS', detail, { headers: { 'www-authenticate': 'Bearer' } })
}

/** In whose name the caller acts on a route. Throws Problem ACCESS_DENIED or PARAM. */
export function identityOf(
  caller: Caller,
  named: string | undefined,
  { scope, actsFor }: { scope: Scope; actsFor: ActsFor },
): Identity {
  if (caller.kind === 'user') {
    if (actsFor === 'app') throw new Problem('ACCESS_DENIED', 'only an app may do this, with its key')
    if (named !== undefined && named !== caller.identity.userId) {
      throw new Problem('ACCESS_DENIED', 'a user acts only in their own name')
    }
    return caller.identity
  }
  const { app, keyId, scopes } = caller
  if (!scopes.has(scope)) throw new Problem('ACCESS_DENIED', `the key has no scope ${scope}`)
  const actor = { kind: 'APP', id: app } as const
  // Which key it was stands in the log where devices of users do.
  const device = { type: 0, id: `key:${keyId}` }
  if (actsFor === 'app') return { userId: app, device, actor }
  if (named === undefined) {
    if (actsFor === 'userOrApp') return { userId: app, device, actor }
    throw new Problem('PARAM', `name the user in whose name the app acts, in the header ${USER_HEADER}`)
  }
  if (!isUserId(named)) throw new Problem('PARAM', `${USER_HEADER}: not the id of a user`)
  return { userId: named, device, actor }
}
