import { portableClock, portableRandom } from '../../../client/sdk.ts'
import { makePackId } from '../../../schemas/ids.ts'

/**
 * The partner API as the console calls it, with an operator's key. What changes something has an Idempotency-Key that
 * is a packId: it is sent again while the network or a view fails, and takes effect once.
 */

export type Query = Readonly<Record<string, string | number | undefined>>

export interface AskOptions {
  query?: Query
  /** The user in whose name it is asked or done. */
  as?: string
}

/** The server has refused; `code` is the name of the outcome code. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined

  constructor(status: number, { name = 'UNKNOWN', detail = '', requestId }: Partial<ProblemBody>) {
    super(detail || name)
    this.status = status
    this.code = name
    this.requestId = requestId
  }
}

/** There was no answer. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

interface ProblemBody {
  name: string
  detail: string
  requestId: string
}

const TRIES_MAX = 5
const PAUSE_MS = 250
const PACK_ID_RANDOM_BYTES = 10
const USER_HEADER = 'packlog-user'

type Clock = Pick<typeof portableClock, 'now' | 'sleep'>
type Fetch = (path: string, init: RequestInit) => Promise<Response>

export class Api {
  private readonly key: string
  private readonly fetch: Fetch
  private readonly clock: Clock

  constructor(key: string, fetch: Fetch = (path, init) => globalThis.fetch(path, init), clock: Clock = portableClock) {
    this.key = key
    this.fetch = fetch
    this.clock = clock
  }

  /** Rejects with Refused or Unreachable. */
  get<T>(path: string, { query = {}, as }: AskOptions = {}): Promise<T> {
    return this.call(pathWith(path, query), { method: 'GET', headers: this.headers(as) })
  }

  /** Does something, once. Rejects with Refused, or with Unreachable where nobody knows whether it was done. */
  act<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, as?: string): Promise<T> {
    const packId = makePackId(this.clock.now(), portableRandom.bytes(PACK_ID_RANDOM_BYTES))
    const headers = { ...this.headers(as), 'idempotency-key': packId }
    if (body === undefined) return this.call(path, { method, headers })
    return this.call(path, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  private headers(as: string | undefined): Record<string, string> {
    return { authorization: `Bearer ${this.key}`, ...(as === undefined ? {} : { [USER_HEADER]: as }) }
  }

  private async call<T>(path: string, init: RequestInit): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.once<T>(path, init)
      } catch (error) {
        if (tries >= TRIES_MAX || !isTemporary(error)) throw error
        await this.clock.sleep(PAUSE_MS * 2 ** (tries - 1))
      }
    }
  }

  private async once<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.fetch(path, init).catch(error => {
      throw new Unreachable((error as Error).message)
    })
    const body: unknown = await response.json().catch(() => ({}))
    if (!response.ok) throw new Refused(response.status, body as Partial<ProblemBody>)
    return body as T
  }
}

const TEMPORARY = new Set([429, 503, 504])

function isTemporary(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refused && TEMPORARY.has(error.status))
}

/** The path with the query; what is undefined or empty is left out. */
export function pathWith(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return path
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
