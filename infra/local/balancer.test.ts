import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemRandom } from '../clock.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { freePorts, HOST } from './ports.ts'

let balancer: Balancer | undefined
const servers: Server[] = []

afterEach(async () => {
  await balancer?.close()
  for (const server of servers.splice(0)) server.close()
})

/** Says its name, then gives back what it gets. */
function named(port: number, name: string): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.write(`${name} `)
    socket.pipe(socket)
  })
  servers.push(server)
  return new Promise(resolve => server.listen({ host: HOST, port }, () => resolve(server)))
}

/** Everything that comes until the text ends with `end` or the connection is over. */
function talk(port: number, say: string, end: string): Promise<string> {
  return new Promise(resolve => {
    const socket: Socket = connect({ host: HOST, port }, () => socket.write(say))
    let got = ''
    socket.on('error', () => {})
    socket.on('data', bytes => {
      got += bytes.toString()
      if (got.endsWith(end)) socket.end()
    })
    socket.on('close', () => resolve(got))
  })
}

test('[LS3] connections go to the gateways in turn, bytes both ways', async () => {
  const [port, a, b] = (await freePorts(3, systemRandom.next)) as [number, number, number]
  await named(a, 'a')
  await named(b, 'b')
  balancer = await startBalancer({ port, backends: [a, b] })
  const large = 'x'.repeat(200_000)
  expect(await talk(port, 'hello', 'hello')).toBe('a hello')
  expect(await talk(port, large, large)).toBe(`b ${large}`)
  expect(await talk(port, 'again', 'again')).toBe('a again')
})

test('[LS3] a gateway that is away is passed over; without any the connection ends', async () => {
  const [port, a, b] = (await freePorts(3, systemRandom.next)) as [number, number, number]
  balancer = await startBalancer({ port, backends: [a, b] })
  expect(await talk(port, 'hello', 'hello')).toBe('')
  await named(b, 'b')
  for (let i = 0; i < 3; i++) expect(await talk(port, 'hello', 'hello')).toBe('b hello')
})

test('[LS3] a port in use is said', async () => {
  const [port] = (await freePorts(1, systemRandom.next)) as [number]
  await named(port, 'other')
  await expect(startBalancer({ port, backends: [] })).rejects.toThrow('EADDRINUSE')
})
