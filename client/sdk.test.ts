import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bundleModule } from '../infra/bundle-module.ts'
import { systemClock } from '../infra/clock.ts'
import type { SessionId } from '../schemas/ids.ts'
import { openWsTransport } from './network/ws-transport.ts'
import * as sdk from './sdk.ts'
import { FakeGateway } from './testing/fake-gateway.ts'
import { serveFakeGateway } from './testing/fake-gateway-server.ts'

const CORE_GZIP_BYTES_MAX = 40_000
const entry = fileURLToPath(new URL('./sdk.ts', import.meta.url))

test('[SDK9] the guide is a chat, as it stands', async () => {
  const guide = readFileSync(new URL('../docs/sdk.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(guide)![1]!
  expect(code.split('\n').length).toBeLessThanOrEqual(50)
  const gateway = new FakeGateway(systemClock)
  const server = await serveFakeGateway(gateway)
  const printed: string[] = []
  let heard = () => {}
  const until = (line: string) =>
    new Promise<void>(resolve => {
      heard = () => printed.includes(line) && resolve()
      heard()
    })
  const print = (line: string) => {
    printed.push(line)
    heard()
  }
  async function* lines() {
    yield 'Hello'
    await until('# Hello is number 1')
    gateway.say('s:alice:bob' as SessionId, 'bob', 'Hi')
    await until('2 bob: Hi')
  }
  const values = {
    ...sdk,
    openWsTransport,
    url: server.url,
    token: 'alice',
    userId: 'alice',
    peer: 'bob',
    print,
    lines: lines(),
  }
  const body = code.replace(/^import .*$/gm, '')
  const AsyncFunction = (async () => {}).constructor as new (
    ...parts: string[]
  ) => (...args: unknown[]) => Promise<void>
  await new AsyncFunction(...Object.keys(values), `${body}\nawait messenger.close()`)(...Object.values(values))
  expect(printed.filter(line => !line.startsWith('#'))).toEqual(['1 alice: Hello', '2 bob: Hi'])
  await server.close()
})

test('[SDK9] the core is small, needs no platform, and leaves what is not used', async () => {
  const whole = await bundleModule(`export * from ${JSON.stringify(entry)}`)
  expect(gzipSync(whole).length).toBeLessThan(CORE_GZIP_BYTES_MAX)
  expect(whole).not.toMatch(/node:|require\(|\bBuffer\b|\bprocess\./)
  const small = await bundleModule(`export { singleSessionId } from ${JSON.stringify(entry)}`)
  expect(small.length).toBeLessThan(whole.length / 8)
}, 60_000)
