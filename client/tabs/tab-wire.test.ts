import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { Messenger } from '../logic/messenger.ts'
import { Client } from '../network/client.ts'
import { MemoryStore } from '../storage/memory-store.ts'
import { FakeGateway, notRandom } from '../testing/fake-gateway.ts'
import { type TabChannel, TabWire, type TabWireOptions } from './tab-wire.ts'

const AB = 's:alice:bob' as SessionId

/** What a browser gives its tabs: channels by name, and a lock that goes to the next in line. */
class FakeBrowser {
  private readonly channels = new Set<TabChannel>()
  private readonly line: (() => Promise<void>)[] = []
  private isHeld = false

  readonly openChannel = (): TabChannel => {
    const channel: TabChannel = {
      onmessage: null,
      postMessage: data => {
        const text = JSON.stringify(data)
        for (const other of this.channels) {
          if (other !== channel) queueMicrotask(() => other.onmessage?.({ data: JSON.parse(text) } as MessageEvent))
        }
      },
      close: () => this.channels.delete(channel),
    }
    this.channels.add(channel)
    return channel
  }

  readonly locks = {
    request: (_name: string, task: () => Promise<void>) => {
      this.line.push(task)
      if (!this.isHeld) void this.next()
    },
  } as unknown as NonNullable<TabWireOptions['locks']>

  private async next(): Promise<void> {
    this.isHeld = true
    for (let task = this.line.shift(); task !== undefined; task = this.line.shift()) await task()
    this.isHeld = false
  }
}

function scene() {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  const browser = new FakeBrowser()
  const store = new MemoryStore()
  const options = { url: 'ws://fake/ws', token: 'alice', deviceType: 'web', deviceId: 'alice-1' } as const
  const makeClient = () => new Client({ ...options, open: gateway.open, clock, random: notRandom })
  const tab = async () => {
    const wire = new TabWire({ name: 'alice', makeClient, clock, random: notRandom, ...browser })
    const messenger = new Messenger({ userId: 'alice' as UserId, wire, store, clock, random: notRandom })
    await messenger.start()
    await clock.pass(100)
    await messenger.settled()
    return { wire, messenger }
  }
  return { clock, gateway, tab }
}

const text = (words: string) => ({ kind: 'Text', text: words }) as const

function texts(messenger: Messenger): string[] {
  return messenger.open(AB).view.events.flatMap(({ body }) => {
    return body.kind === 'MessageAccepted' && body.content.kind === 'Text' ? [body.content.text] : []
  })
}

test('[SDK10] two tabs are one connection and see the same', async () => {
  const { clock, gateway, tab } = scene()
  const [first, second] = [await tab(), await tab()]
  expect(gateway.connections).toHaveLength(1)
  for (const { messenger } of [first, second]) messenger.open(AB)
  const { answer } = second.messenger.send(AB, text('from the second'))
  gateway.say(AB, 'bob', 'hello both')
  await clock.pass(1_000)
  expect(await answer).toMatchObject({ kind: 'Accepted' })
  expect(texts(first.messenger)).toEqual(texts(second.messenger))
  expect(texts(first.messenger)).toHaveLength(2)
  expect(await second.messenger.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
})

test('[SDK41] a tab that wakes wakes the connection of the one that leads', async () => {
  const { clock, gateway, tab } = scene()
  const [first, second] = [await tab(), await tab()]
  gateway.up = false
  gateway.dropAll()
  await clock.pass(60_000)
  expect(first.messenger.phase.kind).toBe('Waiting')
  gateway.up = true
  second.messenger.wake()
  await clock.pass(10)
  expect(second.messenger.phase.kind).toBe('Live')
})

test('[SDK10] when the leading tab ends another takes over, and nothing is lost or done twice', async () => {
  const { clock, gateway, tab } = scene()
  const [first, second] = [await tab(), await tab()]
  second.messenger.open(AB)
  // The leader takes the pack, and ends before it has said what became of it.
  gateway.intercept = frame => frame.type === 'send'
  const { answer } = second.messenger.send(AB, text('under way'))
  await clock.pass(100)
  gateway.intercept = () => false
  first.wire.close()
  await clock.pass(2_000)
  expect(second.wire.isKeeper).toBe(true)
  expect(second.messenger.phase.kind).toBe('Live')
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  gateway.say(AB, 'bob', 'heard')
  await clock.pass(100)
  await second.messenger.settled()
  expect(texts(second.messenger)).toEqual(['under way', 'heard'])
  expect(gateway.timelines.get(AB)).toHaveLength(2)
  expect(gateway.connections).toHaveLength(1)
})
