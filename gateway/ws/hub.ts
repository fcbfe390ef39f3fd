import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { CloseName } from '../../schemas/close-codes.ts'
import { type ClientFrame, isPackFrame, type SignalFrame } from '../../schemas/frames.ts'
import { type SessionId, singleSessionId, type UserId, userSessionId } from '../../schemas/ids.ts'
import { CONNECTIONS_PER_USER_MAX, FRAME_BYTES_MAX, HEARTBEAT_MS, HOLD_MS, HOLD_SWEEP_MS } from '../limits.ts'
import { isOnlineFrame, type OnlineFrame } from '../presence/online-messages.ts'
import type { Identity } from './asker.ts'
import type { Audience } from './audience.ts'
import type { CatchUp } from './catchup.ts'
import { ClientConnection, Flusher } from './client-connection.ts'
import { type BrokenFrame, parseFrame } from './client-frames.ts'
import { ConnectionState } from './connection.ts'
import { type RefusalFields, refusal, type Subprotocol } from './frames.ts'
import type { Questions } from './questions.ts'
import type { Sends } from './sends.ts'
import type { ClientSocket } from './socket.ts'
import { PING_FRAME } from './websocket-frame.ts'
import { Wheel } from './wheel.ts'

export interface HubOptions {
  clock: Clock
  random: Random
  gateway: string
  audience: Audience
  sends: Pick<Sends, 'submit' | 'left'>
  questions: Pick<Questions, 'answer'>
  catchUp: Pick<CatchUp, 'resume'>
  heartbeatMs?: Millis
  packsPerSecond?: number
  metrics: { connections(count: number): void; closed(name: CloseName | 'GONE'): void }
  /** A connection has been welcomed. */
  onOpened?(connection: ClientConnection): void
  /** A connection has ended, for this reason. */
  onEnded?(connection: ClientConnection, name: CloseName | 'GONE'): void
  /** A client is typing; gives the refusal where it may not say so. */
  onTyping(connection: ClientConnection, frame: SignalFrame): RefusalFields | undefined
  /** A message that nobody keeps; answers its sender. */
  onOnline(connection: ClientConnection, frame: OnlineFrame): void
  /** Something failed that must end the gateway. */
  onFatal(error: unknown): void
}

/** All connections of the gateway: opens them, hands their frames on, beats their hearts, closes them. */
export class Hub {
  private readonly options: HubOptions
  private readonly flusher: Flusher
  private readonly wheel: Wheel<ClientConnection>
  /** Connections that are held, oldest first, with when the hold ends. */
  private readonly held = new Map<ClientConnection, Millis>()
  private readonly cleanUp = (connection: ClientConnection, name: CloseName) => {
    this.options.metrics.closed(name)
    this.options.onEnded?.(connection, name)
    this.forget(connection)
  }
  private readonly heartbeatMs: Millis
  private cancelSweep: (() => void) | undefined

  constructor(options: HubOptions) {
    this.options = options
    this.heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS
    this.flusher = new Flusher(options.clock)
    this.wheel = new Wheel({
      clock: options.clock,
      periodMs: this.heartbeatMs,
      onTurn: connection => this.beat(connection),
    })
    this.wheel.start()
  }

  /** Opens the connection of a user who is admitted (logins.ts), and welcomes them. */
  open(
    identity: Identity,
    subprotocol: Subprotocol,
    socket: ClientSocket,
    id = this.options.random.bytes(9).toString('base64url'),
  ): ClientConnection {
    const { clock, gateway, audience } = this.options
    this.makeRoom(identity)
    const connection = new ClientConnection({
      id,
      identity,
      subprotocol,
      socket,
      state: new ConnectionState(clock.monotonic(), this.options.packsPerSecond),
      flusher: this.flusher,
      onClosing: this.cleanUp,
    })
    audience.add(connection)
    this.wheel.add(connection)
    this.hold(connection)
    this.options.metrics.connections(audience.size)
    connection.send({
      type: 'welcome',
      connectionId: connection.id,
      userId: identity.userId,
      gateway,
      serverTime: clock.now(),
      heartbeatMs: this.heartbeatMs,
      frameBytesMax: FRAME_BYTES_MAX,
    })
    this.options.onOpened?.(connection)
    return connection
  }

  /** A new login of the same device replaces the older one; so does one too many of the same user. */
  private makeRoom({ userId, device }: Identity): void {
    const others = [...this.options.audience.ofUser(userId)]
    const same = others.filter(({ identity }) => identity.device.id === device.id)
    for (const connection of same) connection.close('KICKED')
    if (others.length - same.length < CONNECTIONS_PER_USER_MAX) return
    others.find(connection => !connection.isClosed)?.close('KICKED', 'too many connections of this user')
  }

