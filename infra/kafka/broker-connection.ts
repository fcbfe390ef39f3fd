import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock, Millis } from '../clock.ts'
import { apiVersionsCall, type Call } from './protocol.ts'
import { authenticate } from './sasl.ts'
import type { KafkaSecurity } from './security.ts'
import { Writer } from './wire.ts'

/**
 * One TCP connection to a broker, and Kafka's framing on it: requests and answers with their size before them, answers
 * in the order of the requests, told by a number that both carry.
 *
 * Written here because every message of the product passes it four times, and kafkajs' connection takes a dozen
 * promises and objects for one request. A request is one write, an answer is decoded where it arrived.
 *
 * A connection that failed in any way (refused, closed, an answer that is late, unexpected or too large) has failed for
 * good: everything that waits on it is rejected, and its owner opens another one.
 */

/** Largest answer, bytes: more than the largest fetch. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Requests that may wait for their answers. */
export const REQUESTS_MAX = 1_000
const KEEP_ALIVE_MS: Millis = 60_000

export interface BrokerAddress {
  nodeId: number | null
  host: string
  port: number
}

export interface ConnectionOptions {
  address: Pick<BrokerAddress, 'host' | 'port'>
  clientId: string
  security: KafkaSecurity
  /** Longest time to wait for the connection and its first answer. */
  connectMs: Millis
  /** Longest time to wait for an answer. */
  requestMs: Millis
  clock: Clock
}

/** A broker did not answer, or not in time. `sent`: the request may have reached it. */
export class BrokerUnreachable extends Error {
  override readonly name = 'BrokerUnreachable'
  readonly sent: boolean
  constructor(message: string, options: { sent: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.sent = options.sent
  }
}

interface Waiting {
  id: number
  deadline: Millis
  call: Call<object>
  resolve(answer: object): void
  reject(error: BrokerUnreachable): void
}

const SIZE_BYTES = 4
const ID_BYTES = 4

export class Connection {
  private readonly options: ConnectionOptions
  private readonly socket: Socket
  private readonly answers: AnswerFrames
  private readonly clientId: Buffer
  /** In the order in which they were sent. */
  private readonly waiting: Waiting[] = []
  private nextId = 0
  private failure: Error | undefined
  private cancelCheck: (() => void) | undefined
  private throttledUntil: Millis = 0
  private whenIdle: (() => void)[] = []

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.options = options
    this.socket = socket
    this.clientId = Buffer.from(options.clientId)
    this.answers = new AnswerFrames(frame => this.answered(frame))
    socket.on('data', chunk => this.received(chunk))
    socket.on('error', error => this.fail(error))
    socket.on('close', () => this.fail(new Error('the broker closed the connection')))
  }

  /**
   * Connects, lets the broker answer once, and says who we are where it wants to know: one that accepts connections and
   * is frozen counts as away. Throws BrokerUnreachable, caused by UserRefused where it does not let us in.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { address, security, clock, connectMs } = options
    const socket = openSocket(address, security)
    const connection = new Connection(options, socket)
    const cancel = clock.schedule(connectMs, () => connection.fail(new Error('the broker does not answer')))
    try {
      // What is written before the socket is connected is sent then.
      await connection.send(apiVersionsCall())
      if (security.sasl !== undefined) {
        await authenticate({ sasl: security.sasl, address, send: call => connection.send(call) })
      }
      return connection
    } catch (error) {
      connection.fail(error as Error)
      throw new BrokerUnreachable((error as Error).message, { sent: false, cause: error })
    } finally {
      cancel()
    }
  }

  /** Sends one request and gives its answer. Throws BrokerUnreachable; error codes inside the answer are the caller's. */
  send<T extends object>(call: Call<T>): Promise<T> {
    if (this.failure !== undefined) return Promise.reject(this.unreachable(call, { sent: false }))
    const { clock, requestMs } = this.options
    const now = clock.monotonic()
    if (now < this.throttledUntil) return clock.sleep(this.throttledUntil - now).then(() => this.send(call))
    if (this.waiting.length >= REQUESTS_MAX) {
      return Promise.reject(new BrokerUnreachable(`${this.waiting.length} requests wait already`, { sent: false }))
    }
    return new Promise((resolve, reject) => {
      const id = this.nextId
      this.nextId = (id + 1) & 0x7fffffff
      this.waiting.push({
        id,
        deadline: now + (call.timeoutMs ?? requestMs),
        call,
        resolve: resolve as (answer: object) => void,
        reject,
      })
      this.cancelCheck ??= clock.schedule(requestMs, () => this.checkDeadlines())
      this.socket.write(this.frame(id, call))
    })
  }

