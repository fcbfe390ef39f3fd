import { IncompatibleSchema, type SchemaRegistry } from '../../schemas/codec.ts'
import type { Clock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'

/**
 * A Confluent-compatible schema registry (Confluent's own, Apicurio's ccompat, Karapace, Redpanda's) over HTTP. Three
 * calls of its API are all that is needed; ids never change their meaning, so what was read is kept.
 */

/** How often one call is tried while the registry does not answer; with the pauses about 15 s. */
export const REGISTRY_ATTEMPTS_MAX = 10
const PAUSE_MS_MIN = 100
const PAUSE_MS_MAX = 2_500
const REQUEST_MS_MAX = 5_000
/** Schemas that are kept; the one read first goes first. */
const SCHEMAS_CACHED_MAX = 1_000
/** Ids that the registry does not know are not asked for again so soon, ms: poison must not become its load. */
const UNKNOWN_MS = 5_000
const UNKNOWN_IDS_MAX = 1_000

/** `error_code` of "there is no schema with this id". */
const SCHEMA_NOT_FOUND = 40403

/** The registry cannot be reached, or answers with what is no answer; `cause` is the last failure. */
export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable'
}

/** The registry understood and said no, and not because of compatibility: a bug, or missing rights. */
export class RegistryRefused extends Error {
  override readonly name = 'RegistryRefused'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Answer {
  status: number
  body: { id?: number; schema?: string; error_code?: number; message?: string }
}

export class HttpSchemaRegistry implements SchemaRegistry {
  private readonly url: string
  private readonly headers: Record<string, string>
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly schemas = new Map<number, object>()
  private readonly unknown = new Map<number, number>()

  /** `url`: base of the API, for example `http://host:8081` or `http://host:8080/apis/ccompat/v7`; may carry user:password. */
  constructor({ url, clock, logger = silentLogger }: { url: string; clock: Clock; logger?: Logger }) {
    const parsed = new URL(url)
    this.headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    if (parsed.username !== '') {
      const credentials = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`
      this.headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
      parsed.username = ''
      parsed.password = ''
    }
    this.url = parsed.href.replace(/\/$/, '')
    this.clock = clock
    this.logger = logger
  }

  async register(subject: string, schema: object): Promise<number> {
    const name = encodeURIComponent(subject)
    // The rule first: the registry checks a new version by the rule that is in force when it comes.
    const rule = await this.call('PUT', `/config/${name}`, { compatibility: 'BACKWARD_TRANSITIVE' })
    if (rule.status !== 200) throw refused(rule, `${subject}: the compatibility rule`)
    const answer = await this.call('POST', `/subjects/${name}/versions`, { schema: JSON.stringify(schema) })
    if (answer.status === 409) throw new IncompatibleSchema(`${subject}: ${answer.body.message ?? 'incompatible'}`)
    if (answer.status !== 200 || answer.body.id === undefined) throw refused(answer, `${subject}: the schema`)
    return answer.body.id
  }

  async schemaById(schemaId: number): Promise<object | undefined> {
    const known = this.schemas.get(schemaId)
    if (known !== undefined) return known
    if ((this.unknown.get(schemaId) ?? Number.NEGATIVE_INFINITY) > this.clock.monotonic()) return undefined
    const answer = await this.call('GET', `/schemas/ids/${schemaId}`)
    if (answer.status === 404 && answer.body.error_code === SCHEMA_NOT_FOUND) {
      keep(this.unknown, UNKNOWN_IDS_MAX, schemaId, this.clock.monotonic() + UNKNOWN_MS)
      return undefined
    }
    if (answer.status !== 200 || answer.body.schema === undefined) throw refused(answer, `schema ${schemaId}`)
    const schema = JSON.parse(answer.body.schema) as object
    keep(this.schemas, SCHEMAS_CACHED_MAX, schemaId, schema)
    return schema
  }

  private async call(method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<Answer> {
    let cause: unknown
    for (let attempt = 1; attempt <= REGISTRY_ATTEMPTS_MAX; attempt++) {
      try {
        const answer = await this.ask(method, path, body)
        if (answer.status < 500 && answer.status !== 429 && !isRace(answer)) return answer
        cause = new Error(`${answer.status} ${answer.body.message ?? ''}`)
      } catch (error) {
        cause = error
      }
      this.logger.warn({ err: cause, path, attempt }, 'the schema registry did not answer')
      if (attempt < REGISTRY_ATTEMPTS_MAX) {
        await this.clock.sleep(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (attempt - 1)))
      }
    }
    throw new RegistryUnavailable(`the schema registry did not answer ${REGISTRY_ATTEMPTS_MAX} times`, { cause })
  }

  private async ask(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: this.headers,
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: parseBody(text) }
  }
}

/** The registry was beginning the subject for somebody else, or for the try before this one: it is there next time. */
function isRace({ status, body }: Answer): boolean {
  return status === 409 && (body.message ?? '').includes('already exists')
}

/** What is no JSON object is kept as the message: a proxy's page, for example. */
function parseBody(text: string): Answer['body'] {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed
  } catch {
    // The text itself says what is wrong.
  }
  return { message: text.slice(0, 200) }
}

function refused({ status, body }: Answer, what: string): RegistryRefused {
  return new RegistryRefused(status, `${what} was refused by the registry: ${status} ${body.message ?? ''}`)
}

function keep<V>(cache: Map<number, V>, sizeMax: number, key: number, value: V): void {
  if (cache.size >= sizeMax) cache.delete(cache.keys().next().value!)
  cache.set(key, value)
}
