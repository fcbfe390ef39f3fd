import type { Clock, Millis, PortableRandom } from '../../infra/clock.ts'
import type { ClientFrame, ServerFrame } from '../../schemas/frames.ts'
import { SUBPROTOCOL_JSON, SUBPROTOCOL_TOKEN_PREFIX } from '../../schemas/frames.ts'
import type { DeviceTypeName } from '../../schemas/pack.ts'
import { backoffMs } from './backoff.ts'
import { endText, isBadToken, isFinal } from './close.ts'
import type { OpenTransport, Transport, TransportEnd } from './transport.ts'

/** How long the server may take from the first byte to `welcome`, in ms. */
export const HANDSHAKE_MS_MAX = 10_000
/** A connection that held this long, in ms, starts the waits anew; one that ends sooner makes them longer. */
export const STABLE_MS_MIN = 5_000
/** Silent heartbeats after which the connection counts as dead: one may be late. */
export const SILENT_HEARTBEATS_MAX = 2
/** How long a server may take to answer whoever has just woken, in ms: somebody is waiting. */
export const WAKE_MS_MAX = 3_000
/** Number of the heartbeat's own questions, which nobody waits for; those of Questions begin at 1. */
const HEARTBEAT_REQUEST_ID = 0
/** How long the server may take to answer our closing handshake, in ms. */
export const CLOSE_MS_MAX = 1_000
/** Close code of a client that closes on request. */
const NORMAL_CLOSE = 1000

/** How a connection stands. */
export type Phase =
  | { kind: 'Idle' }
  | { kind: 'Connecting'; attempt: number }
  | { kind: 'Live'; connectionId: string; gateway: string }
  /** The connection is lost, or was not made; the next try is `retryMs` after this. */
  | { kind: 'Waiting'; attempt: number; retryMs: Millis; reason: string }
  /** For good: by request, or because trying again cannot help. */
  | { kind: 'Closed'; reason: string; byRequest: boolean }

type Welcome = Extract<ServerFrame, { type: 'welcome' }>

export interface LinkHandlers {
  phase(phase: Phase): void
  welcome(frame: Welcome): void
  /** Every frame after the welcome. */
  frame(frame: Exclude<ServerFrame, Welcome>): void
  /** The connection is gone; another one may follow. */
  lost(reason: string): void
  /** Once per heartbeat of a live connection. */
  beat(): void
}

export interface LinkOptions {
  /** `ws://host:port/...` without device parameters. */
  url: string
  /** A function is asked anew for every connection, so that an expired token does not end the client. */
  token: string | (() => Promise<string>)
  deviceType: DeviceTypeName
  /** The client's own name of the device, stable over reconnects. */
  deviceId: string
  open: OpenTransport
  clock: Clock
  random: PortableRandom
}

/**
 * Keeps one connection to a gateway: makes it, watches its heartbeat, makes it again after bounded waits, and stops
 * where the close code says that it cannot help. It knows nothing of sessions and packs.
 */
