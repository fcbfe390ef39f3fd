import { connect, createServer, type Socket } from 'node:net'
import { HOST } from './ports.ts'

/**
 * One address for several gateways on one machine: each connection goes, as it is, to the next of them that takes it.
 * A gateway that is away is passed over; whoever was connected to it reconnects here and comes to another. Production
 * has a load balancer of its own for this.
 */
export interface Balancer {
  /** Takes no connection any more and ends those that are left. */
  close(): Promise<void>
}

/** Listens on `port`; `backends` are the ports of the gateways. Rejects when the port cannot be listened on. */
export async function startBalancer({ port, backends }: { port: number; backends: readonly number[] }) {
  const open = new Set<Socket>()
  let next = 0
  const server = createServer({ pauseOnConnect: true, noDelay: true }, client => {
    const turn = next++
    const inTurn = backends.map((_, index) => backends[(turn + index) % backends.length]!)
    track(open, client)
    void handOver(client, inTurn, open)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: HOST, port }, resolve)
  })
  return {
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  } satisfies Balancer
}

async function handOver(client: Socket, backends: readonly number[], open: Set<Socket>): Promise<void> {
  for (const port of backends) {
    const gateway = await reach(port)
    if (gateway === undefined) continue
    track(open, gateway)
    bind(client, gateway)
    return
  }
  client.destroy()
}

/** A connection to a gateway; undefined when it takes none. */
function reach(port: number): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect({ host: HOST, port, noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

/** What comes from one goes to the other, and they end together. */
function bind(client: Socket, gateway: Socket): void {
  client.on('close', () => gateway.destroy())
  gateway.on('close', () => client.destroySoon())
  if (client.destroyed) gateway.destroy()
  client.pipe(gateway)
  gateway.pipe(client)
}

/** A connection that breaks says so by `close`. */
function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => open.delete(socket))
}
