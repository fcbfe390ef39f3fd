import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { systemClock } from '../../infra/clock.ts'
import { FakeWorld, type Shown } from '../../infra/local/push-fakes/fake.ts'
import { plainFakes } from '../../infra/local/push-fakes/plain-fakes.ts'
import { report } from '../../infra/local/push-fakes/reports.ts'
import { type FakeServer, startFakeServer } from '../../infra/local/push-fakes/server.ts'
import type { SessionSummary } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { singleSessionId, userSessionId } from '../../schemas/ids.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { Device } from './device.ts'

/** Stories about push, through the public protocol and the fakes of the vendors only. */

const SECRET = 'a secret of this test'
const APP = { serviceType: 9, packageName: 'com.example.chat', appVersion: '1' }
/** Stands in the file before the gateway's port is known. */
const GATEWAY = 'http://gateway.invalid'
const SHOWN_MS_MAX = 90_000
vi.setConfig({ testTimeout: 180_000 })
const text = (words: string) => ({ kind: 'Text', text: words }) as const

let product: TestProduct
let fakes: FakeServer
let folder: string
const world = new FakeWorld()
const devices: Device[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-push-'))
  const plain = plainFakes(world, 'of this test')
  fakes = await startFakeServer(world, plain.fakes)
  const file = join(folder, 'push.json')
  const { https, xiaomi } = plain.credentials(fakes.url)
  const receipts = { url: GATEWAY, secret: { env: 'PUSH_TEST_SECRET' } }
  await writeFile(file, JSON.stringify({ receipts, apps: { 'com.example.chat': { https, xiaomi } } }))
  const files = { PACKLOG_PUSH_FILE: file, PUSH_TEST_SECRET: SECRET }
  product = await startProduct({ together: true, env: files })
  await product.add('push', ['push'], {
    PACKLOG_PUSH_OFFLINE_SECONDS: '0.3',
    // Longer than a busy machine takes to tell that a message is there.
    PACKLOG_PUSH_ACK_SECONDS: '6',
  })
}, 300_000)

afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})

