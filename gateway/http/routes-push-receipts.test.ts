import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { FakeWorld, type Shown } from '../../infra/local/push-fakes/fake.ts'
import { plainFakes } from '../../infra/local/push-fakes/plain-fakes.ts'
import { type Reported, type ReportParty, report, reportCall } from '../../infra/local/push-fakes/reports.ts'
import { type FakeServer, startFakeServer } from '../../infra/local/push-fakes/server.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { MemoryPushStore } from '../../processors/push/memory-push-store.ts'
import { deviceKeyOf } from '../../processors/push/plan.ts'
import { acceptedState } from '../../processors/push/push-store.ts'
import { makePushReceipts, type PushReceipts } from '../../processors/push/receipts.ts'
import type { PushMessage } from '../../processors/push/vendor.ts'
import { loadReceiptDesks, loadVendors, type ReceiptDesks, type Vendors } from '../../processors/push/vendors.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { ServiceType, type VendorName } from '../../schemas/push-devices.ts'
import type { PushRecord } from '../../schemas/push-record.ts'
import { HttpWorld } from './testing/http-world.ts'

/** The whole way back: our client tells the fake where to report, the fake calls the gateway over the network. */

const APP = 'com.example.chat'
const chat = 's:alice:bob' as SessionId
const alice = 'alice' as UserId
const REPORTING = ['huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'] as const
const OPENING = ['xiaomi', 'vivo', 'meizu'] as const
const DYING = ['huawei', 'honor', 'xiaomi', 'oppo'] as const

const world = new FakeWorld()
const store = new MemoryPushStore()
const metrics = new Metrics()
const records: PushRecord[] = []
const taken: object[] = []
let isLogDown = false
let http: HttpWorld
let fakes: FakeServer
let vendors: Vendors
let desks: ReceiptDesks
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-receipts-'))
  const plain = plainFakes(world, 'of this test')
  fakes = await startFakeServer(world, plain.fakes)
  // The gateway is made before its port is known, and the file names the port.
  const later: PushReceipts = { take: call => receipts.take(call) }
  http = await HttpWorld.start({ pushReceipts: later, badCredentialsRate: { perSecond: 1_000, atOnce: 1_000 } })
  const { huawei, meizu, ...others } = plain.credentials(fakes.url)
  const apps = {
    [APP]: {
      ...others,
      huawei: { ...huawei, callbackUser: 'packlog', callbackSecret: 'signed by huawei' },
      meizu: { ...meizu, callbackToken: 'shown by meizu' },
    },
    // Signs nothing: nobody may report in its name.
    unsigned: { huawei, meizu },
  }
  const file = join(folder, 'push.json')
  const reporting = { url: `http://127.0.0.1:${http.gateway.port}`, secret: { env: 'RECEIPTS' } }
  await writeFile(file, JSON.stringify({ receipts: reporting, apps }))
  const env = { RECEIPTS: 'a secret of this test' }
  vendors = await loadVendors({ file, env, clock: systemClock })
  desks = await loadReceiptDesks({ file, env })
  const receipts = makePushReceipts({
    desks,
    store,
    records: {
      write: async all => {
        if (isLogDown) throw new Error('no broker')
        records.push(...all)
      },
    },
    tokens: { invalidate: async token => void taken.push(token) },
    clock: systemClock,
    logger: silentLogger,
    metrics,
  })
})
afterAll(async () => {
  await http.stop()
  await vendors.close()
  await fakes.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  records.length = 0
  taken.length = 0
})

