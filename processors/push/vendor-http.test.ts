import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { type VendorHttp, vendorHttp } from './vendor-http.ts'

const IDLE_MS = 50
let server: Server
let http: VendorHttp
let connections = 0
let open = 0

afterEach(() => {
  http.close()
  server.close()
  server.closeAllConnections()
})

/** A server that leaves no connection by itself. */
async function start(answer: (response: ServerResponse) => void): Promise<() => Promise<{ status: number }>> {
  connections = 0
  open = 0
  server = createServer((_, response) => answer(response))
  server.keepAliveTimeout = 0
  server.on('connection', socket => {
    connections++
    open++
    socket.on('close', () => open--)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  http = vendorHttp({ clock: systemClock, idleMsMax: IDLE_MS })
  return () => http.post({ url: `http://127.0.0.1:${port}/`, body: '' })
}

test('[PU61] a connection is kept for the next call, and left when nothing goes over it', async () => {
  const call = await start(response => response.end())
  await call()
  await call()
  expect([connections, open]).toEqual([1, 1])
  await expect.poll(() => open).toBe(0)
  expect(await call()).toMatchObject({ status: 200 })
})

test('[PU61] a call that takes longer than that is waited for', async () => {
  const call = await start(response => systemClock.schedule(4 * IDLE_MS, () => response.end()))
  await call()
  expect(await call()).toMatchObject({ status: 200 })
})