afterAll(async () => {
  await product?.stop()
  await fakes?.close()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

const person = (name: string) => `${name}-${randomUUID().slice(0, 8)}` as UserId

type Someone = Device & { userId: UserId }

async function connect(userId: UserId, deviceId = 'phone', subprotocol: 'json' | 'avro' = 'json'): Promise<Someone> {
  const device = Object.assign(await Device.connect(product, userId, { deviceId, subprotocol }), { userId })
  devices.push(device)
  return device
}

/** A user whose phones are registered and off. */
async function away(name: string, phones = ['phone']): Promise<UserId> {
  const user = person(name)
  for (const phone of phones) {
    const device = await connect(user, phone)
    expect(await device.outcome({ type: 'registerDevice', ...APP, token: `${user}/${phone}` })).toBe('ack')
    device.drop()
  }
  return user
}

async function send(from: Device, sessionId: SessionId, words: string) {
  const answer = await from.pack({ type: 'send', sessionId, flags: 4, content: text(words) })
  if (answer.type !== 'ack') throw new Error(`${words}: ${answer.name}`)
  return answer
}

/** What a phone shows, once it is as many. */
async function shown(token: string, fits: (all: Shown[]) => boolean): Promise<Shown[]> {
  const limit = systemClock.monotonic() + SHOWN_MS_MAX
  while (!fits(world.of(token))) {
    if (systemClock.monotonic() > limit) throw new Error(`${token} shows ${JSON.stringify(world.of(token))}`)
    await pause()
  }
  return world.of(token)
}

/** Until the list of a user's sessions, which push asks as well, has what fits. */
async function untilListed(
  device: Device,
  sessionId: SessionId,
  fits: (one: SessionSummary) => boolean,
): Promise<void> {
  for (;;) {
    const list = await device.ask({ type: 'sessions', limit: 100 })
    if (list.type === 'sessions' && list.sessions.some(one => one.sessionId === sessionId && fits(one))) return
    await pause()
  }
}

const calls = (token: string) => world.requests.filter(({ text: body }) => body.includes(`"${token}"`)).length

describe('registering', () => {
  test('[PU1, PU3] a device is registered, changed and taken off; the other devices of the user see it', async () => {
    const ann = person('ann')
    const [phone, tab] = [await connect(ann), await connect(ann, 'tab', 'avro')]
    expect(await phone.outcome({ type: 'registerDevice', ...APP, token: 'one', locale: 'it-IT' })).toBe('ack')
    expect(await phone.outcome({ type: 'registerDevice', ...APP, token: 'two' })).toBe('ack')
    const second = await tab.event(userSessionId(ann), 2)
    expect(second.body).toMatchObject({
      kind: 'PushDevicesSet',
      devices: [{ token: 'two', deviceId: 'phone', locale: '' }],
      removed: [{ token: 'one', reason: 'replaced' }],
    })
    expect(await tab.outcome({ type: 'unregisterDevice', serviceType: 9, token: 'one' })).toBe('REQUEST_NOT_EXIST')
    expect(await tab.outcome({ type: 'unregisterDevice', serviceType: 9, token: 'two' })).toBe('ack')
    expect((await phone.event(userSessionId(ann), 3)).body).toMatchObject({ devices: [] })
    expect(await phone.outcome({ type: 'registerDevice', ...APP, token: 'a b' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'registerDevice', ...APP, token: 't', timeZone: 'Atlantis/Sea' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'registerDevice', ...APP, serviceType: 99, token: 't' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'reportPushOpened', pushId: '1-2-3' })).toBe('ack')
  })

  test('[PU11] a token that another user registers leaves the first', async () => {
    const [ann, bo] = [person('ann'), person('bo')]
    const [annPhone, boPhone] = [await connect(ann), await connect(bo)]
    const token = `shared-${ann}`
    expect(await annPhone.outcome({ type: 'registerDevice', ...APP, token })).toBe('ack')
    expect(await boPhone.outcome({ type: 'registerDevice', ...APP, token })).toBe('ack')
    expect((await annPhone.event(userSessionId(ann), 2)).body).toMatchObject({
      devices: [],
      removed: [{ token, reason: 'moved' }],
    })
  })
})

describe('messages', () => {
  test('[PU17] phones that are off get one push each, with the right badge and the latest message', async () => {
    const bo = await away('bo', ['phone', 'tablet'])
    const ann = await connect(person('ann'))
    const chat = singleSessionId(ann.userId, bo)
    await send(ann, chat, 'one')
    await shown(`${bo}/phone`, all => all.some(({ body }) => body === 'one'))
    await send(ann, chat, 'two')
    for (const phone of ['phone', 'tablet']) {
      const all = await shown(`${bo}/${phone}`, list => list.some(({ body }) => body === 'two'))
      // One notification for the session: the later one took the place of the first.
      expect(all).toMatchObject([{ title: ann.userId, body: 'two', badge: 2 }])
      expect(calls(`${bo}/${phone}`)).toBe(2)
    }
  })

  test('[PU17] read on the desktop first, muted, or sent without push: nothing; then one again', async () => {
    const bo = await away('bo')
    const ann = await connect(person('ann'))
    const desk = await connect(bo, 'desk')
    const chat = singleSessionId(ann.userId, bo)
    // While the vendor takes nothing there is time to read it elsewhere, however busy the machine is.
    world.setDown('https', true)
    const first = await send(ann, chat, 'first')
    expect(await desk.outcome({ type: 'markRead', sessionId: chat, seq: first.seq })).toBe('ack')
    await untilListed(desk, chat, ({ unread }) => unread === 0)
    world.setDown('https', false)
    const silent = { type: 'send', sessionId: chat, flags: 4 | 128, content: text('silent') } as const
    expect(await ann.outcome(silent)).toBe('ack')
    const muted = { type: 'setSessionAttributes', sessionId: chat, attributes: { notify: 'none' } } as const
    expect(await desk.outcome(muted)).toBe('ack')
    await untilListed(desk, chat, ({ attributes }) => attributes?.notify === 'none')
    await send(ann, chat, 'muted')
    // A second conversation tells that push has come past all of that.
    const cy = await connect(person('cy'))
    await send(cy, singleSessionId(cy.userId, bo), 'loud')
    const all = await shown(`${bo}/phone`, list => list.some(({ body }) => body === 'loud'))
    await shown(`${bo}/phone`, list => list.length === 1)
    expect(all.map(({ body, badge }) => [body, badge])).toEqual([['loud', 1]])
  })

  test('[PU14, PU17] what is revoked is taken off the phone', async () => {
    const bo = await away('bo')
    const ann = await connect(person('ann'))
    const chat = singleSessionId(ann.userId, bo)
    const { seq, packId } = await send(ann, chat, 'wrong window')
    await shown(`${bo}/phone`, all => all.length === 1)
    expect(await ann.outcome({ type: 'revoke', sessionId: chat, target: { seq, packId } })).toBe('ack')
    await shown(`${bo}/phone`, all => all.length === 0)
  })

  test('[PU5, PU17] a connected phone that tells that it has the message is left alone; one that does not is pushed to', async () => {
    const ann = await connect(person('ann'))
    const bo = person('bo')
    const [good, mute] = [await connect(bo, 'good'), await connect(bo, 'mute')]
    for (const [device, name] of [
      [good, 'good'],
      [mute, 'mute'],
    ] as const) {
      expect(await device.outcome({ type: 'registerDevice', ...APP, token: `${bo}/${name}` })).toBe('ack')
    }
    const chat = singleSessionId(ann.userId, bo)
    const { seq } = await send(ann, chat, 'there?')
    await good.event(chat, seq)
    expect(await good.outcome({ type: 'markDelivered', sessionId: chat, seq })).toBe('ack')
    await shown(`${bo}/mute`, all => all.length === 1)
    expect(world.of(`${bo}/good`)).toEqual([])
  })

  test('[PU17] a group: mentions pass where only they do, with the name of the group', async () => {
    const [bo, cy] = [await away('bo'), await away('cy')]
    const ann = await connect(person('ann'))
    const groupId = `g-${randomUUID().slice(0, 8)}`
    const crew = `g:${groupId}` as SessionId
    expect(await ann.outcome({ type: 'createGroup', groupId, info: { name: 'Crew' }, members: [bo, cy] })).toBe('ack')
    const boDesk = await connect(bo, 'desk')
    const quiet = { type: 'setSessionAttributes', sessionId: crew, attributes: { notify: 'mentions' } } as const
    expect(await boDesk.outcome(quiet)).toBe('ack')
    await untilListed(boDesk, crew, ({ attributes }) => attributes?.notify === 'mentions')
    await send(ann, crew, 'all of you')
    await shown(`${cy}/phone`, all => all.length === 1)
    const extra = { mentions: [bo] }
    expect(await ann.outcome({ type: 'send', sessionId: crew, flags: 4, content: text('you'), extra })).toBe('ack')
    const [one] = await shown(`${bo}/phone`, all => all.length === 1)
    expect(one).toMatchObject({ title: 'Crew', body: `@ ${ann.userId}: you`, badge: 1, count: 1 })
  })
})

describe('what became of it', () => {
  test('[PU20, PU22] the vendor tells that it was delivered, the app that it was opened: both are in the funnel', async () => {
    const bo = person('bo')
    const phone = await connect(bo)
    const token = `${bo}/xiaomi`
    expect(await phone.outcome({ type: 'registerDevice', ...APP, serviceType: 3, token })).toBe('ack')
    phone.drop()
    const ann = await connect(person('ann'))
    await send(ann, singleSessionId(ann.userId, bo), 'for the book')
    const [one] = await shown(token, all => all.length === 1)
    const url = one!.receipt!.url!.replace(GATEWAY, product.httpUrl)
    const clickhouse = connectClickHouse({
      url: product.env.CLICKHOUSE_URL!,
      database: product.env.PACKLOG_CLICKHOUSE_DATABASE!,
    })
    const funnel = async () =>
      (
        await clickhouse.rows<{ delivered: number; opened: number }>(
          'SELECT delivered, opened FROM push_funnel WHERE serviceType = 3',
        )
      )[0]
    try {
      // The first report may come before the answer to the send is written down: a vendor takes longer.
      await vi.waitUntil(
        async () => {
          expect(await report({ ...one!, receipt: { ...one!.receipt!, url } }, 'delivered')).toBe(200)
          return (await funnel())?.delivered === 1
        },
        { timeout: SHOWN_MS_MAX, interval: 300 },
      )
      const again = await connect(bo)
      expect(await again.outcome({ type: 'reportPushOpened', pushId: String(one!.data!.pushId) })).toBe('ack')
      await vi.waitUntil(async () => (await funnel())?.opened === 1, { timeout: SHOWN_MS_MAX, interval: 100 })
      expect(await funnel()).toEqual({ delivered: 1, opened: 1 })
    } finally {
      await clickhouse.close()
    }
  })
})

describe('trouble', () => {
  test('[PU10, PU11, PU17] a vendor that is down gets everything when it is back; a dead token is taken away', async () => {
    const [bo, cy] = [await away('bo'), await away('cy')]
    const ann = await connect(person('ann'))
    world.setDown('https', true)
    await send(ann, singleSessionId(ann.userId, bo), 'through the storm')
    await send(ann, singleSessionId(ann.userId, cy), 'to nobody')
    const refused = () => world.requests.some(({ text: body }) => body.includes(`"${bo}/phone"`))
    while (!refused()) await pause()
    world.kill(`${cy}/phone`)
    world.setDown('https', false)
    const all = await shown(`${bo}/phone`, list => list.length === 1)
    expect(all[0]).toMatchObject({ body: 'through the storm', count: 1 })
    const cyDesk = await connect(cy, 'desk')
    const [, gone] = await cyDesk.history(userSessionId(cy), events => events.length >= 2)
    expect(gone!.body).toMatchObject({ kind: 'PushDevicesSet', devices: [], removed: [{ token: `${cy}/phone` }] })
  })

  test('[PU9, PU17] killed in the middle of a send: it rings once or never, and what comes later rings', async () => {
    const bo = await away('bo')
    const ann = await connect(person('ann'))
    const chat = singleSessionId(ann.userId, bo)
    // The fake takes the call and tells no end, so that the process dies between claim and end.
    world.force('https', 'hang')
    await send(ann, chat, 'half')
    while (calls(`${bo}/phone`) === 0) await pause()
    product.roles.push!.kill('SIGKILL')
    await product.roles.push!.exited
    await product.restart('push')
    await send(ann, chat, 'whole')
    const all = await shown(`${bo}/phone`, list => list.some(({ body }) => body === 'whole'))
    expect(all).toHaveLength(1)
    expect(calls(`${bo}/phone`)).toBe(2)
  })
})
