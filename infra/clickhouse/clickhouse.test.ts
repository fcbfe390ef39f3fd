import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { connectClickHouse, quoteName } from './clickhouse.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server that answers every request like this; gives its URL. */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer as never)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function refusals(url: string): Promise<string[]> {
  const clickhouse = connectClickHouse({ url, database: 'x', requestTimeoutMs: 100 })
  const insert = { table: 't', columns: ['a'], body: Buffer.alloc(10), token: 't' }
  const results = await Promise.allSettled([
    clickhouse.command('SELECT 1'),
    clickhouse.rows('SELECT 1'),
    clickhouse.insertBinary(insert),
  ])
  await clickhouse.close()
  return results.map(result => (result.status === 'rejected' ? String(result.reason.message) : 'resolved'))
}

test('[AR13] a server that is away is a rejection', async () => {
  const url = await serve(() => {})
  servers[0]!.close()
  for (const reason of await refusals(url)) expect(reason).toContain('ECONNREFUSED')
})

test('[AR13] a server that says nothing is a rejection after the time limit', async () => {
  const url = await serve(() => {})
  for (const reason of await refusals(url)) expect(reason).toContain('Timeout')
})

test('[AR13] what the server refuses is a rejection with its reason', async () => {
  const url = await serve((request, response) => {
    request.resume()
    request.on('end', () => {
      response.writeHead(500, { 'X-ClickHouse-Exception-Code': '60' })
      response.end("Code: 60. DB::Exception: Table x.t doesn't exist. (UNKNOWN_TABLE) (version 1)")
    })
  })
  for (const reason of await refusals(url)) expect(reason).toContain("Table x.t doesn't exist")
})

test('[AR13] names are quoted', () => {
  expect(quoteName('from')).toBe('`from`')
  expect(quoteName('a`b\\c')).toBe('`a\\`b\\\\c`')
})
