import { type IncomingHttpHeaders, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent, request } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock, Millis } from '../../infra/clock.ts'
import { configError, RETRY_MS_DEFAULT, RETRY_MS_MAX, retryService, type SendResult } from './vendor.ts'

/**
 * HTTP as the vendors' clients need it: whether a request that failed can have been taken decides whether it may be
 * sent again.
 */

/** Nothing was sent: no connection, no TLS. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
}

/** The request went out, and no whole answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

export interface HttpRequest {
  url: string
  headers?: Record<string, string>
  body: string
}

export interface VendorHttp {
  /** Rejects with NotSent or NoAnswer. */
  post(request: HttpRequest): Promise<HttpAnswer>
  /** The time by the clock of who answered last: signatures with times are made by it. */
  serverNow(): Millis
  /** What an answer says of the time, where the vendor is spoken to in another way. */
  learnTime(headers: { date?: string | undefined }): void
  close(): void
}

/** What a vendor's client is made with, beside its credentials. */
export interface VendorParts {
  http: VendorHttp
  clock: Clock
  /** PEM of who signs the vendor's certificate; undefined: those that Node trusts. */
  ca?: string
  /** Where the vendor is to report what became of pushes; undefined: nowhere. */
  receiptUrl?: string
}

/** A vendor that owes an answer for so long has lost it. */
const ANSWER_MS_MAX: Millis = 10_000
const CONNECT_MS_MAX: Millis = 5_000
const SOCKETS_MAX = 64
const IDLE_SOCKETS_MAX = 8
/**
 * A connection over which nothing went for so long is not used again: what is sent in the moment in which the other end
 * leaves it is unknown. Node's own server waits for 5 s, others for longer.
 */
export const IDLE_MS_MAX: Millis = 2_000
const SKEW_MS_MIN: Millis = 5_000
const ANSWER_BYTES_MAX = 1_000_000

export interface VendorHttpOptions {
  clock: Clock
  /** PEM of who signs the servers' certificates; undefined: those that Node trusts. */
  ca?: string | undefined
  answerMsMax?: Millis
}

export function vendorHttp({ clock, ca, answerMsMax = ANSWER_MS_MAX }: VendorHttpOptions): VendorHttp {
  const pool = { keepAlive: true, maxSockets: SOCKETS_MAX, maxFreeSockets: IDLE_SOCKETS_MAX }
  const agent = new Agent({ ...pool, ...(ca === undefined ? {} : { ca }) })
  const plainAgent = new PlainAgent(pool)
  const usedAt = new WeakMap<Socket, Millis>()
  /** No timer does it: one that is late, in a process that was kept waiting, leaves them to be used. */
  const leaveIdle = () => {
    const free = [agent, plainAgent].flatMap(({ freeSockets }) => Object.values(freeSockets).flat())
    for (const socket of free) {
      if (socket !== undefined && clock.monotonic() - (usedAt.get(socket) ?? 0) > IDLE_MS_MAX) socket.destroy()
    }
  }
  let skewMs = 0
  const learnTime = ({ date }: { date?: string | undefined }) => {
    const apart = Date.parse(date ?? '') - clock.now()
    // The header counts in seconds: what is less apart is no skew.
    if (Number.isFinite(apart)) skewMs = Math.abs(apart) > SKEW_MS_MIN ? apart : 0
  }
  const post = ({ url, headers = {}, body }: HttpRequest) =>
    new Promise<HttpAnswer>((resolve, reject) => {
      leaveIdle()
      const isPlain = url.startsWith('http:')
      let isConnected = false
      const options = {
        method: 'POST',
        agent: isPlain ? plainAgent : agent,
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      }
      const fail = (error: Error) => {
        const isSent = isConnected || call.reusedSocket
        const message = `${new URL(url).host}: ${error.message}`
        reject(isSent ? new NoAnswer(message, { cause: error }) : new NotSent(message, { cause: error }))
        call.destroy()
      }
      let cancel = clock.schedule(CONNECT_MS_MAX, () => fail(new Error('no connection in time')))
      const call = (isPlain ? plainRequest : request)(url, options, answer => {
        usedAt.set(answer.socket, clock.monotonic())
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > ANSWER_BYTES_MAX) fail(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        answer.on('end', () => {
          cancel()
          learnTime(answer.headers)
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
        })
        answer.on('error', fail)
      })
      call.on('socket', socket => {
        const connected = () => {
          isConnected = true
          cancel()
          cancel = clock.schedule(answerMsMax, () => fail(new Error('no answer in time')))
        }
        if (call.reusedSocket || (!socket.connecting && isPlain)) connected()
        else socket.once(isPlain ? 'connect' : 'secureConnect', connected)
      })
      call.on('error', error => {
        cancel()
        fail(error)
      })
      call.end(body)
    })
  return {
    post,
    serverNow: () => clock.now() + skewMs,
    learnTime,
    close: () => {
      agent.destroy()
      plainAgent.destroy()
    },
  }
}

/** What a failed call is for every message of it. */
export function failureResult(error: unknown): SendResult {
  const reason = (error as Error).message
  return error instanceof NotSent ? retryService(reason) : { kind: 'unknown', reason }
}

/** What the status says of the whole call; undefined where the vendor's own code decides, which is empty where none came. */
export function statusResult({ status, headers }: HttpAnswer, code: string, now: Millis): SendResult | undefined {
  if (status === 429 || status >= 500) return retryService(String(status), retryAfter(headers, now))
  if (code !== '') return undefined
  return status < 400 ? retryService(`${status} without a code`) : configError(String(status))
}

/** What Retry-After asks for: seconds, or a date. */
export function retryAfter(headers: IncomingHttpHeaders, now: Millis): Millis {
  const text = headers['retry-after']
  if (text === undefined) return RETRY_MS_DEFAULT
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_MS_MAX) : RETRY_MS_DEFAULT
}

/** An answer's JSON object; empty where it is none. */
export function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
export const JSON_BODY = { 'content-type': 'application/json; charset=utf-8' }

export function formOf(fields: Readonly<Record<string, string | number>>): string {
  return new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
}
