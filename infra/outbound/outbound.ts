import { type LookupAddress, lookup } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { urlProblem } from '../../schemas/webhooks.ts'
import type { Clock, Millis } from '../clock.ts'
import { isPublicAddress, isWithin, parseNetworks } from './addresses.ts'

/**
 * POST requests to URLs that partners name.
 *
 * - A name is resolved once per connection and the connection goes to an address that was checked: a name that answers
 *   otherwise the second time (DNS rebinding) gains nothing. One private address among several refuses the name.
 * - Redirects are answers like any other and are never followed.
 * - The limit of time is for the whole exchange, name to last byte; an answer is read up to a named size.
 * - Plain http goes only to addresses that are allowed by configuration: on the way through the internet everybody
 *   could read what is sent.
 */

/** Bytes of an answer that are read at most where the caller does not say otherwise. */
export const ANSWER_BYTES_MAX = 64 * 1024
/** Connections to one host at once. */
export const HOST_SOCKETS_MAX = 64
const IDLE_SOCKET_MS: Millis = 4_000

/** Why there is no answer: the address may not be called, or nobody (wholly) answers in time. */
export type OutboundReason = 'ADDRESS_REFUSED' | 'TIMEOUT' | 'UNREACHABLE' | 'ANSWER_TOO_LARGE'

