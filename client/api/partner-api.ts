import { OPERATIONS, type Operations, type Problem } from './operations.ts'

/**
 * The HTTP API as a typed client, for servers of partners and for clients with a token; it needs nothing but fetch. The
 * operations, what they take and what they answer are those of /openapi.json.
 */

export type OperationId = keyof Operations
/** What an operation answers. */
export type Answer<Id extends OperationId> = Operations[Id]['answer']
/** What an operation takes. */
export type Call<Id extends OperationId> = Operations[Id]['call'] & {
  /** The user in whose name an app acts. */
  user?: string
  /** A UUIDv7 makes a call that is repeated have one effect, at any age. */
  idempotencyKey?: string
}

/** Where the API is, and by what right. */
export interface PartnerApiOptions {
  /** The address of the gateway, such as http://127.0.0.1:8080. */
  url: string
  /** The key of an app, or the token of a user. */
  key: string
}

/** What was asked for was refused; `problem` says why, and whether to try again. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  /** As RFC 9457 has it. */
  readonly problem: Problem

  constructor(problem: Problem) {
    super(`${problem.name}: ${problem.detail}`)
    this.problem = problem
  }
}

interface Said {
  params?: Record<string, string | number>
  query?: Record<string, string | number | undefined>
  body?: unknown
  user?: string
  idempotencyKey?: string
}

/** A client of the HTTP API: one method, and types for every operation. */
export class PartnerApi {
  private readonly options: PartnerApiOptions

  constructor(options: PartnerApiOptions) {
    this.options = options
  }

  /** Resolves with the answer. Rejects with ApiProblem, or as fetch does where there is none. */
  async call<Id extends OperationId>(operation: Id, call: Call<Id>): Promise<Answer<Id>> {
    const { params = {}, query = {}, body, user, idempotencyKey } = call as Said
    const { method, path } = OPERATIONS[operation]
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))
    const asked = Object.entries(query).filter(([, value]) => value !== undefined)
    const search =
      asked.length === 0 ? '' : `?${new URLSearchParams(asked.map(([name, value]) => [name, String(value)]))}`
    const response = await fetch(this.options.url + filled + search, {
      method,
      headers: {
        authorization: `Bearer ${this.options.key}`,
        ...(user === undefined ? {} : { 'packlog-user': user }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) throw new ApiProblem(answer as Problem)
    return answer as Answer<Id>
  }
}