  private frame(id: number, { apiKey, apiVersion, body }: Call<object>): Buffer {
    const size = 8 + 2 + this.clientId.length + body.length
    return new Writer(SIZE_BYTES + size)
      .int32(size)
      .int16(apiKey)
      .int16(apiVersion)
      .int32(id)
      .int16(this.clientId.length)
      .bytes(this.clientId)
      .bytes(body)
      .done()
  }

  private received(chunk: Buffer): void {
    try {
      this.answers.push(chunk)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  private answered(frame: Buffer): void {
    const first = this.waiting[0]
    const id = frame.readInt32BE(0)
    if (first?.id !== id) throw new Error(`an answer to request ${id}; that of ${first?.id ?? 'none'} is due`)
    const answer = first.call.decode(frame.subarray(ID_BYTES))
    this.waiting.shift()
    const { clientSideThrottleTime = 0 } = answer as { clientSideThrottleTime?: Millis }
    if (clientSideThrottleTime > 0) this.throttledUntil = this.options.clock.monotonic() + clientSideThrottleTime
    first.resolve(answer)
    this.tellIdle()
  }

  /** One timer for all requests: it is looked at when the one that was first then would be late. */
  private checkDeadlines(): void {
    const { clock } = this.options
    this.cancelCheck = undefined
    const next = this.nextDeadline()
    if (next === undefined) return
    const left = next - clock.monotonic()
    if (left > 0) this.cancelCheck = clock.schedule(left, () => this.checkDeadlines())
    else clock.defer(() => this.failIfLate())
  }

  /** After what has arrived was read: if this process stood still, that was not the broker. */
  private failIfLate(): void {
    const next = this.nextDeadline()
    if (next !== undefined && next <= this.options.clock.monotonic()) this.fail(new Error('the broker does not answer'))
    else this.checkDeadlines()
  }

  private nextDeadline(): Millis | undefined {
    if (this.waiting.length === 0) return undefined
    return this.waiting.reduce((least, { deadline }) => Math.min(least, deadline), Number.POSITIVE_INFINITY)
  }

  private fail(cause: Error): void {
    if (this.failure !== undefined) return
    this.failure = cause
    this.socket.destroy()
    this.cancelCheck?.()
    for (const { call, reject } of this.waiting.splice(0)) reject(this.unreachable(call, { sent: true }))
    this.tellIdle()
  }

  private unreachable({ apiName }: Call<object>, { sent }: { sent: boolean }): BrokerUnreachable {
    const { host, port } = this.options.address
    const cause = this.failure
    return new BrokerUnreachable(`${apiName}: ${host}:${port}: ${cause?.message}`, { sent, cause })
  }

  /** Takes nothing more, and closes when what waits was answered or is late. */
  async close(): Promise<void> {
    if (this.waiting.length > 0) await new Promise<void>(resolve => this.whenIdle.push(resolve))
    this.fail(new Error('the connection is closed'))
  }

  private tellIdle(): void {
    if (this.waiting.length > 0 || this.whenIdle.length === 0) return
    for (const resolve of this.whenIdle.splice(0)) resolve()
  }
}

function openSocket({ host, port }: ConnectionOptions['address'], { tls }: KafkaSecurity): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  // An address is no server name: it is checked against the certificate all the same.
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const socket = tls === undefined ? connect(options) : connectTls({ ...options, ...servername, ...tls })
  if (tls !== undefined) socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  return socket
}

/** Cuts what arrives into answers. One that came whole is not copied. */
class AnswerFrames {
  private readonly onFrame: (frame: Buffer) => void
  private readonly size = Buffer.alloc(SIZE_BYTES)
  private sizeBytes = 0
  /** The answer that is on its way, and how much of it is there. */
  private frame: Buffer | undefined
  private filled = 0

  constructor(onFrame: (frame: Buffer) => void) {
    this.onFrame = onFrame
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) at = this.frame === undefined ? this.begin(chunk, at) : this.fill(this.frame, chunk, at)
  }

  private begin(chunk: Buffer, start: number): number {
    let at = start
    while (this.sizeBytes < SIZE_BYTES && at < chunk.length) this.size[this.sizeBytes++] = chunk[at++]!
    if (this.sizeBytes < SIZE_BYTES) return at
    const size = this.size.readInt32BE(0)
    this.sizeBytes = 0
    if (size < ID_BYTES || size > ANSWER_BYTES_MAX) throw new Error(`an answer of ${size} bytes`)
    if (at + size <= chunk.length) {
      this.onFrame(chunk.subarray(at, at + size))
      return at + size
    }
    this.frame = Buffer.allocUnsafeSlow(size)
    this.filled = 0
    return at
  }

  private fill(frame: Buffer, chunk: Buffer, start: number): number {
    const copied = chunk.copy(frame, this.filled, start)
    this.filled += copied
    if (this.filled === frame.length) {
      this.frame = undefined
      this.onFrame(frame)
    }
    return start + copied
  }
}