let offset = 0
/** Sends a push as the product does, and gives what the device shows. */
async function push(vendor: VendorName, tokens = [`${vendor}-${++offset}`]): Promise<Shown[]> {
  offset++
  const event = { partition: 3, sessionId: chat, seq: offset }
  const keys = tokens.map(token => deviceKeyOf({ serviceType: ServiceType[vendor], token }))
  const messages = tokens.map((token, i): PushMessage => {
    const pushId = `3-${offset}-${keys[i]}`
    const shown = { title: 'Bob', body: 'hi', uri: '', badge: 1, collapseKey: '0123456789abcdef0123456789abcdef' }
    const more = { ttlMs: 86_400_000, sentAt: systemClock.now(), isUrgent: false, options: {}, isWithdrawal: false }
    return { pushId, token, packageName: APP, ...shown, ...more, data: { pushId, sessionId: chat, seq: '1' } }
  })
  await store.claim(
    event,
    keys.map(device => ({ device, attempt: 0 })),
  )
  const results = await vendors.of(vendor, APP)!.send(messages)
  expect(results.map(({ kind }) => kind)).toEqual(tokens.map(() => 'accepted'))
  const state = acceptedState({ userId: alice, seq: event.seq })
  await store.record(
    event,
    keys.map(device => ({ device, state })),
    [],
  )
  await store.noteSent({ ...event, offset, devices: keys })
  return tokens.flatMap(token => world.of(token))
}

/** What the vendor has in its console. */
const party = (vendor: string, packageName = APP): ReportParty & { url?: string } => ({
  url: desks.of(vendor, packageName)!.url,
  user: 'packlog',
  secret: 'signed by huawei',
  accessToken: 'shown by meizu',
})
const counted = async (vendor: string, result: string) => {
  const { values } = await metrics.registry.getSingleMetric('packlog_push_receipts_total')!.get()
  return values.find(({ labels }) => labels.vendor === vendor && labels.result === result)?.value ?? 0
}
const reports = (shown: Shown, what: Reported, more: object = {}) =>
  report(shown, what, { ...party(shown.vendor), ...more })

describe.each(REPORTING)('%s', vendor => {
  test('[PU20] what has come to a device is told, with the push that it was', async () => {
    const [shown] = await push(vendor)
    expect(await reports(shown!, 'delivered')).toBe(200)
    const device = deviceKeyOf({ serviceType: ServiceType[vendor], token: shown!.token })
    const place = { sessionId: chat, seq: offset, serviceType: ServiceType[vendor], packageName: APP }
    expect(records).toMatchObject([
      { pushId: `3-${offset}-${device}`, userId: alice, ...place, body: { kind: 'Delivered' } },
    ])
    expect(await counted(vendor, 'delivered')).toBeGreaterThan(0)
  })

  test('[PU21] whoever has not the key of the URL is refused, and nothing is written', async () => {
    const [shown] = await push(vendor)
    const call = reportCall(shown!, 'delivered', party(vendor))!
    const other = desks.of(vendor === 'oppo' ? 'vivo' : 'oppo', APP)!.key
    const before = await counted(vendor, 'denied')
    for (const url of [call.url.slice(0, -1), call.url.replace(/[^/]+$/, other), call.url.replace(APP, 'other.app')]) {
      const { status } = await fetch(url, { method: 'POST', headers: call.headers, body: call.body })
      expect(status).toBe(401)
    }
    expect(records).toEqual([])
    expect(await counted(vendor, 'denied')).toBe(before + 2)
  })

  test('[PU20] what was never sent is counted and ignored', async () => {
    const [shown] = await push(vendor)
    const before = await counted(vendor, 'unknown')
    for (const tag of ['3-999999', '9-1', 'anything', '']) {
      expect(await reports({ ...shown!, receipt: { ...shown!.receipt, tag } }, 'delivered')).toBe(200)
    }
    expect(await reports({ ...shown!, token: 'of somebody else' }, 'delivered')).toBe(200)
    expect(records).toEqual([])
    expect(await counted(vendor, 'unknown')).toBe(before + 5)
  })

  test('[PU20] what nobody can read is refused', async () => {
    const [shown] = await push(vendor)
    const { url, headers } = reportCall(shown!, 'delivered', party(vendor))!
    const isForm = headers['content-type']!.includes('form')
    const body = isForm ? 'access_token=shown+by+meizu&data=%7B%22a%22&cb=1' : '"nothing"'
    const { status } = await fetch(url, { method: 'POST', headers, body })
    expect(status).toBe(400)
    expect(await counted(vendor, 'unreadable')).toBe(1)
  })

  test('[PU20] while the log takes nothing, the vendor is told to call again', async () => {
    const [shown] = await push(vendor)
    isLogDown = true
    expect(await reports(shown!, 'delivered')).toBeGreaterThanOrEqual(500)
    isLogDown = false
    expect(await reports(shown!, 'delivered')).toBe(200)
    expect(records).toHaveLength(1)
  })
})

