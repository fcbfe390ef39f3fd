import { z } from 'zod'
import { Code, type CodeName, codeName } from '../../schemas/codes.ts'

/**
 * What is refused is answered with a problem (RFC 9457): beside `status` the outcome code that WebSocket clients know,
 * its name, and whether the same request may be tried again.
 */

const STATUS: Record<CodeName, number> = {
  SUCCESS: 200,
  PROTOCOL: 400,
  PARAM: 400,
  UNKNOWN: 500,
  DB_ERROR: 503,
  SERVICE_UNAVAILABLE: 503,
  SERVER_REFUSED: 403,
  SERVER_EXCEPTION: 500,
  MEMORY: 503,
  SENSITIVE_MATCH: 422,
  REDIS_ERROR: 503,
  BAD_CLIENT_IDENTITY: 400,
  BAD_CREDENTIALS: 401,
  KICKED_OUT: 401,
  ACCESS_DENIED: 403,
  THIRD_PARTY_REJECT: 403,
  HOTSESSION_MORE: 200,
  HOTSESSION_FAILED: 503,
  HISTORY_ERROR: 503,
  HISTORY_DENIED: 403,
  GROUP_USER_NOT_EXIST: 403,
  GROUP_ID_EMPTY: 400,
  GROUP_EMPTY: 422,
  GROUP_NO_PRIVILEGE: 403,
  MEMBER_LIMIT: 409,
  GROUP_NOT_EXIST: 404,
  CREATOR_ERROR: 409,
  MSG_TOO_SHORT: 422,
  MSG_TOO_LONG: 422,
  MSG_INVALID_FORMAT: 422,
  MSG_FORBIDDEN: 403,
  MSG_NOT_EXIST: 404,
  MSG_TIMEOUT: 504,
  MSG_REPEATED: 409,
  MSG_OP_CMD: 422,
  USER_RELATION_INVALID: 403,
  BLACKLIST: 403,
  VERSION: 400,
  USER_ATTRIBUTE: 422,
  SESSION_ATTRIBUTE: 422,
  NOT_CONNECTED: 503,
  TOO_LATE: 409,
  PACK_CONFLICT: 409,
  EXPIRED: 409,
  NO_PRIVILEGE: 403,
  RATE_LIMITED: 429,
  SLOW_MODE: 429,
  MUTED: 403,
  OVERLOADED: 503,
  MISROUTED: 500,
  UNREADABLE: 500,
  PACK_FROM_FUTURE: 409,
  GROUP_EXISTS: 409,
  ALREADY_MEMBER: 409,
  VIEW_BEHIND: 503,
  FRAME_TOO_LARGE: 413,
  INVITE_INVALID: 409,
  REQUEST_NOT_EXIST: 404,
  LIMIT_REACHED: 409,
  LEGAL_HOLD: 409,
  NOT_EXIST: 404,
}

export const PROBLEM_TYPE = 'application/problem+json'

export const problemSchema = z
  .strictObject({
    type: z.string().describe('Where this kind of problem is described.'),
    title: z.string().describe('What the kind of problem is.'),
    status: z.int().min(400).max(599).describe('The status of the answer.'),
    detail: z.string().describe('What is wrong with this request, for people.'),
    code: z.int().describe('The outcome code; docs/protocol.md lists them.'),
    name: z.string().describe('The name of the code.'),
    retry: z
      .enum(['never', 'same', 'new'])
      .describe('same: try again later, with the same Idempotency-Key; new: under another key; never: it is final.'),
    requestId: z.string().describe('Names this request in logs.'),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe('The fields that are wrong.'),
  })
  .meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457).' })
export type ProblemBody = z.infer<typeof problemSchema>

export interface FieldError {
  path: string
  message: string
}

/** A request is refused; thrown by routes, answered by api.ts. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: number
  readonly codeName: CodeName
  readonly status: number
  readonly title: string
  readonly errors: readonly FieldError[] | undefined
  /** Headers that belong to the answer, such as Retry-After. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    name: CodeName,
    detail: string = Code[name].text,
    more: {
      status?: number
      title?: string
      errors?: readonly FieldError[]
      headers?: Readonly<Record<string, string>>
      cause?: unknown
    } = {},
  ) {
    super(detail, { cause: more.cause })
    this.codeName = name
    this.code = Code[name].number
    this.status = more.status ?? STATUS[name]
    this.title = more.title ?? Code[name].text
    this.errors = more.errors
    this.headers = more.headers ?? {}
  }

  /** From a refusal as the log or a view tells it. */
  static of(code: number, detail: string): Problem {
    return new Problem(codeName(code) ?? 'UNKNOWN', detail)
  }

  body(requestId: string): ProblemBody {
    const { retry } = Code[this.codeName]
    return {
      type: `urn:packlog:problem:${this.codeName}`,
      title: this.title,
      status: this.status,
      detail: this.message,
      code: this.code,
      name: this.codeName,
      retry,
      requestId,
      ...(this.errors === undefined ? {} : { errors: [...this.errors] }),
    }
  }
}

/** What a view says; where it cannot be reached the request is refused for the moment, with this code. */
export async function fromView<T>(code: CodeName, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem(code, 'the view does not answer now')
  }
}
