import { systemClock, systemRandom } from '../../infra/clock.ts'
import { makePackId, type PackId } from '../../schemas/ids.ts'
import type { TestProduct } from '../product.ts'

export interface ApiReply {
  status: number
  body: Record<string, unknown>
}

export interface ApiCall {
  /** A key or a token. */
  bearer?: string
  /** The user in whose name an app acts. */
  as?: string
  key?: string
  body?: unknown
}

const POLL_MS = 20

/** Calls of the HTTP API of a product, by hand: no code of the server is used. */
export class ApiClient {
  readonly url: string
  private readonly bearer: string

  constructor(product: Pick<TestProduct, 'httpUrl'>, bearer: string) {
    this.url = product.httpUrl
    this.bearer = bearer
  }

  async call(method: string, path: string, { bearer, as, key, body }: ApiCall = {}): Promise<ApiReply> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer ?? this.bearer}`,
        ...(as === undefined ? {} : { 'packlog-user': as }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  /** Calls until the reply fits: a view may be behind the log, and what is refused for the moment is asked again. */
  async until(fits: (reply: ApiReply) => boolean, ...call: Parameters<ApiClient['call']>): Promise<ApiReply> {
    for (;;) {
      const reply = await this.call(...call)
      if (fits(reply)) return reply
      await systemClock.sleep(POLL_MS)
    }
  }

  /** The same until nothing temporary stands in the way. */
  settled(...call: Parameters<ApiClient['call']>): Promise<ApiReply> {
    return this.until(({ status }) => status !== 503 && status !== 504, ...call)
  }

  newKey(): PackId {
    return makePackId(systemClock.now(), systemRandom.bytes(10))
  }
}
