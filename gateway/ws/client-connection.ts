import type { Clock, Millis } from '../../infra/clock.ts'
import { CloseCode, type CloseName, closeReason } from '../../schemas/close-codes.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId } from '../../schemas/ids.ts'
import type { Asker, Identity } from './asker.ts'
import type { ConnectionState } from './connection.ts'
import { encodeFrame, type LiveEvent, type Subprotocol } from './frames.ts'
import { Outbox } from './outbox.ts'
import type { ClientSocket } from './socket.ts'

/** Writes the outboxes that got something, once at the end of the tick: one task for all connections. */
export class Flusher {
  private waiting: ClientConnection[] = []
  private readonly clock: Clock
  private readonly flush = () => {
    const connections = this.waiting
    this.waiting = []
    for (const connection of connections) connection.flush()
  }

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(connection: ClientConnection): void {
    if (this.waiting.push(connection) === 1) this.clock.defer(this.flush)
  }
}

/**
 * The shell around ConnectionState: it puts frames into the outbox, the outbox into the socket, and closes. Kept
 * small: an idle connection is this object, its state, its outbox and the socket.
 */
export class ClientConnection implements Asker {
  readonly id: string
  readonly identity: Identity
  readonly subprotocol: Subprotocol
  readonly state: ConnectionState<LiveEvent>
  /** Sends without an answer yet, questions and resumes that run. */
  pendingPacks = 0
  /** Packs that wait for what is looked up for them. */
  lookUps = 0
  questions = 0
  resumes = 0
  private readonly outbox = new Outbox()
  private readonly socket: ClientSocket
  private readonly flusher: Flusher
  private readonly onClosing: (connection: ClientConnection, name: CloseName) => void
  private isQueued = false
  private isBlocked = false
  private ended = false
  private roomWaiters: (() => void)[] | undefined

  constructor(options: {
    id: string
    identity: Identity
    subprotocol: Subprotocol
    socket: ClientSocket
    state: ConnectionState<LiveEvent>
    flusher: Flusher
    onClosing: (connection: ClientConnection, name: CloseName) => void
  }) {
    this.id = options.id
    this.identity = options.identity
    this.subprotocol = options.subprotocol
    this.socket = options.socket
    this.state = options.state
    this.flusher = options.flusher
    this.onClosing = options.onClosing
  }

  /** True once it is closing or closed: nothing is sent any more. */
  get isClosed(): boolean {
    return this.ended
  }

  /** True when nothing waits for the socket. */
  get isFlushed(): boolean {
    return this.outbox.isEmpty && !this.isBlocked
  }

  admitPack(now: Millis): boolean {
    return this.state.admitPack(now)
  }

  get packWaitMs(): Millis {
    return this.state.packWaitMs
  }

  acked(sessionId: SessionId, seq: Seq): void {
    this.state.acked(sessionId, seq)
  }

  send(frame: ServerFrame): void {
    if (!this.ended) this.sendBytes(encodeFrame(this.subprotocol, frame))
  }

  /** Sends a frame that is encoded already. A full outbox closes the connection with SLOW. */
  sendBytes(bytes: Buffer): void {
    if (this.ended) return
    if (!this.outbox.push(bytes)) {
      this.close('SLOW')
      return
    }
    if (this.isQueued || this.isBlocked) return
    this.isQueued = true
    this.flusher.add(this)
  }

  /** A live event: sent, kept or dropped as the state says. */
  offer(event: LiveEvent): boolean {
    if (this.ended) return false
    const bytes = event.frame(this.subprotocol)
    switch (this.state.offer(event.sessionId, event.seq, event, bytes.length)) {
      case 'Send':
        this.sendBytes(bytes)
        return true
      case 'Overflow':
        // What the hold keeps can go at once; what waits for history cannot.
        this.release()
        if (this.state.isOverfull) this.close('SLOW')
        return false
      case 'Keep':
      case 'Drop':
        return false
    }
  }

  /** Ends the hold after the welcome. */
  release(): void {
    for (const event of this.state.release()) this.sendBytes(event.frame(this.subprotocol))
  }

  flush(): void {
    this.isQueued = false
    while (!this.isBlocked && !this.ended) {
      const bytes = this.outbox.take()
      if (bytes === undefined) break
      this.isBlocked = !this.socket.write(bytes)
    }
    this.tellRoom()
  }

  /** The socket takes more again. */
  drained(): void {
    this.isBlocked = false
    this.flush()
  }

  /** True when a frame of this size can be sent without crowding out live events. */
  hasRoom(bytes: number): boolean {
    return this.outbox.hasRoom(bytes)
  }

  /** Resolves when there is room for a frame of this size, or the connection is closed. */
  async room(bytes: number): Promise<void> {
    while (!this.ended && !this.outbox.hasRoom(bytes)) {
      await new Promise<void>(resolve => {
        this.roomWaiters ??= []
        this.roomWaiters.push(resolve)
      })
    }
  }

  /** The outbox got emptier, or is gone: who waits for room looks again. */
  private tellRoom(): void {
    if (this.roomWaiters === undefined) return
    const waiters = this.roomWaiters
    this.roomWaiters = undefined
    for (const resolve of waiters) resolve()
  }

  /** Closes with a code of the table. What waits is still written, except where the client reads too slowly. */
  close(name: CloseName, detail?: string): void {
    if (this.ended) return
    if (name !== 'SLOW' && name !== 'HEARTBEAT') this.flush()
    this.endWith(name)
    this.socket.close(CloseCode[name].code, closeReason(name, detail))
  }

  private endWith(name: CloseName): void {
    this.gone()
    this.onClosing(this, name)
  }

  /** The socket is gone, or about to be: nothing can be sent any more. */
  gone(): void {
    this.ended = true
    this.outbox.clear()
    this.tellRoom()
  }

  terminate(): void {
    this.gone()
    this.socket.terminate()
  }
}
