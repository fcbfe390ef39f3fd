import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TEST_CERTIFICATE } from '../../gateway/testing/certificate.ts'
import { systemClock } from '../../infra/clock.ts'
import { type Fake, type FakeAnswer, FakeWorld } from '../../infra/local/push-fakes/fake.ts'
import { type FakeApns, startFakeApns } from '../../infra/local/push-fakes/fake-apns.ts'
import { fakeFcm, fcmError } from '../../infra/local/push-fakes/fake-fcm.ts'
import { fakeHttps } from '../../infra/local/push-fakes/fake-https.ts'
import {
  fakeHonor,
  fakeHuawei,
  fakeMeizu,
  fakeOppo,
  fakeVivo,
  fakeXiaomi,
  type GrantingFake,
} from '../../infra/local/push-fakes/fake-vendors.ts'
import { type FakeServer, startFakeServer } from '../../infra/local/push-fakes/server.ts'
import type { VendorName } from '../../schemas/push-devices.ts'
import type { PushMessage, SendResult, Vendor } from './vendor.ts'
import { APNS_REASONS } from './vendor-apns.ts'
import { HONOR_ERRORS } from './vendor-honor.ts'
import { HUAWEI_ERRORS } from './vendor-huawei.ts'
import { MEIZU_ERRORS, MEIZU_TOKEN_ERRORS } from './vendor-meizu.ts'
import { OPPO_ERRORS } from './vendor-oppo.ts'
import { VIVO_ERRORS } from './vendor-vivo.ts'
import { XIAOMI_ERRORS } from './vendor-xiaomi.ts'
import { BadPushFile, loadVendors, type Vendors } from './vendors.ts'

/** Every vendor against its fake, over TLS: what it sends, what it makes of each answer, how it renews its access. */

const APP = 'com.example.chat'
const world = new FakeWorld()
const fakes: Record<string, Fake | GrantingFake> = {}
let vendors: Vendors
let server: FakeServer
let google: FakeServer
let apns: FakeApns
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-vendors-'))
  const ec = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const rsa = pemOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }))
  const all = [
    fakeHttps(world, { secret: 'a secret of the test' }),
    fakeHuawei({ world }, { clientId: 'hw', clientSecret: 'hws' }),
    fakeHonor({ world }, { appId: 'ho', clientId: 'hoc', clientSecret: 'hos' }),
    fakeXiaomi({ world }, { appSecret: 'xs' }),
    fakeOppo({ world }, { appKey: 'ok', masterSecret: 'os' }),
    fakeVivo({ world }, { appId: 'va', appKey: 'vk', appSecret: 'vs' }),
    fakeMeizu({ world }, { appId: 'ma', appSecret: 'ms' }),
  ]
  for (const fake of all) fakes[fake.name] = fake
  const tls = TEST_CERTIFICATE
  server = await startFakeServer(world, all, { tls })
  const fcm = fakeFcm({ world }, { projectId: 'proj', clientEmail: 'me@proj', publicKey: rsa.publicKey })
  fakes.fcm = { name: 'fcm', handle: request => fcm.handle(request), spoil: fcm.spoil } as GrantingFake
  google = await startFakeServer(world, [fakes.fcm], { tls, only: 'fcm' })
  apns = await startFakeApns({ world }, { tls, teamId: 'team', keyId: 'kid', publicKey: ec.publicKey, topics: [APP] })
  const at = (name: string) => `${server.url}/${name}`
  const file = join(folder, 'push.json')
  await writeFile(join(folder, 'ca.pem'), tls.cert)
  await writeFile(join(folder, 'key.p8'), ec.privateKey)
  const credentials = {
    apns: { teamId: 'team', keyId: 'kid', privateKey: { file: 'key.p8' }, url: apns.url },
    fcm: {
      projectId: 'proj',
      clientEmail: 'me@proj',
      privateKey: rsa.privateKey,
      tokenUrl: `${google.url}/token`,
      host: new URL(google.url).host,
    },
    huawei: { clientId: 'hw', clientSecret: { env: 'HW' }, authUrl: at('huawei'), url: at('huawei') },
    honor: { appId: 'ho', clientId: 'hoc', clientSecret: 'hos', authUrl: at('honor'), url: at('honor') },
    xiaomi: { appSecret: 'xs', url: at('xiaomi') },
    oppo: { appKey: 'ok', masterSecret: 'os', url: at('oppo') },
    vivo: { appId: 'va', appKey: 'vk', appSecret: 'vs', url: at('vivo') },
    meizu: { appId: 'ma', appSecret: 'ms', url: at('meizu') },
    https: { url: at('https'), secret: 'a secret of the test' },
  }
  await writeFile(file, JSON.stringify({ caFile: 'ca.pem', apps: { [APP]: credentials } }))
  vendors = await loadVendors({ file, env: { HW: 'hws' }, clock: systemClock })
}, 30_000)

