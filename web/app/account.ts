import { openBrowserTransport } from '../../client/browser.ts'
import {
  Client,
  MemoryStore,
  Messenger,
  portableClock,
  portableRandom,
  type Store,
  type UserId,
} from '../../client/sdk.ts'
import { openIndexedDbStore } from '../../client/storage/indexed-db-store.ts'
import { TabWire } from '../../client/tabs/tab-wire.ts'

/** Who is logged in on this device, and how the messenger of this user is made. */

export interface Account {
  userId: UserId
  /** A token that was given; without one the development login is asked for a fresh one at each connect. */
  token?: string
}

const ACCOUNT_KEY = 'packlog.account'
const DEVICE_KEY = 'packlog.device'
const WS_PATH = '/v1/ws'
const DEVELOPMENT_TOKEN_PATH = '/v1/development/token'

/** A window of its own may be another person: the session's account comes before the device's. */
export function savedAccount(): Account | undefined {
  const text = sessionStorage.getItem(ACCOUNT_KEY) ?? localStorage.getItem(ACCOUNT_KEY)
  return text === null ? undefined : (JSON.parse(text) as Account)
}

export function saveAccount(account: Account): void {
  const text = JSON.stringify(account)
  sessionStorage.setItem(ACCOUNT_KEY, text)
  localStorage.setItem(ACCOUNT_KEY, text)
}

export function forgetAccount(): void {
  sessionStorage.removeItem(ACCOUNT_KEY)
  localStorage.removeItem(ACCOUNT_KEY)
}

/** Stable over reloads: a browser is one device, however many tabs it has. */
function deviceId(): string {
  const known = localStorage.getItem(DEVICE_KEY)
  if (known !== null) return known
  const bytes = Array.from(portableRandom.bytes(8), byte => byte.toString(16).padStart(2, '0'))
  const made = `web-${bytes.join('')}`
  localStorage.setItem(DEVICE_KEY, made)
  return made
}

/** True where this server has a development login (only the one of `npm start`). */
export async function hasDevelopmentLogin(): Promise<boolean> {
  const response = await fetch(DEVELOPMENT_TOKEN_PATH).catch(() => undefined)
  return response?.ok === true
}

/** Asks the development login for a token. Rejects with the server's reason. */
export async function developmentToken(userId: string): Promise<string> {
  const response = await fetch(DEVELOPMENT_TOKEN_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId }),
  })
  const answer = (await response.json()) as { token?: string; detail?: string }
  if (!response.ok || answer.token === undefined) throw new Error(answer.detail ?? response.statusText)
  return answer.token
}

/** Gives tokens of the account: the one that was given, or a fresh one of the development login. */
export function tokensOf({ userId, token }: Account): () => Promise<string> {
  return () => (token === undefined ? developmentToken(userId) : Promise.resolve(token))
}

/** Who a token speaks for. Throws when it is none. */
export function userOfToken(token: string): UserId {
  const payload = token.split('.')[1]
  if (payload === undefined) throw new Error('not a token')
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { sub?: string }
  if (claims.sub === undefined) throw new Error('the token names no user')
  return claims.sub as UserId
}

/** The messenger of the account: shared with other tabs where the browser can, kept in IndexedDB where it may. */
export async function openMessenger(account: Account): Promise<Messenger> {
  const { userId, token } = account
  const url = new URL(WS_PATH, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const options = {
    url: url.href,
    token: token ?? tokensOf(account),
    deviceType: 'web',
    deviceId: deviceId(),
    open: openBrowserTransport,
    clock: portableClock,
    random: portableRandom,
  } as const
  const store = await openStore(userId)
  const makeClient = () => new Client(options)
  const wire = store.isShared
    ? new TabWire({ name: `packlog.${userId}`, makeClient, clock: portableClock, random: portableRandom })
    : makeClient()
  return new Messenger({ userId, wire, store: store.store, clock: portableClock, random: portableRandom })
}

/** A private window may have no database: then everything is kept in memory and nothing is shared. */
async function openStore(userId: string): Promise<{ store: Store; isShared: boolean }> {
  try {
    const store = await openIndexedDbStore(`packlog.${userId}`)
    return { store, isShared: 'locks' in navigator && 'BroadcastChannel' in globalThis }
  } catch {
    return { store: new MemoryStore(), isShared: false }
  }
}
