import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../../infra/logger.ts'
import { CloseCode, type CloseName, closeReason } from '../../schemas/close-codes.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type LoginRequest, readLogin, subprotocolName } from '../auth/login-request.ts'
import type { ThirdPartyAnswer } from '../auth/third-party.ts'
import type { VerifiedToken } from '../auth/tokens.ts'
import { CLOSE_MS_MAX, FRAME_BYTES_MAX } from '../limits.ts'
import type { Identity } from './asker.ts'
import type { ClientConnection } from './client-connection.ts'
import type { Subprotocol } from './frames.ts'
import type { Hub } from './hub.ts'
import type { ClientSocket } from './socket.ts'

/** A socket of `ws` that knows its connection: one set of listeners serves all of them, without closures. */
class GatewaySocket extends WebSocket {
  hub: Hub | undefined
  connection: ClientConnection | undefined
}

/**
 * `ws` reads and keeps the WebSocket protocol; what we send goes past it, straight to the TCP socket, many frames in
 * one write. Both write whole frames synchronously, so they never mix within one.
 */
class TcpClientSocket implements ClientSocket {
  private readonly socket: GatewaySocket
  private readonly stream: Duplex

  constructor(socket: GatewaySocket, stream: Duplex) {
    this.socket = socket
    this.stream = stream
  }

  write(frames: Buffer): boolean {
    if (this.stream.destroyed || this.socket.readyState !== WebSocket.OPEN) return true
    if (this.stream.write(frames)) return true
    this.stream.once('drain', () => this.socket.connection?.drained())
    return false
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason)
  }

  terminate(): void {
    this.socket.terminate()
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const { hub, connection } = this as GatewaySocket
  // With the binary type left at its default, data is one buffer.
  if (connection !== undefined) hub?.received(connection, data as Buffer, isBinary)
}

function onPong(this: WebSocket): void {
  const { connection } = this as GatewaySocket
  connection?.state.heard()
}

function onClose(this: WebSocket): void {
  const socket = this as GatewaySocket
  if (socket.connection !== undefined) socket.hub?.closed(socket.connection)
  socket.connection = undefined
}

/** `ws` closes the connection itself, with the code that fits (1009 for a frame that is too large). */
function onError(): void {}

/** `closeTimeout` is an option of ws 8 that its published types do not have. */
const SERVER_OPTIONS = {
  noServer: true,
  WebSocket: GatewaySocket,
  perMessageDeflate: false,
  clientTracking: false,
  maxPayload: FRAME_BYTES_MAX,
  closeTimeout: CLOSE_MS_MAX,
  handleProtocols: (offered: Set<string>) => {
    const known = Object.values(subprotocolName)
    return [...offered].find(name => known.includes(name)) ?? false
  },
}

/** Why an upgrade request is not one to a WebSocket of ours. */
export interface UpgradeRefusal {
  status: 400 | 404
  detail: string
}

export interface WebSocketGatewayOptions {
  /** There as soon as `isOpen` was true once. */
  hub(): Hub | undefined
  logger: Logger
  /** False while logins cannot be served: not caught up yet, or draining. */
  isOpen(): boolean
  verify(token: string): Promise<VerifiedToken>
  /** What a third party says of a user whose token is good. */
  approve?(identity: Identity): Promise<ThirdPartyAnswer>
  /** Takes a user over (logins.ts); false when that is not possible now. */
  admit(userId: UserId): Promise<boolean>
  unreserve(userId: UserId): void
  /** Lets an admitted user in by the login policy; gives the reason where they are refused. */
  open(identity: Identity, opened: (connectionId: string) => void): Promise<CloseName | undefined>
  /** Answers in place of the handshake, and ends the connection. */
  refuseUpgrade(stream: Duplex, why: UpgradeRefusal): void
  /** A connection that was let in could not be opened. */
  ended(identity: Identity, connectionId: string): void
}

/**
 * Turns upgrade requests into connections. Everything that can be refused about a login is refused after the
 * handshake, with a close code and a reason: a browser sees nothing of a failed handshake.
 */
export class WebSocketGateway {
  private readonly options: WebSocketGatewayOptions
  private readonly server = new WebSocketServer(SERVER_OPTIONS)