  private hold(connection: ClientConnection): void {
    const { clock } = this.options
    this.held.set(connection, clock.monotonic() + HOLD_MS)
    this.cancelSweep ??= clock.schedule(HOLD_SWEEP_MS, () => this.sweepHeld())
  }

  private sweepHeld(): void {
    const { clock } = this.options
    this.cancelSweep = undefined
    const now = clock.monotonic()
    for (const [connection, until] of this.held) {
      if (until > now) break
      this.release(connection)
    }
    if (this.held.size > 0) this.cancelSweep = clock.schedule(HOLD_SWEEP_MS, () => this.sweepHeld())
  }

  private release(connection: ClientConnection): void {
    if (this.held.delete(connection)) connection.release()
  }

  /** A message came in. */
  received(connection: ClientConnection, data: Buffer, isBinary: boolean): void {
    if (connection.isClosed) return
    connection.state.heard()
    const parsed = parseFrame(connection.subprotocol, data, isBinary)
    if (parsed.ok) {
      connection.state.good()
      this.dispatch(connection, parsed.frame)
    } else {
      this.broken(connection, parsed.broken)
    }
  }

  private dispatch(connection: ClientConnection, frame: ClientFrame): void {
    const { sends, questions, catchUp, onFatal } = this.options
    if (isPackFrame(frame)) {
      // Whoever sends has said what they want to resume.
      if (connection.state.isHeld) this.release(connection)
      if (isOnlineFrame(frame)) this.options.onOnline(connection, frame)
      else sends.submit(connection, frame)
      return
    }
    switch (frame.type) {
      case 'resume':
        catchUp.resume(connection, frame).catch(onFatal)
        return
      case 'typing': {
        const refused = this.options.onTyping(connection, frame)
        if (refused !== undefined) connection.send({ type: 'error', ...refused })
        return
      }
      default:
        questions.answer(connection, frame).catch(onFatal)
    }
  }

  private broken(connection: ClientConnection, broken: BrokenFrame): void {
    const { code, reason, packId, requestId } = broken
    const sessionId = sessionOfBroken(broken, connection.identity.userId)
    const fields = refusal(code, reason)
    if (packId !== undefined && sessionId !== undefined) {
      connection.send({ type: 'refused', packId, sessionId, ...fields })
    } else if (requestId !== undefined) {
      connection.send({ type: 'failed', requestId, ...fields })
    } else {
      connection.send({ type: 'error', ...fields })
    }
    if (connection.state.broken() === 'Close') connection.close('PROTOCOL')
  }

  private beat(connection: ClientConnection): void {
    const { expiresAt } = connection.identity
    if (expiresAt !== undefined && this.options.clock.now() >= expiresAt) {
      connection.close('BAD_CREDENTIALS', 'the token has expired')
      return
    }
    if (connection.state.beat() === 'Close') connection.close('HEARTBEAT')
    else connection.sendBytes(PING_FRAME)
  }

  /** The socket is gone, for whatever reason. */
  closed(connection: ClientConnection): void {
    if (!connection.isClosed) {
      this.options.metrics.closed('GONE')
      this.options.onEnded?.(connection, 'GONE')
      connection.gone()
    }
    this.forget(connection)
  }

  private forget(connection: ClientConnection): void {
    this.held.delete(connection)
    this.options.sends.left(connection)
    this.wheel.remove(connection)
    this.options.audience.remove(connection)
    this.options.metrics.connections(this.options.audience.size)
  }

  /** True when every socket has taken what was meant for it. */
  get isFlushed(): boolean {
    for (const connection of this.options.audience.all()) if (!connection.isFlushed) return false
    return true
  }

  /** Closes one connection of a user, where it is here. */
  closeConnection(userId: UserId, connectionId: string, name: CloseName, detail?: string): void {
    const connection = this.options.audience.ofUser(userId).find(({ id }) => id === connectionId)
    connection?.close(name, detail)
  }

  closeUser(userId: UserId, name: CloseName, detail?: string): void {
    for (const connection of [...this.options.audience.ofUser(userId)]) connection.close(name, detail)
  }

  closeAll(name: CloseName): void {
    for (const connection of [...this.options.audience.all()]) connection.close(name)
  }

  stop(): void {
    this.wheel.stop()
    this.cancelSweep?.()
  }
}

/** The session that a pack would have gone to, as far as the frame could be read. */
function sessionOfBroken({ sessionId, userId, isOwn }: BrokenFrame, me: UserId): SessionId | undefined {
  if (isOwn) return userSessionId(me)
  return userId === undefined ? sessionId : singleSessionId(me, userId)
}