/** There is no whole answer; the message says why, without what was sent. */
export class OutboundFailed extends Error {
  override readonly name = 'OutboundFailed'
  readonly reason: OutboundReason
  constructor(reason: OutboundReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

export interface OutboundAnswer {
  status: number
  body: Buffer
}

export interface OutboundPost {
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer | string
  /** From now to the last byte of the answer. */
  limitMs: Millis
  answerBytesMax?: number
}

export interface Outbound {
  /** Any status is an answer. Rejects with OutboundFailed. */
  post(request: OutboundPost): Promise<OutboundAnswer>
  /** Rejects with OutboundFailed ADDRESS_REFUSED where the URL may not be called as its name resolves now; calls nobody. */
  check(url: string): Promise<void>
  close(): void
}

/** Resolves a name to all of its addresses, as dns.lookup does. */
export type Resolve = (name: string) => Promise<LookupAddress[]>

export interface OutboundOptions {
  clock: Clock
  /** Networks (CIDR) whose addresses are allowed although they are private, and by plain http. */
  allowedNetworks: readonly string[]
  /** The system's resolver unless told otherwise. */
  resolve?: Resolve
}

/** Makes the caller; throws RangeError when a network is none. */
export function makeOutbound(options: OutboundOptions): Outbound {
  const networks = parseNetworks(options.allowedNetworks)
  const resolve = options.resolve ?? systemResolve
  const isAllowed = (address: string, isPlain: boolean) =>
    isWithin(networks, address) || (!isPlain && isPublicAddress(address))
  const lookupFor = (isPlain: boolean) => checkedLookup(resolve, address => isAllowed(address, isPlain))
  const keepAlive = {
    keepAlive: true,
    maxSockets: HOST_SOCKETS_MAX,
    timeout: IDLE_SOCKET_MS,
    scheduling: 'lifo' as const,
  }
  const plain = new http.Agent(keepAlive)
  const secure = new https.Agent(keepAlive)
  const lookups = { plain: lookupFor(true), secure: lookupFor(false) }
  /** Throws where the URL itself says that it may not be called. */
  const parse = (text: string) => {
    const problem = urlProblem(text)
    if (problem !== undefined) throw new OutboundFailed('ADDRESS_REFUSED', `the URL cannot be called: ${problem}`)
    const url = new URL(text)
    const isPlain = url.protocol === 'http:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    // A literal address never comes to `lookup`.
    if (isIP(host) !== 0 && !isAllowed(host, isPlain)) throw refusedAddress(host)
    return { url, isPlain, host }
  }
  return {
    check: async text => {
      const { host, isPlain } = parse(text)
      if (isIP(host) !== 0) return
      // A name that nobody knows yet may be known when it is called.
      const addresses = await resolve(host).catch(() => [])
      const bad = addresses.find(({ address }) => !isAllowed(address, isPlain))
      if (bad !== undefined) throw refusedAddress(bad.address)
    },
    post: async request => {
      const { url, isPlain } = parse(request.url)
      const agent = isPlain ? plain : secure
      return exchange(options.clock, url, { ...request, agent, lookup: isPlain ? lookups.plain : lookups.secure })
    },
    close: () => {
      plain.destroy()
      secure.destroy()
    },
  }
}

function refusedAddress(address: string): OutboundFailed {
  return new OutboundFailed('ADDRESS_REFUSED', `${address} is not called: it is private, or plain http is not allowed`)
}

const systemResolve: Resolve = name =>
  new Promise((done, fail) => {
    lookup(name, { all: true, verbatim: true }, (error, addresses) => (error ? fail(error) : done(addresses)))
  })

/** A lookup for sockets that gives only addresses that were checked. */
function checkedLookup(resolve: Resolve, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const failed = (error: Error) => callback(error as NodeJS.ErrnoException, '', 0)
    resolve(hostname).then(addresses => {
      const bad = addresses.find(({ address }) => !isAllowed(address))
      if (bad !== undefined) return failed(refusedAddress(bad.address))
      const first = addresses[0]
      if (first === undefined) return failed(new Error(`${hostname} has no address`))
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    }, failed)
  }
}

interface Exchange extends OutboundPost {
  agent: http.Agent | https.Agent
  lookup: LookupFunction
}

/** Sends it; once more where a connection that had been idle turns out to be closed. */
async function exchange(clock: Clock, url: URL, request: Exchange): Promise<OutboundAnswer> {
  const begun = clock.monotonic()
  try {
    return await exchangeOnce(clock, url, request)
  } catch (error) {
    const limitMs = request.limitMs - (clock.monotonic() - begun)
    if (!(error instanceof StaleSocket) || limitMs <= 0) throw error
    return await exchangeOnce(clock, url, { ...request, limitMs })
  }
}

/** The server had closed the idle connection: nothing was answered, and a fresh one may do. */
class StaleSocket extends OutboundFailed {}

function exchangeOnce(clock: Clock, url: URL, request: Exchange): Promise<OutboundAnswer> {
  const { agent, lookup: find, body, limitMs, answerBytesMax = ANSWER_BYTES_MAX } = request
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'http:' ? http.request : https.request
    const headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) }
    const sent = send(url, { method: 'POST', agent, lookup: find, headers })
    const end = (finish: () => void) => {
      cancel()
      finish()
    }
    const fail = (error: OutboundFailed) => {
      end(() => reject(error))
      sent.destroy()
    }
    const cancel = clock.schedule(limitMs, () => {
      fail(new OutboundFailed('TIMEOUT', `no whole answer within ${Math.round(limitMs)} ms`))
    })
    sent.once('response', answer => {
      readAnswer(answer, answerBytesMax).then(
        bytes => end(() => resolve({ status: answer.statusCode ?? 0, body: bytes })),
        error => fail(asFailure(error, false)),
      )
    })
    sent.on('error', error => fail(asFailure(error, sent.reusedSocket)))
    sent.end(body)
  })
}

function asFailure(error: unknown, isReused: boolean): OutboundFailed {
  if (error instanceof OutboundFailed) return error
  const { code, message } = error as NodeJS.ErrnoException
  const text = `the server cannot be reached or breaks off: ${code ?? message}`
  if (isReused && (code === 'ECONNRESET' || code === 'EPIPE')) return new StaleSocket('UNREACHABLE', text, error)
  return new OutboundFailed('UNREACHABLE', text, error)
}

async function readAnswer(answer: http.IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bytesMax) throw new OutboundFailed('ANSWER_TOO_LARGE', `the answer is longer than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