  constructor(options: WebSocketGatewayOptions) {
    this.options = options
    this.server.on('wsClientError', ({ message }, stream) => {
      options.refuseUpgrade(stream, { status: 400, detail: message })
    })
  }

  /** Handles one upgrade; never throws. To be called for the event `upgrade` of an HTTP server. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const ignore = () => stream.destroy()
    stream.on('error', ignore)
    const login = readLogin({
      url: request.url ?? '',
      authorization: request.headers.authorization,
      subprotocols: request.headers['sec-websocket-protocol'],
    })
    if (login.kind !== 'Login') {
      this.options.refuseUpgrade(stream, WHY[login.kind])
      return
    }
    this.login(login, { request, stream, head })
      .catch(error => {
        this.options.logger.error({ err: error }, 'a login failed')
        stream.destroy()
      })
      .finally(() => stream.off('error', ignore))
  }

  private async login(login: Extract<LoginRequest, { kind: 'Login' }>, upgrade: Upgrade): Promise<void> {
    const { isOpen, verify, admit, unreserve, open, ended } = this.options
    if (!isOpen()) return this.refuse(upgrade, 'UNAVAILABLE')
    if (login.token === undefined) return this.refuse(upgrade, 'BAD_CREDENTIALS', 'there is no token')
    const verified = await verify(login.token)
    if (!verified.ok) {
      return this.refuse(upgrade, verified.isTemporary === true ? 'UNAVAILABLE' : 'BAD_CREDENTIALS', verified.reason)
    }
    const { device } = login
    if (device === undefined) return this.refuse(upgrade, 'BAD_CLIENT_IDENTITY', 'deviceType or deviceId is wrong')
    const { ok: _, ...of } = verified
    const identity: Identity = { ...of, device }
    const { userId } = identity
    const approved = (await this.options.approve?.(identity)) ?? 'allowed'
    if (approved !== 'allowed') return this.refuse(upgrade, approved === 'away' ? 'UNAVAILABLE' : 'THIRD_PARTY_REJECT')
    if (!(await admit(userId))) return this.refuse(upgrade, 'UNAVAILABLE')
    try {
      const refused = await open(identity, connectionId => {
        if (!this.opened(upgrade, { identity, subprotocol: login.subprotocol, connectionId }))
          ended(identity, connectionId)
      })
      if (refused !== undefined) this.refuse(upgrade, refused)
    } finally {
      unreserve(userId)
    }
  }

  /** Completes the handshake and hands the connection to the hub; false where there is nobody to open it for. */
  private opened(
    upgrade: Upgrade,
    { identity, subprotocol, connectionId }: { identity: Identity; subprotocol: Subprotocol; connectionId: string },
  ): boolean {
    const hub = this.options.hub()
    if (hub === undefined || !this.options.isOpen()) {
      this.refuse(upgrade, 'UNAVAILABLE')
      return false
    }
    return this.accept(upgrade, socket => {
      socket.hub = hub
      const client = new TcpClientSocket(socket, upgrade.stream)
      socket.connection = hub.open(identity, subprotocol, client, connectionId)
    })
  }

  /** Completes the handshake and closes: cheap, and the client learns why. */
  private refuse(upgrade: Upgrade, name: CloseName, detail?: string): void {
    this.accept(upgrade, socket => socket.close(CloseCode[name].code, closeReason(name, detail)))
  }

  private accept({ request, stream, head }: Upgrade, opened: (socket: GatewaySocket) => void): boolean {
    if (stream.destroyed) return false
    this.server.handleUpgrade(request, stream, head, socket => {
      socket.on('message', onMessage)
      socket.on('pong', onPong)
      socket.on('close', onClose)
      socket.on('error', onError)
      opened(socket)
    })
    return true
  }
}

interface Upgrade {
  request: IncomingMessage
  stream: Duplex
  head: Buffer
}

const WHY = {
  NotFound: { status: 404, detail: 'there is no WebSocket here; it is at /v1/ws' },
  NoSubprotocol: { status: 400, detail: 'offer the subprotocol packlog.v1.json or packlog.v1.avro' },
} as const satisfies Record<string, UpgradeRefusal>