afterAll(async () => {
  await vendors.close()
  await server.close()
  await google.close()
  await apns.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  world.requests.length = 0
  world.shown.length = 0
})

function pemOf({ publicKey, privateKey }: KeyPairKeyObjectResult) {
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const vendor = (name: string): Vendor => vendors.of(name as VendorName, APP)!
let tokens = 0
function message(more: Partial<PushMessage> = {}): PushMessage {
  return {
    pushId: '3-7-0123456789abcdef',
    token: `token${++tokens}`,
    packageName: APP,
    title: 'Bob',
    body: 'hello',
    uri: '',
    badge: 4,
    collapseKey: '0123456789abcdef0123456789abcdef',
    ttlMs: 86_400_000,
    sentAt: systemClock.now(),
    isUrgent: false,
    data: { pushId: '3-7-0123456789abcdef', sessionId: 's:alice:bob', seq: '5' },
    options: {},
    isWithdrawal: false,
    ...more,
  }
}

/** `accepted`, or the kind with the scope where there is one. */
const brief = (result: SendResult | undefined) =>
  result?.kind === 'retry' && result.scope === 'service' ? 'retryService' : result?.kind

async function answered(name: string, answer: FakeAnswer | 'drop'): Promise<string | undefined> {
  world.force(name, answer)
  const [result] = await vendor(name).send([message()])
  return brief(result)
}

const ALL = ['apns', 'fcm', 'huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu', 'https']
const GRANTING = ['huawei', 'honor', 'oppo', 'vivo']

describe.each(ALL)('%s', name => {
  test('[PV1] a notification arrives with its texts, badge and place, in terms that the fake knows all of', async () => {
    const one = message()
    expect(await vendor(name).send([one])).toMatchObject([{ kind: 'accepted' }])
    expect(world.of(one.token)).toMatchObject([{ vendor: name, title: 'Bob', body: 'hello', badge: 4, count: 1 }])
    await vendor(name).send([{ ...one, body: 'hello again', uri: 'app://chat' }])
    expect(world.of(one.token)).toMatchObject([{ body: 'hello again', count: 2 }])
  })

  test('[PV1] a dead token is told, the others of the call arrive', async () => {
    const [dead, alive] = [message(), message()]
    world.kill(dead.token)
    const results = await vendor(name).send([dead, alive])
    expect(results.map(brief)).toEqual(['invalidToken', 'accepted'])
    expect(world.of(alive.token)).toHaveLength(1)
  })
})

// firebase-admin tries a service that is down again by itself, for some seconds.
describe.each(ALL.filter(name => name !== 'fcm'))('%s', name => {
  test('[PV3] one that is down is left alone; a connection that broke in the middle is unknown', async () => {
    await vendor(name).send([message()])
    world.setDown(name, true)
    const [result] = await vendor(name).send([message()])
    world.setDown(name, false)
    expect(brief(result)).toBe('retryService')
    expect(await answered(name, 'drop')).toBe('unknown')
  })
})

describe.each(GRANTING)('%s', name => {
  test('[PV2] an access that is refused is renewed once, for all who wait', async () => {
    await vendor(name).send([message()])
    ;(fakes[name] as GrantingFake).spoil()
    world.requests.length = 0
    const results = await Promise.all(Array.from({ length: 3 }, () => vendor(name).send([message()])))
    expect(results.flat().map(brief)).toEqual(['accepted', 'accepted', 'accepted'])
    const asked = world.requests.filter(({ path }) => /auth|token/.test(path) && !/send|notification/.test(path))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThanOrEqual(3)
  })
})

describe('tables of errors', () => {
  const json = (body: unknown, status = 200): FakeAnswer => ({ status, body })
  const tables: [string, Readonly<Record<string, string>>, (code: string) => FakeAnswer][] = [
    ['huawei', HUAWEI_ERRORS, code => json({ code, msg: 'x', requestId: 'r' })],
    ['honor', HONOR_ERRORS, code => json({ code: Number(code), message: 'x' })],
    ['xiaomi', XIAOMI_ERRORS, code => json({ result: 'error', code: Number(code), reason: 'x' })],
    ['oppo', OPPO_ERRORS, code => json({ code: Number(code), message: 'x' })],
    ['vivo', VIVO_ERRORS, code => json({ result: Number(code), desc: 'x' })],
    ['meizu', MEIZU_ERRORS, code => json({ code, message: 'x', value: {} })],
  ]
  const rows = tables.flatMap(([name, table, answer]) =>
    Object.entries(table).map(([code, kind]) => [name, code, kind, answer(code)] as const),
  )
  test.each(rows)('[PV1] %s %s is %s', async (name, _code, kind, answer) => {
    await vendor(name).send([message()])
    // What is renewed is sent once more, and taken then.
    const expected =
      kind === 'renew' || kind === 'accepted' ? 'accepted' : kind === 'stopForDay' ? 'retryService' : kind
    expect(await answered(name, answer)).toBe(expected)
  })

  test('[PV1] a quota of the day stops until the next one in China', async () => {
    world.force('xiaomi', json({ result: 'error', code: 10_034 }))
    const [result] = await vendor('xiaomi').send([message()])
    const tomorrow = 86_400_000 - ((systemClock.now() + 8 * 3_600_000) % 86_400_000)
    expect(Math.abs((result as { afterMs: number }).afterMs - tomorrow)).toBeLessThan(60_000)
  })

  test('[PV1] xiaomi 20301 is a dead token only where there was one', async () => {
    expect(await answered('xiaomi', json({ code: 20_301, reason: 'x' }))).toBe('invalidToken')
    world.force('xiaomi', json({ code: 20_301, reason: 'x' }))
    expect((await vendor('xiaomi').send([message(), message()])).map(brief)).toEqual(['rejected', 'rejected'])
  })

  test.each(Object.entries(MEIZU_TOKEN_ERRORS))('[PV1] meizu, of one token, %s is %s', async (code, kind) => {
    const one = message()
    world.force('meizu', json({ code: '200', value: { [code]: [one.token] } }))
    expect(brief((await vendor('meizu').send([one]))[0])).toBe(kind)
  })

  test.each(Object.entries(APNS_REASONS))('[PV1] apns %s is %s', async (reason, kind) => {
    await vendor('apns').send([message()])
    const expected = kind === 'renew' ? 'accepted' : kind
    expect(await answered('apns', json({ reason }, 400))).toBe(expected)
  })

  test('[PV1] apns tells since when a token is dead', async () => {
    world.force('apns', json({ reason: 'Unregistered', timestamp: 77 }, 410))
    expect(await vendor('apns').send([message()])).toEqual([
      { kind: 'invalidToken', reason: '410 Unregistered', before: 77 },
    ])
  })

  const fcmRows = [
    [404, 'UNREGISTERED', 'invalidToken'],
    [400, 'INVALID_ARGUMENT', 'rejected'],
    [403, 'SENDER_ID_MISMATCH', 'configError'],
    [429, 'QUOTA_EXCEEDED', 'retryService'],
    [500, 'INTERNAL', 'retryService'],
    [401, 'THIRD_PARTY_AUTH_ERROR', 'configError'],
  ] as const
  test.each(fcmRows)('[PV1] fcm %i %s is %s', async (status, code, kind) => {
    await vendor('fcm').send([message()])
    expect(await answered('fcm', fcmError(status, code))).toBe(kind)
  })

  test('[PV3] a vendor says how long it wants to be left alone', async () => {
    for (const name of ['huawei', 'honor', 'xiaomi', 'https', 'oppo', 'vivo', 'meizu']) {
      await vendor(name).send([message()])
      world.force(name, { status: 503, headers: { 'retry-after': '7' }, body: {} })
      expect(await vendor(name).send([message()]), name).toMatchObject([
        { kind: 'retry', scope: 'service', afterMs: 7_000 },
      ])
    }
  })
})

describe('what is sent', () => {
  test('[PV4] huawei: many tokens in one call where nothing else differs', async () => {
    await vendor('huawei').send([message()])
    world.requests.length = 0
    await vendor('huawei').send([message(), message(), message({ badge: 9 })])
    const sends = world.requests.filter(({ path }) => path.endsWith('messages:send'))
    expect(sends.map(({ text }) => JSON.parse(text).message.token.length).sort()).toEqual([1, 2])
    const { message: sent } = JSON.parse(sends[0]!.text)
    expect(sent.android).toEqual({
      collapse_key: -1,
      urgency: 'NORMAL',
      category: 'IM',
      ttl: '86400s',
      notification: {
        title: 'Bob',
        body: 'hello',
        click_action: { type: 3 },
        notify_id: 0x0123456,
        importance: 'NORMAL',
        badge: { set_num: expect.any(Number) },
      },
    })
  })

  test('[PV4] options in the vendor’s own terms come over what the product says', async () => {
    const one = message({ options: { android: { notification: { title: 'Special' } } } })
    await vendor('huawei').send([one])
    expect(world.of(one.token)[0]).toMatchObject({ title: 'Special', body: 'hello' })
  })

  test('[PV4] texts are cut to what the vendor takes', async () => {
    const long = { title: '长'.repeat(200), body: '词'.repeat(500) }
    for (const name of ['xiaomi', 'oppo', 'vivo', 'meizu']) {
      expect((await vendor(name).send([message(long)])).map(brief), name).toEqual(['accepted'])
    }
    const huge = message({ body: 'x'.repeat(5_000) })
    expect((await vendor('apns').send([huge])).map(brief)).toEqual(['rejected'])
  })

  test('[PV2] apns keeps one connection, and comes back after a GOAWAY', async () => {
    const before = apns.sessions()
    for (let n = 0; n < 3; n++) await vendor('apns').send([message()])
    expect(apns.sessions() - before).toBeLessThanOrEqual(1)
    apns.goAway()
    await expect.poll(async () => (await vendor('apns').send([message()])).map(brief)).toEqual(['accepted'])
  })

  test('[PV1] https takes a notification back', async () => {
    const one = message()
    await vendor('https').send([one])
    expect(await vendor('https').recall!(one)).toMatchObject({ kind: 'accepted' })
    expect(world.of(one.token)).toEqual([])
  })
})

describe('the file of credentials', () => {
  const load = async (contents: unknown) => {
    const file = join(folder, 'bad.json')
    await writeFile(file, typeof contents === 'string' ? contents : JSON.stringify(contents))
    return loadVendors({ file, env: {}, clock: systemClock })
  }
  const bad: [string, unknown, string][] = [
    ['no JSON', '{', 'is not JSON'],
    ['an unknown vendor', { apps: { a: { nokia: {} } } }, 'nokia'],
    ['a field too many', { apps: { a: { xiaomi: { appSecret: 's', apSecret: 's' } } } }, 'apSecret'],
    ['a missing secret', { apps: { a: { xiaomi: {} } } }, 'appSecret'],
    [
      'a file that is not there',
      { apps: { a: { xiaomi: { appSecret: { file: 'nowhere' } } } } },
      'appSecret cannot be read',
    ],
    ['an environment that is not there', { apps: { a: { xiaomi: { appSecret: { env: 'NOWHERE' } } } } }, 'NOWHERE'],
  ]
  test.each(bad)('[PV5] %s is named, and no secret with it', async (_name, contents, said) => {
    await expect(load(contents)).rejects.toThrow(BadPushFile)
    await expect(load(contents)).rejects.toThrow(said)
  })

  test('[PV5] an app and a vendor that it does not name have none', () => {
    expect(vendors.of('apns', 'another.app')).toBeUndefined()
  })
})
