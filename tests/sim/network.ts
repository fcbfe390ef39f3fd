import { Opcode, WebSocketReader } from '../../bench/websocket-reader.ts'
import type { OpenTransport, Transport, TransportEnd, TransportEvents } from '../../client/network/transport.ts'
import type { GatewayCore } from '../../gateway/core.ts'
import { CLOSE_MS_MAX } from '../../gateway/limits.ts'
import type { ClientConnection } from '../../gateway/ws/client-connection.ts'
import type { ClientSocket } from '../../gateway/ws/socket.ts'
import type { Millis } from '../../infra/clock.ts'
import { CloseCode, type CloseName, closeReason } from '../../schemas/close-codes.ts'
import type { ClientFrame } from '../../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame } from '../../schemas/frames-avro.ts'
import type { Device } from './device.ts'
import type { Host, Running } from './host.ts'
import type { World } from './world.ts'

/** A gateway as the network knows it. */
export interface RunningGateway extends Running {
  core: GatewayCore
}

/** Until both ends of a broken connection have noticed it. */
const NOTICE_MS_MAX = 3_000
/** How long a slow reader takes nothing. */
const SLOW_MS_MAX = 3_000
/** How long a frozen one does not move at all: longer than the heartbeat. */
const FROZEN_MS_MAX = 20_000

/** All connections between devices and gateways. */
export class Network {
  readonly connections = new Set<Connection>()
  private readonly world: World
  private numbers = 0

  constructor(world: World) {
    this.world = world
  }

  /** The way of one device to some gateway. */
  openFor(device: Device): OpenTransport {
    return (_request, events) => {
      const host = this.world.random.pick(this.world.gateways)
      const connection = new Connection(this.world, { number: ++this.numbers, host, device, events })
      this.connections.add(connection)
      device.witness.opened(connection.number, host)
      connection.connect()
      return connection
    }
  }

  /** A connection that is up; undefined when there is none. */
  pick(): Connection | undefined {
    const open = [...this.connections].filter(connection => connection.isOpen)
    return open.length === 0 ? undefined : this.world.random.pick(open)
  }

  /** The process at the other end has died: the kernel says so to everyone. */
  gatewayGone(host: Host<RunningGateway>): void {
    for (const connection of this.connections) if (connection.host === host) connection.breakOff('the gateway is gone')
  }
}

/**
 * One connection, both ends of it: the client's transport and the gateway's socket. Each direction keeps its order and
 * takes its time. What the gateway writes fills a window; when it is full the socket takes no more until some is read.
 */
export class Connection implements Transport, ClientSocket {
  readonly number: number
  readonly host: Host<RunningGateway>
  private readonly world: World
  private readonly device: Device
  private readonly events: TransportEvents
  private readonly isAvro: boolean
  private readonly windowBytes: number
  private readonly reader = new WebSocketReader((opcode, payload) => this.receive(opcode, payload))
  /** The gateway's side, once the login is through. */
  private server: ClientConnection | undefined
  private core: GatewayCore | undefined
  private phase: 'Open' | 'Broken' = 'Open'
  private hasEnded = false
  private isServerGone = false
  private readonly up: Pipe
  private readonly down: Pipe
  private inFlight = 0
  private isFull = false

  constructor(
    world: World,
    options: { number: number; host: Host<RunningGateway>; device: Device; events: TransportEvents },
  ) {
    this.world = world
    this.number = options.number
    this.host = options.host
    this.device = options.device
    this.events = options.events
    this.up = new Pipe(world)
    this.down = new Pipe(world)
    this.isAvro = world.random.chance(0.2)
    this.windowBytes = world.random.pick([1_000, 8_000, 64_000])
  }

  get isOpen(): boolean {
    return this.phase === 'Open' && this.server !== undefined
  }

  /** True while frames wait in a connection that stands still. */
  get isStill(): boolean {
    return this.phase === 'Open' && (this.up.isStill || this.down.isStill)
  }

  isOf(device: Device): boolean {
    return this.device === device && this.isOpen
  }

  /** Begins the login at the gateway. */
  connect(): void {
    this.upstream(() => {
      const { running } = this.host
      if (running === undefined) return this.breakOff('nobody listens')
      this.login(running.core).catch(error => this.world.processFailed(this.host.name, error))
    })
  }

  /** As gateway/ws/server.ts does it. */
  private async login(core: GatewayCore): Promise<void> {
    const { user, id } = this.device
    if (!core.isOpen) return this.refuse('UNAVAILABLE')
    if (!(await core.admit(user))) return this.refuse('UNAVAILABLE')
    try {
      if (!core.isOpen || core.hub === undefined) return this.refuse('UNAVAILABLE')
      if (this.phase !== 'Open' || this.isServerGone) return
      const identity = { userId: user, device: { type: this.device.type, id } }
      this.core = core
      const refused = await core.login(identity, connectionId => {
        if (core.hub === undefined || !core.isOpen || this.phase !== 'Open' || this.isServerGone) {
          core.ended(identity, connectionId)
          this.refuse('UNAVAILABLE')
          return
        }
        this.server = core.hub.open(identity, this.isAvro ? 'avro' : 'json', this, connectionId)
      })
      if (refused !== undefined) this.refuse(refused)
    } finally {
      core.unreserve(user)
    }
  }

  private refuse(name: CloseName): void {
    this.close(CloseCode[name].code, closeReason(name))
  }

  // The client's end.