export class Link {
  private current: Phase = { kind: 'Idle' }
  private transport: Transport | undefined
  /** Numbers connections, so that a late report of an old one is told apart. */
  private generation = 0
  private attempt = 0
  private liveSince: Millis = 0
  private lastReceivedAt: Millis = 0
  private cancelTimer: () => void = () => {}
  private cancelCheck: () => void = () => {}
  private readonly options: LinkOptions
  private readonly handlers: LinkHandlers

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.options = options
    this.handlers = handlers
  }

  get phase(): Phase {
    return this.current
  }

  start(): void {
    if (this.current.kind === 'Idle') this.connect()
  }

  /** Sends a frame over the live connection; false when there is none. */
  send(frame: ClientFrame): boolean {
    if (this.current.kind !== 'Live') return false
    this.transport?.send(JSON.stringify(frame))
    return true
  }

  /**
   * The app is in the foreground again, or the network is back: a wait ends now, and a connection is asked whether it
   * still works. Heartbeats may have stood still in between.
   */
  wake(): void {
    if (this.current.kind === 'Waiting') {
      this.cancelTimer()
      this.connect()
    } else if (this.current.kind === 'Live') this.check()
  }

  private check(): void {
    const { clock } = this.options
    const { transport } = this
    const askedAt = clock.monotonic()
    this.send({ type: 'ping', requestId: HEARTBEAT_REQUEST_ID })
    this.cancelCheck()
    this.cancelCheck = clock.schedule(WAKE_MS_MAX, () => {
      if (this.transport === transport && this.lastReceivedAt < askedAt) transport?.terminate()
    })
  }

  /** Ends it for good. */
  close(): void {
    if (this.current.kind === 'Closed') return
    this.finish('closed by the client', true)
    const { transport } = this
    if (transport === undefined) return
    transport.close(NORMAL_CLOSE, 'bye')
    this.cancelTimer = this.options.clock.schedule(CLOSE_MS_MAX, () => transport.terminate())
  }

  private connect(): void {
    const generation = ++this.generation
    this.enter({ kind: 'Connecting', attempt: this.attempt })
    const { token } = this.options
    const fresh = typeof token === 'string' ? Promise.resolve(token) : token()
    fresh.then(
      text => this.open(generation, text),
      error =>
        this.ended(generation, { code: 1006, reason: `no token: ${error instanceof Error ? error.message : error}` }),
    )
  }

  private open(generation: number, token: string): void {
    if (generation !== this.generation || this.current.kind !== 'Connecting') return
    const request = { url: this.connectUrl(), subprotocols: [SUBPROTOCOL_JSON, SUBPROTOCOL_TOKEN_PREFIX + token] }
    this.transport = this.options.open(request, {
      received: text => this.received(generation, text),
      ended: end => this.ended(generation, end),
    })
    const transport = this.transport
    this.cancelTimer = this.options.clock.schedule(HANDSHAKE_MS_MAX, () => transport.terminate())
  }

  private connectUrl(): string {
    const { url, deviceType, deviceId } = this.options
    // By hand: React Native's URL cannot set parameters.
    const query = `deviceType=${encodeURIComponent(deviceType)}&deviceId=${encodeURIComponent(deviceId)}`
    return `${url}${url.includes('?') ? '&' : '?'}${query}`
  }

  private received(generation: number, text: string): void {
    if (generation !== this.generation) return
    this.lastReceivedAt = this.options.clock.monotonic()
    const frame = JSON.parse(text) as ServerFrame
    if (frame.type === 'welcome') this.welcomed(frame)
    else this.handlers.frame(frame)
  }

  private welcomed(frame: Welcome): void {
    this.cancelTimer()
    this.liveSince = this.lastReceivedAt
    this.enter({ kind: 'Live', connectionId: frame.connectionId, gateway: frame.gateway })
    this.scheduleBeat(frame.heartbeatMs)
    this.handlers.welcome(frame)
  }

  private scheduleBeat(heartbeatMs: Millis): void {
    this.cancelTimer = this.options.clock.schedule(heartbeatMs, () => {
      const silentMs = this.options.clock.monotonic() - this.lastReceivedAt
      if (silentMs >= SILENT_HEARTBEATS_MAX * heartbeatMs) return this.transport?.terminate()
      this.send({ type: 'ping', requestId: HEARTBEAT_REQUEST_ID })
      this.handlers.beat()
      this.scheduleBeat(heartbeatMs)
    })
  }

  private ended(generation: number, end: TransportEnd): void {
    if (this.current.kind === 'Closed') this.cancelTimer()
    if (generation !== this.generation || this.current.kind === 'Closed') return
    const wasLive = this.current.kind === 'Live'
    this.cancelTimer()
    this.transport = undefined
    const reason = endText(end)
    // A token that was good when the connection was made has run out: a fresh one is there for the asking.
    const mayRenew = wasLive && isBadToken(end) && typeof this.options.token === 'function'
    if (isFinal(end) && !mayRenew) this.finish(reason, false)
    else this.waitAndConnect(wasLive, reason)
    if (wasLive) this.handlers.lost(reason)
  }

  private waitAndConnect(wasLive: boolean, reason: string): void {
    if (wasLive && this.options.clock.monotonic() - this.liveSince >= STABLE_MS_MIN) this.attempt = 0
    const retryMs = backoffMs(this.attempt, this.options.random)
    this.attempt++
    this.enter({ kind: 'Waiting', attempt: this.attempt, retryMs, reason })
    this.cancelTimer = this.options.clock.schedule(retryMs, () => this.connect())
  }

  private finish(reason: string, byRequest: boolean): void {
    if (this.current.kind === 'Closed') return
    const wasLive = this.current.kind === 'Live'
    this.cancelTimer()
    this.cancelCheck()
    this.generation++
    this.enter({ kind: 'Closed', reason, byRequest })
    if (wasLive && byRequest) this.handlers.lost(reason)
  }

  private enter(phase: Phase): void {
    this.current = phase
    this.handlers.phase(phase)
  }
}