describe('by their contracts', () => {
  test.each(OPENING)('[PU20] %s tells what was opened', async vendor => {
    const [shown] = await push(vendor)
    await reports(shown!, 'opened')
    expect(records).toMatchObject([{ userId: alice, body: { kind: 'Opened' } }])
  })

  test.each(DYING)('[PU11] %s tells of tokens that are dead, which are taken from their users', async vendor => {
    const [shown] = await push(vendor)
    await reports(shown!, 'invalidToken')
    expect(records).toMatchObject([{ body: { kind: 'Failed', cause: 'invalidToken' } }])
    expect(taken).toMatchObject([{ userId: alice, serviceType: ServiceType[vendor], token: shown!.token }])
  })

  test('[PU21] huawei signs: another secret, another user, or an old time is refused', async () => {
    const [shown] = await push('huawei')
    for (const wrong of [{ secret: 'x' }, { user: 'x' }, { now: () => systemClock.now() - 301_000 }]) {
      expect(await reports(shown!, 'delivered', wrong)).toBe(401)
    }
    const { url, body } = reportCall(shown!, 'delivered', party('huawei'))!
    const bare = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    expect(bare.status).toBe(401)
    expect(records).toEqual([])
  })

  test('[PU21] meizu shows its token: another one is refused', async () => {
    const [shown] = await push('meizu')
    expect(await reports(shown!, 'delivered', { accessToken: 'x' })).toBe(401)
    expect(records).toEqual([])
  })

  test.each(['huawei', 'meizu'])('[PU21] without what it signs with, %s may not report', async vendor => {
    const [shown] = await push(vendor as VendorName)
    const { url } = desks.of(vendor, 'unsigned')!
    const { receipt } = shown!
    expect(await report({ ...shown!, receipt: { tag: receipt!.tag } }, 'delivered', { ...party(vendor), url })).toBe(
      401,
    )
  })

  test.each(['huawei', 'honor', 'xiaomi', 'meizu'] as const)(
    '[PU20] %s was told of many devices at once',
    async vendor => {
      const all = await push(vendor, [`${vendor}-a`, `${vendor}-b`])
      for (const shown of all) await reports(shown, 'delivered')
      expect(new Set(records.map(({ pushId }) => pushId)).size).toBe(2)
    },
  )

  test('[PU20] huawei, second version of receipts; what may still come is waited for', async () => {
    const [shown] = await push('huawei')
    const { url, headers } = reportCall(shown!, 'delivered', party('huawei'))!
    const status = (result: number) => ({
      biTag: shown!.receipt!.tag,
      token: shown!.token,
      deliveryStatus: { result, timestamp: systemClock.now() },
    })
    const body = JSON.stringify({ statuses: [201, 27, 15, 0].map(status) })
    const answer = await fetch(url, { method: 'POST', headers, body })
    expect(await answer.json()).toEqual({ code: '0', message: 'success' })
    expect(records.map(({ body: { kind } }) => kind)).toEqual(['Failed', 'Delivered'])
  })
})

test('[HT2] forms are taken of those who may send them only', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  expect((await http.call('POST', '/v1/messages/text', { headers, body: 'a=b' })).status).toBe(415)
})