  send(text: string): void {
    if (this.phase !== 'Open' || this.hasEnded) return
    const frame = JSON.parse(text) as ClientFrame
    this.device.witness.sent(this.number, frame)
    const early = this.world.alterations.early(frame, this.world)
    if (early !== undefined) this.down.add(() => this.heard(JSON.stringify(early)))
    const data = this.isAvro ? encodeClientFrame(frame) : Buffer.from(text)
    this.upstream(() => {
      if (this.server !== undefined) this.core?.hub?.received(this.server, data, this.isAvro)
    })
  }

  /** Something travels to the gateway; it is lost when the connection breaks before it is there. */
  private upstream(task: () => void): void {
    const { life } = this.host
    this.up.add(() => {
      if (this.phase === 'Open' && !this.isServerGone) life.run(task)
    })
  }

  terminate(): void {
    // The gateway cuts it, or the client; either way both ends are told.
    this.breakOff('terminated')
  }

  private receive(opcode: number, payload: Buffer): void {
    switch (opcode) {
      case Opcode.TEXT:
        this.heard(payload.toString())
        return
      case Opcode.BINARY:
        this.heard(JSON.stringify(decodeServerFrame(payload)))
        return
      case Opcode.PING:
        this.upstream(() => this.server?.state.heard())
    }
  }

  private heard(text: string): void {
    if (this.hasEnded) return
    this.device.witness.received(this.number, JSON.parse(text))
    this.events.received(text)
  }

  // The gateway's end.

  write(bytes: Buffer): boolean {
    if (!this.host.life.isAlive) return true
    this.world.expectLimit('bytes of one write', bytes.length, this.world.limits.writeBytes)
    for (const sent of this.world.alterations.write(bytes, this.world)) this.putDown(Buffer.from(sent))
    this.isFull = this.inFlight > this.windowBytes
    return !this.isFull
  }

  private putDown(bytes: Buffer): void {
    this.inFlight += bytes.length
    this.down.add(() => {
      this.inFlight -= bytes.length
      if (this.phase === 'Open') this.reader.push(bytes)
      this.tellDrained()
    })
  }

  private tellDrained(): void {
    if (!this.isFull || this.inFlight > this.windowBytes / 2) return
    this.isFull = false
    this.host.life.run(() => this.server?.drained())
  }

  /** Both ends may close: the client with its code, the gateway behind what it wrote. */
  close(code: number, reason: string): void {
    this.down.add(() => {
      if (this.phase === 'Open') this.end({ code, reason })
      this.breakOff('closed')
    })
    this.world.clock.schedule(CLOSE_MS_MAX, () => this.breakOff('the closing handshake took too long'))
  }

  // What goes wrong.

  /** Everything on its way is lost; both ends notice, each in its time. */
  breakOff(why: string): void {
    if (this.phase === 'Broken') return
    this.phase = 'Broken'
    const { clock, random, network } = this.world
    this.world.note(`connection ${this.number} of ${this.device.name} to ${this.host.name} is over: ${why}`)
    clock.schedule(random.next() * this.world.options.latencyMsMax, () => {
      this.end({ code: 1006, reason: why })
      network.connections.delete(this)
    })
    const { life } = this.host
    clock.schedule(random.next() * NOTICE_MS_MAX, () =>
      life.run(() => {
        this.isServerGone = true
        if (this.server !== undefined) this.core?.hub?.closed(this.server)
      }),
    )
  }

  /** For a while everything that is sent either way disappears; then the connection breaks. */
  loseFrames(): void {
    const { clock, random } = this.world
    this.stopBoth(NOTICE_MS_MAX)
    clock.schedule(random.next() * NOTICE_MS_MAX, () => this.breakOff('frames were lost'))
  }

  readSlowly(): void {
    this.down.stop(this.world.random.next() * SLOW_MS_MAX)
  }

  freeze(): void {
    this.stopBoth(this.world.random.next() * FROZEN_MS_MAX)
  }

  private stopBoth(ms: Millis): void {
    this.down.stop(ms)
    this.up.stop(ms)
  }

  private end(end: TransportEnd): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.device.witness.ended(this.number, end)
    this.events.ended(end)
  }
}

/** One direction: what goes in comes out later, in order. */
class Pipe {
  private readonly waiting: { at: Millis; task: () => void }[] = []
  private lastAt: Millis = 0
  private stoppedUntil: Millis = 0
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  add(task: () => void): void {
    const now = this.world.clock.monotonic()
    this.lastAt = Math.max(this.lastAt, now + this.world.delay())
    this.waiting.push({ at: this.lastAt, task })
    this.world.clock.schedule(this.lastAt - now, () => this.flow())
  }

  /** True while something waits because nothing comes out. */
  get isStill(): boolean {
    return this.waiting.length > 0 && this.world.clock.monotonic() < this.stoppedUntil
  }

  /** Nothing comes out for a while. */
  stop(forMs: Millis): void {
    this.stoppedUntil = Math.max(this.stoppedUntil, this.world.clock.monotonic() + forMs)
    this.world.clock.schedule(this.stoppedUntil - this.world.clock.monotonic(), () => this.flow())
  }

  private flow(): void {
    // A timer's time is a sum of fractions: it may miss what it was set for by the last bit.
    const now = this.world.clock.monotonic() + 0.001
    while (now >= this.stoppedUntil && this.waiting.length > 0 && this.waiting[0]!.at <= now) {
      this.waiting.shift()!.task()
    }
  }
}
