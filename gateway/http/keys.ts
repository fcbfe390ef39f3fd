import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { AppKey } from '../../schemas/apps.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import { KEY_USES_MS } from '../limits.ts'
import { isSecretOf, type KeyIndex, secretHash } from '../ws/key-index.ts'
import { type Caller, KEY_PREFIX, type KeyChecker, unauthorized } from './callers.ts'
import { isScope, type Scope } from './scopes.ts'

/** Bytes of a secret, and of what an id is made from. */
const SECRET_BYTES = 32
const KEY_ID_BYTES = 9

/**
 * A new key as its owner gets it, once, and what is kept of it. No id begins with a dash: operators name keys in commands,
 * which would take it for an option.
 */
export function drawKey(app: UserId, random: Random): { keyId: string; secretHash: string; text: string } {
  const keyId = random.bytes(KEY_ID_BYTES).toString('base64url').replace(/^-/, '_')
  const secret = random.bytes(SECRET_BYTES).toString('base64url')
  return { keyId, secretHash: secretHash(secret), text: keyText({ app, keyId, secret }) }
}

/** A key as its owner has it. */
export function keyText({ app, keyId, secret }: { app: string; keyId: string; secret: string }): string {
  return `${KEY_PREFIX}${app}.${keyId}.${secret}`
}

/** The parts of a key; undefined for what is none. The id of an app may have dots, the rest has none. */
export function readKey(text: string): { app: UserId; keyId: string; secret: string } | undefined {
  const parts = text.slice(KEY_PREFIX.length).split('.')
  if (parts.length < 3) return undefined
  const [app, keyId, secret] = [parts.slice(0, -2).join('.'), parts.at(-2)!, parts.at(-1)!]
  return isUserId(app) && isUserId(keyId) && secret !== '' ? { app, keyId, secret } : undefined
}

/** When keys were used last; a convenience, not in the log. */
export interface KeyUses {
  note(uses: readonly { app: UserId; keyId: string; at: Millis }[]): Promise<void>
  of(app: UserId): Promise<ReadonlyMap<string, Millis>>
}

/** Checks keys and notes when they were used. */
export class Keys implements KeyChecker {
  private readonly options: { index(): KeyIndex; uses: KeyUses; clock: Clock; logger: Logger }
  private used = new Map<string, { app: UserId; keyId: string; at: Millis }>()
  private cancel: (() => void) | undefined
  /** The scopes of a key as a set, made once for each of its forms. */
  private readonly scopes = new WeakMap<AppKey, ReadonlySet<Scope>>()

  constructor(options: Keys['options']) {
    this.options = options
  }

  async check(text: string): Promise<Extract<Caller, { kind: 'app' }>> {
    const said = readKey(text)
    if (said === undefined) throw unauthorized('that is no key')
    const { app, keyId, secret } = said
    const key = await this.options.index().find(app, keyId)
    // Whether there is such an app or key is told to nobody who does not have its secret.
    if (key === undefined || !isSecretOf(key, secret)) throw unauthorized('there is no such key')
    const now = this.options.clock.now()
    if (key.expiresAt !== undefined && key.expiresAt <= now) throw unauthorized('the key has expired')
    this.noteUse({ app, keyId, at: now })
    const perDay = await this.options.index().perDay(app, keyId)
    return { kind: 'app', app, keyId, scopes: this.scopesOf(key), perSecond: key.perSecond, perDay }
  }

  private scopesOf(key: AppKey): ReadonlySet<Scope> {
    let scopes = this.scopes.get(key)
    if (scopes === undefined) {
      scopes = new Set(key.scopes.filter(isScope))
      this.scopes.set(key, scopes)
    }
    return scopes
  }

  private noteUse(use: { app: UserId; keyId: string; at: Millis }): void {
    this.used.set(`${use.app} ${use.keyId}`, use)
    this.cancel ??= this.options.clock.schedule(KEY_USES_MS, () => {
      this.cancel = undefined
      void this.flush()
    })
  }

  /** Writes down what is not written yet; what cannot be written is forgotten. */
  async flush(): Promise<void> {
    this.cancel?.()
    this.cancel = undefined
    const uses = [...this.used.values()]
    this.used = new Map()
    if (uses.length === 0) return
    try {
      await this.options.uses.note(uses)
    } catch (error) {
      this.options.logger.warn({ err: error }, 'when keys were used could not be written down')
    }
  }
}

/** For tests, and for a gateway without Redis. */
export class MemoryKeyUses implements KeyUses {
  private readonly byApp = new Map<UserId, Map<string, Millis>>()

  async note(uses: readonly { app: UserId; keyId: string; at: Millis }[]): Promise<void> {
    for (const { app, keyId, at } of uses) {
      const keys = this.byApp.get(app) ?? new Map<string, Millis>()
      this.byApp.set(app, keys.set(keyId, at))
    }
  }

  async of(app: UserId): Promise<ReadonlyMap<string, Millis>> {
    return this.byApp.get(app) ?? new Map()
  }
}
