import { WebSocket } from 'ws'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { ClientFrame, ServerFrame } from '../../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame } from '../../schemas/frames-avro.ts'
import { makePackId, type PackId, type SessionId } from '../../schemas/ids.ts'
import type { DeviceTypeName } from '../../schemas/pack.ts'

/** A connection that does nothing by itself: what a foreign client sees of the protocol. */
export class RawClient {
  readonly frames: ServerFrame[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  private readonly socket: WebSocket
  private readonly waiters = new Set<() => void>()

  constructor(options: {
    wsUrl: string
    token: string
    deviceId: string
    deviceType?: DeviceTypeName
    subprotocol: 'json' | 'avro'
  }) {
    const { wsUrl, token, deviceId, deviceType = 'linux', subprotocol } = options
    const url = `${wsUrl}?deviceType=${deviceType}&deviceId=${deviceId}`
    const headers = { authorization: `Bearer ${token}` }
    this.socket = new WebSocket(url, [`packlog.v1.${subprotocol}`], { headers })
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.frames.push(isBinary ? decodeServerFrame(data) : (JSON.parse(data.toString()) as ServerFrame))
      for (const look of this.waiters) look()
    })
    this.socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  send(frame: ClientFrame): void {
    this.socket.send(this.socket.protocol === 'packlog.v1.avro' ? encodeClientFrame(frame) : JSON.stringify(frame))
  }

  sendRaw(text: string): void {
    this.socket.send(text)
  }

  say(sessionId: SessionId, text: string): PackId {
    const packId = makePackId(systemClock.now(), systemRandom.bytes(10))
    this.send({ type: 'send', packId, sessionId, flags: 4, content: { kind: 'Text', text } })
    return packId
  }

  of<Type extends ServerFrame['type']>(type: Type): Extract<ServerFrame, { type: Type }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: Type }> => frame.type === type)
  }

  /** Seqs that came as events of the session, in the order in which they came. */
  seqs(sessionId: SessionId): number[] {
    return this.of('event')
      .filter(frame => frame.sessionId === sessionId)
      .map(({ seq }) => seq)
  }

  /** Resolves when the condition holds; it is looked at with every frame. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise(resolve => {
      const look = () => {
        if (!condition()) return
        this.waiters.delete(look)
        resolve()
      }
      this.waiters.add(look)
    })
  }

  drop(): void {
    this.socket.terminate()
  }
}
