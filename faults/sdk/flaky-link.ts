import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock, Millis } from '../../infra/clock.ts'
import { HOST } from '../../infra/local/ports.ts'

/**
 * A TCP address that leads to one of several servers over a line that breaks on request. What came through until then
 * has come through; what is held comes later, in order; what is on a line that went silent never comes, and neither
 * end is told.
 */
export class FlakyLink {
  /** Connections that were made. */
  connections = 0
  private isDown = false
  private readonly lines = new Set<Line>()
  private readonly ports: readonly number[]
  private readonly server: Server
  private readonly clock: Clock

  private constructor(ports: readonly number[], clock: Clock) {
    this.ports = ports
    this.clock = clock
    this.server = createServer({ noDelay: true }, client => this.take(client))
  }

  /** Listens on a free port; each connection goes to the next of the gateways' ports. */
  static async open(ports: readonly number[], clock: Clock): Promise<FlakyLink> {
    const link = new FlakyLink(ports, clock)
    await new Promise<void>((resolve, reject) => {
      link.server.once('error', reject)
      link.server.listen({ host: HOST, port: 0 }, resolve)
    })
    return link
  }

  /** Something is connected, and what is sent comes through. */
  get isWhole(): boolean {
    return [...this.lines].some(line => line.isWhole)
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Breaks what is connected; both ends are told. */
  cut(): void {
    for (const line of this.lines) line.cut()
  }

  /** Breaks it, and takes no connection for a while, or until `up`. */
  down(forMs?: Millis): void {
    this.isDown = true
    this.cut()
    if (forMs !== undefined) this.clock.schedule(forMs, () => this.up())
  }

  /** What is sent from now on arrives together, after a while. */
  delay(forMs: Millis): void {
    for (const line of this.lines) line.hold(forMs)
  }

  /** Half-open: what is connected stays so and carries nothing any more. */
  silence(): void {
    for (const line of this.lines) line.isSilent = true
  }

  up(): void {
    this.isDown = false
  }

  async close(): Promise<void> {
    this.isDown = true
    this.cut()
    await new Promise(resolve => this.server.close(resolve))
  }

  private take(client: Socket): void {
    client.on('error', () => {})
    if (this.isDown) return void client.destroy()
    const port = this.ports[this.connections++ % this.ports.length]!
    const gateway = connect({ host: HOST, port, noDelay: true })
    const line = new Line(client, gateway, this.clock)
    this.lines.add(line)
    // A silent line stays with the gateway until that finds out by itself, as it would.
    client.on('close', () => line.isSilent || this.lines.delete(line))
    gateway.on('close', () => this.lines.delete(line))
  }
}

/** One connection, both ways. */
class Line {
  isSilent = false
  private held: (() => void)[] | undefined
  private readonly ends: readonly [Socket, Socket]
  private readonly clock: Clock

  constructor(client: Socket, gateway: Socket, clock: Clock) {
    this.ends = [client, gateway]
    this.clock = clock
    this.carry(client, gateway)
    this.carry(gateway, client)
  }

  get isWhole(): boolean {
    return !this.isSilent && this.held === undefined
  }

  cut(): void {
    for (const end of this.ends) end.destroy()
  }

  hold(forMs: Millis): void {
    if (this.held !== undefined) return
    this.held = []
    this.clock.schedule(forMs, () => {
      const held = this.held ?? []
      this.held = undefined
      for (const act of held) this.perform(act)
    })
  }

  private carry(from: Socket, to: Socket): void {
    from.on('error', () => {})
    from.on('data', bytes => this.perform(() => to.write(bytes)))
    from.on('close', () => this.perform(() => to.destroySoon()))
  }

  private perform(act: () => void): void {
    if (this.isSilent) return
    if (this.held === undefined) act()
    else this.held.push(act)
  }
}
