import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { bundleModule } from '../infra/bundle-module.ts'
import { systemClock } from '../infra/clock.ts'
import { FakeGateway } from './testing/fake-gateway.ts'
import { serveFakeGateway } from './testing/fake-gateway-server.ts'

const source = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)))

/** As React Native's: it reads addresses, and cannot set parameters. */
class NativeUrl {
  readonly href: string
  readonly searchParams = {
    set: () => {
      throw new Error('URLSearchParams.set is not implemented')
    },
  }

  constructor(href: string) {
    this.href = href
  }
}

/** What every React Native app has, and `crypto.getRandomValues` of npm `react-native-get-random-values`. */
function nativeGlobals(): Record<string, unknown> {
  return {
    WebSocket,
    URL: NativeUrl,
    console,
    setTimeout,
    clearTimeout,
    queueMicrotask,
    performance: { now: () => systemClock.monotonic() },
    crypto: { getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes) },
  }
}

test('[SDK9] the bundle connects, sends and receives with what React Native has', async () => {
  const code = await bundleModule(
    `export * from ${source('./sdk.ts')}; export { openBrowserTransport } from ${source('./browser.ts')}`,
    'cjs',
  )
  const gateway = new FakeGateway(systemClock)
  const server = await serveFakeGateway(gateway)
  try {
    const context = createContext({ ...nativeGlobals(), exports: {}, url: server.url })
    runInContext(code, context)
    const said = (await runInContext(
      `(async () => {
        const { Client, MemoryStore, Messenger, openBrowserTransport, portableClock, portableRandom } = exports
        const common = { clock: portableClock, random: portableRandom }
        const options = { url, token: 'alice', deviceType: 'android', deviceId: 'a phone', open: openBrowserTransport }
        const wire = new Client({ ...options, ...common })
        const alice = new Messenger({ userId: 'alice', wire, store: new MemoryStore(), ...common })
        await alice.start()
        const sessionId = 's:alice:bob'
        const texts = []
        const heard = new Promise(resolve => alice.on('event', ({ from, body }) => {
          texts.push(from + ': ' + body.content.text)
          if (from === 'bob') resolve()
        }))
        const { seq } = await alice.send(sessionId, { kind: 'Text', text: 'Hello' }).answer
        onSent()
        await heard
        await alice.close()
        return JSON.stringify({ seq, texts })
      })()`,
      Object.assign(context, { onSent: () => gateway.say('s:alice:bob' as never, 'bob', 'Hi') }),
    )) as string
    expect(JSON.parse(said)).toEqual({ seq: 1, texts: ['alice: Hello', 'bob: Hi'] })
  } finally {
    await server.close()
  }
}, 60_000)
