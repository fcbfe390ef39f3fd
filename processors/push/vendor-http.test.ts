import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { IDLE_MS_MAX, vendorHttp } from './vendor-http.ts'

/** A server that leaves no connection by itself. */
let server: Server
let connections = 0

beforeAll(async () => {
  server = createServer((_, response) => response.end())
  server.keepAliveTimeout = 0
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

test('[PU61] a connection is kept from call to call, and not used again once nothing went over it for long', async () => {
  const clock = new VirtualClock()
  const http = vendorHttp({ clock })
  const { port } = server.address() as AddressInfo
  const call = () => http.post({ url: `http://127.0.0.1:${port}/`, body: '' })
  for (let calls = 0; calls < 3; calls++) {
    expect(await call()).toMatchObject({ status: 200 })
    await clock.pass(IDLE_MS_MAX)
  }
  expect(connections).toBe(1)
  await clock.pass(1)
  expect(await call()).toMatchObject({ status: 200 })
  expect(connections).toBe(2)
  http.close()
})
