import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemRandom } from '../clock.ts'
import { freePorts, HOST, portInUse, requireFreePorts } from './ports.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach(close => void close()))

async function occupy(): Promise<number> {
  const [port = 0] = await freePorts(1, systemRandom.next)
  const server = createServer()
  closers.push(() => server.close())
  await new Promise<void>(resolve => server.listen(port, HOST, resolve))
  return port
}

test('a port in use is named together with its part, the variable and the flag', async () => {
  const port = await occupy()
  await expect(requireFreePorts({ redis: port })).rejects.toThrow(
    `port ${port} is in use; Redis needs it: set PACKLOG_REDIS_PORT or --redis-port to a free one`,
  )
})

test('all ports in use are named at once', async () => {
  const [kafka, http] = [await occupy(), await occupy()]
  const complaint = requireFreePorts({ kafka, http })
  await expect(complaint).rejects.toThrow(/PACKLOG_KAFKA_PORT/)
  await expect(complaint).rejects.toThrow(/PACKLOG_HTTP_PORT/)
})

test('free ports are different and nobody listens on them', async () => {
  const ports = await freePorts(5, systemRandom.next)
  expect(new Set(ports).size).toBe(5)
  for (const port of ports) expect(await portInUse(port)).toBe(false)
})
