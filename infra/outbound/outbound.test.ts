import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { makeOutbound, type Outbound, OutboundFailed, type OutboundOptions } from './outbound.ts'

const LOCAL = ['127.0.0.0/8']

function outbound(options: Partial<OutboundOptions> = {}): Outbound {
  const made = makeOutbound({ clock: systemClock, allowedNetworks: LOCAL, ...options })
  onTestFinished(() => made.close())
  return made
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const post = (caller: Outbound, url: string, { limitMs = 5_000, answerBytesMax = 100 } = {}) =>
  caller.post({ url, headers: { 'content-type': 'application/json' }, body: '{"a":"é"}', limitMs, answerBytesMax })

/** Why there was no answer. */
const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'an answer',
    error => (error instanceof OutboundFailed ? error.reason : error),
  )

test('[WH8] a body arrives whole, and any status is an answer', async () => {
  const port = await listen((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    request.on('end', () => response.writeHead(418).end(`${request.method} ${body}`))
  })
  const caller = outbound()
  const answer = await post(caller, `http://127.0.0.1:${port}/hook?x=1`)
  expect(answer.status).toBe(418)
  expect(answer.body.toString()).toBe('POST {"a":"é"}')
})

test('[WH8] a redirect is an answer and is not followed', async () => {
  let asked = 0
  const port = await listen((_request, response) => {
    asked++
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect((await post(outbound(), `http://127.0.0.1:${port}/`)).status).toBe(302)
  expect(asked).toBe(1)
})

test('[WH8] private addresses are refused in every spelling, and nobody is called', async () => {
  let asked = 0
  const port = await listen((_request, response) => {
    asked++
    response.end()
  })
  const caller = outbound({ allowedNetworks: [] })
  for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '017700000001', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]']) {
    for (const scheme of ['http', 'https']) {
      expect(await reasonOf(post(caller, `${scheme}://${host}:${port}/`))).toBe('ADDRESS_REFUSED')
    }
  }
  expect(await reasonOf(post(caller, `https://localhost:${port}/`))).toBe('ADDRESS_REFUSED')
  expect(asked).toBe(0)
})

test('[WH8] a name is refused for one private address among others, and is resolved once per connection', async () => {
  const resolved: string[] = []
  const answers = [
    [
      { address: '8.8.8.8', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ],
  ]
  const caller = outbound({
    allowedNetworks: [],
    resolve: async name => {
      resolved.push(name)
      return answers[0]!
    },
  })
  expect(await reasonOf(post(caller, 'https://two.example/'))).toBe('ADDRESS_REFUSED')
  expect(resolved).toEqual(['two.example'])
})

test('[WH8] the connection goes to the address that was checked, whatever the name says the next time', async () => {
  const port = await listen((request, response) => response.end(request.headers.host))
  let times = 0
  const rebinding = async () => [{ address: times++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
  const caller = outbound({ resolve: rebinding })
  const answer = await post(caller, `http://rebinding.example:${port}/`)
  expect(answer.body.toString()).toBe(`rebinding.example:${port}`)
  expect(times).toBe(1)
})

test('[WH8] plain http goes to allowed addresses only', async () => {
  const caller = outbound({ allowedNetworks: [], resolve: async () => [{ address: '8.8.8.8', family: 4 }] })
  expect(await reasonOf(post(caller, 'http://plain.example/'))).toBe('ADDRESS_REFUSED')
})

test('[WH8] what is silent, answers drop by drop, breaks off or says too much ends as what it is', async () => {
  const silent = await listen(() => {})
  expect(await reasonOf(post(outbound(), `http://127.0.0.1:${silent}/`, { limitMs: 50 }))).toBe('TIMEOUT')
  const dripping = await listen((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('x')
  })
  expect(await reasonOf(post(outbound(), `http://127.0.0.1:${dripping}/`, { limitMs: 50 }))).toBe('TIMEOUT')
  const half = await listen((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('x', () => response.socket?.destroy())
  })
  expect(await reasonOf(post(outbound(), `http://127.0.0.1:${half}/`))).toBe('UNREACHABLE')
  const talkative = await listen((_request, response) => response.end('x'.repeat(101)))
  expect(await reasonOf(post(outbound(), `http://127.0.0.1:${talkative}/`))).toBe('ANSWER_TOO_LARGE')
  const garbage = createSocketServer(socket => socket.end('this is no HTTP\r\n\r\n'))
  await new Promise<void>(resolve => garbage.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void garbage.close())
  const { port } = garbage.address() as AddressInfo
  expect(await reasonOf(post(outbound(), `http://127.0.0.1:${port}/`))).toBe('UNREACHABLE')
  garbage.close()
  expect(await reasonOf(post(outbound(), 'http://127.0.0.1:1/'))).toBe('UNREACHABLE')
})
