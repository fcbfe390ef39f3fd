import { OPERATOR_SCOPES, type OperatorRole } from '../../../schemas/operator-roles.ts'
import { type Api, Refused } from './api.ts'

/** Who is logged in: the key, and what it says of itself. */
export interface Operator {
  app: string
  keyId: string
  name: string
  scopes: ReadonlySet<string>
  expiresAt: number | undefined
}

export interface KeySummary {
  keyId: string
  name: string
  scopes: string[]
  createdAt: number
  expiresAt?: number
  perSecond?: number
  lastUsedAt?: number
}

// It ends with the tab: a key opens more than a chat.
const KEY_ITEM = 'packlog.console.key'

export const savedKey = (): string | undefined => sessionStorage.getItem(KEY_ITEM) ?? undefined
export const saveKey = (key: string): void => sessionStorage.setItem(KEY_ITEM, key)
export const forgetKey = (): void => sessionStorage.removeItem(KEY_ITEM)

/** The app and the id of a key, `pk.<app>.<keyId>.<secret>`; undefined for what is none. */
export function partsOfKey(key: string): { app: string; keyId: string } | undefined {
  const match = /^pk\.(.+)\.([^.]+)\.[^.]+$/.exec(key)
  return match === null ? undefined : { app: match[1]!, keyId: match[2]! }
}

/** What the key may do. Rejects with Refused where it is none of an operator. */
export async function operatorOf(api: Api, key: string): Promise<Operator> {
  const parts = partsOfKey(key)
  if (parts === undefined) throw new Refused(401, { name: 'BAD_CREDENTIALS', detail: 'that is no key' })
  const { keys } = await api.get<{ keys: KeySummary[] }>('/v1/keys')
  const own = keys.find(({ keyId }) => keyId === parts.keyId)
  if (own === undefined) throw new Refused(503, { name: 'VIEW_BEHIND', detail: 'the key is not known everywhere yet' })
  return { ...parts, name: own.name, scopes: new Set(own.scopes), expiresAt: own.expiresAt }
}

/** The role that has exactly these scopes; admins are those who may make keys of any app. */
export function roleOf(scopes: ReadonlySet<string>): OperatorRole | 'other' {
  if (scopes.has('apps:write')) return 'admin'
  const has = (role: readonly string[]) => role.length === scopes.size && role.every(scope => scopes.has(scope))
  if (has(OPERATOR_SCOPES.moderator)) return 'moderator'
  return has(OPERATOR_SCOPES.viewer) ? 'viewer' : 'other'
}
