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
const RECEIPTS_URL = 'https://im.example.com'
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
  const receipts = { url: RECEIPTS_URL, secret: 'another secret of the test' }
  await writeFile(file, JSON.stringify({ caFile: 'ca.pem', receipts, apps: { [APP]: credentials } }))
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
  world.clear()
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
      bi_tag: '3-7',
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

/** The requests field by field, as the contracts name them: of a plain message, and of one with everything. */
describe('requests, field by field', () => {
  const PUSH_ID = '3-7-0123456789abcdef'
  const TAG = '3-7'
  const data = { pushId: PUSH_ID, sessionId: 's:alice:bob', seq: '5' }
  const bearer = expect.stringMatching(/^Bearer [\w.-]+$/)
  const jsonType = 'application/json; charset=utf-8'
  const formType = 'application/x-www-form-urlencoded; charset=utf-8'
  const receipt = (name: string) =>
    expect.stringMatching(`^${RECEIPTS_URL}/v1/push-receipts/${name}/${APP}/[0-9a-f]{32}$`)
  const fields = (text: string) => Object.fromEntries(new URLSearchParams(text))
  const json = (text: string | undefined) => JSON.parse(text ?? '') as Record<string, unknown>

  interface Expected {
    path: string
    headers: Record<string, unknown>
    /** How the body is taken apart. */
    read(text: string): unknown
    plain(token: string): unknown
    /** Beside what is plain: with a uri, urgent; deep. */
    full: unknown
    /** In the vendor's own terms, and where they are found. */
    options: Record<string, unknown>
    overridden: unknown
  }

  const kit = (isHuawei: boolean) => (token: string) => ({
    data,
    android: {
      ...(isHuawei ? { collapse_key: -1, urgency: 'NORMAL', category: 'IM', bi_tag: TAG } : { biTag: TAG }),
      ttl: '86400s',
      notification: {
        title: 'Bob',
        body: 'hello',
        ...(isHuawei
          ? { click_action: { type: 3 }, notify_id: 0x0123456, badge: { set_num: 4 } }
          : { clickAction: { type: 3 }, notifyId: 0x0123456, badge: { setNum: 4 } }),
        importance: 'NORMAL',
      },
    },
    token: [token],
  })
  const readKit = (message: Record<string, unknown>) => ({ ...message, data: json(message.data as string) })

  const REQUESTS: Record<string, Expected> = {
    apns: {
      path: '/3/device/:token',
      headers: {
        ':method': 'POST',
        authorization: expect.stringMatching(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/),
        'apns-topic': APP,
        'apns-push-type': 'alert',
        'apns-priority': '10',
        'apns-expiration': expect.stringMatching(/^\d{10}$/),
        'apns-collapse-id': '0123456789abcdef0123456789abcdef',
      },
      read: json,
      plain: () => ({
        aps: {
          alert: { title: 'Bob', body: 'hello' },
          badge: 4,
          'thread-id': '0123456789abcdef0123456789abcdef',
          sound: 'default',
        },
        ...data,
      }),
      full: { uri: 'app://chat' },
      options: { aps: { sound: 'bell' } },
      overridden: { aps: { sound: 'bell', badge: 4 } },
    },
    fcm: {
      path: '/v1/projects/proj/messages:send',
      headers: { authorization: bearer },
      read: json,
      plain: token => ({
        message: {
          token,
          notification: { title: 'Bob', body: 'hello' },
          data: { ...data, badge: '4' },
          android: {
            collapse_key: '0123456789abcdef0123456789abcdef',
            priority: 'normal',
            ttl: '86400s',
            notification: { tag: '0123456789abcdef0123456789abcdef', notification_count: 4 },
          },
          webpush: { notification: { tag: '0123456789abcdef0123456789abcdef' }, headers: { TTL: '86400' } },
        },
      }),
      full: { message: { android: { priority: 'high' }, data: { uri: 'app://chat' } } },
      options: { android: { notification: { channelId: 'own' } } },
      overridden: { message: { android: { notification: { channel_id: 'own', notification_count: 4 } } } },
    },
    huawei: {
      path: '/v1/hw/messages:send',
      headers: { authorization: bearer, 'content-type': jsonType },
      read: text => {
        const { validate_only, message } = json(text)
        return { validate_only, message: readKit(message as Record<string, unknown>) }
      },
      plain: token => ({ validate_only: false, message: kit(true)(token) }),
      full: {
        message: { android: { urgency: 'HIGH', notification: { click_action: { type: 1, intent: 'app://chat' } } } },
      },
      options: { android: { category: 'VOIP' } },
      overridden: { message: { android: { category: 'VOIP', urgency: 'NORMAL' } } },
    },
    honor: {
      path: '/api/v1/ho/sendMessage',
      headers: { authorization: bearer, 'content-type': jsonType, timestamp: expect.stringMatching(/^\d{13}$/) },
      read: text => readKit(json(text)),
      plain: kit(false),
      full: {
        android: { notification: { importance: 'HIGH', clickAction: { type: 1, intent: 'app://chat' } } },
      },
      options: { android: { ttl: '60s' } },
      overridden: { android: { ttl: '60s', notification: { title: 'Bob' } } },
    },
    xiaomi: {
      path: '/v3/message/regid',
      headers: { authorization: 'key=xs', 'content-type': formType },
      read: text => ({ ...fields(text), payload: json(decodeURIComponent(fields(text).payload!)) }),
      plain: token => ({
        registration_id: token,
        restricted_package_name: APP,
        title: 'Bob',
        description: 'hello',
        payload: { ...data, badge: 4 },
        pass_through: '0',
        notify_type: '-1',
        notify_id: String(0x0123456),
        time_to_live: '86400000',
        'extra.notify_effect': '1',
        'extra.callback': receipt('xiaomi'),
        'extra.callback.param': TAG,
        'extra.callback.type': '243',
      }),
      full: { 'extra.notify_effect': '2', 'extra.intent_uri': 'app://chat' },
      options: { notify_type: 2 },
      overridden: { notify_type: '2', title: 'Bob' },
    },
    oppo: {
      path: '/server/v1/message/notification/unicast_batch',
      headers: { 'content-type': formType },
      read: text => {
        const { auth_token, messages, ...rest } = fields(text)
        const [one, ...others] = JSON.parse(messages!) as [{ notification: { action_parameters: string } }]
        const { action_parameters: parameters, ...notification } = one.notification
        const shown = { ...notification, action_parameters: json(parameters) }
        return { ...rest, auth_token, others, one: { ...one, notification: shown } }
      },
      plain: token => ({
        auth_token: expect.stringMatching(/^granted-\d+$/),
        others: [],
        one: {
          target_type: 2,
          target_value: token,
          notification: {
            app_message_id: PUSH_ID,
            title: 'Bob',
            content: 'hello',
            click_action_type: 0,
            action_parameters: { ...data, badge: '4' },
            off_line: true,
            off_line_ttl: 86_400,
            notify_id: 0x0123456,
            call_back_url: receipt('oppo'),
            call_back_parameter: TAG,
          },
        },
      }),
      full: { one: { notification: { click_action_type: 5, click_action_url: 'app://chat' } } },
      options: { category: 'IM', notify_level: 16 },
      overridden: { one: { notification: { category: 'IM', notify_level: 16, title: 'Bob' } } },
    },
    vivo: {
      path: '/message/send',
      headers: { authtoken: expect.stringMatching(/^granted-\d+$/), 'content-type': jsonType },
      read: json,
      plain: token => ({
        appId: 'va',
        regId: token,
        notifyType: 4,
        title: 'Bob',
        content: 'hello',
        timeToLive: 86_400,
        skipType: 1,
        networkType: -1,
        classification: 1,
        category: 'IM',
        requestId: PUSH_ID,
        pushMode: 0,
        clientCustomMap: { ...data, badge: '4' },
        notifyId: 0x0123456,
        extra: { callback: receipt('vivo'), 'callback.param': TAG },
      }),
      full: { skipType: 4, skipContent: 'app://chat' },
      options: { notifyType: 1, clientCustomMap: { own: 'x' } },
      overridden: { notifyType: 1, clientCustomMap: { own: 'x', badge: '4' } },
    },
    meizu: {
      path: '/garcia/api/server/push/varnished/pushByPushId',
      headers: { 'content-type': formType },
      read: text => ({ ...fields(text), messageJson: json(fields(text).messageJson) }),
      plain: token => ({
        appId: 'ma',
        pushIds: token,
        sign: expect.stringMatching(/^[0-9a-f]{32}$/),
        messageJson: {
          noticeBarInfo: { noticeBarType: 0, title: 'Bob', content: 'hello' },
          clickTypeInfo: { clickType: 0, parameters: { ...data, badge: '4' } },
          pushTimeInfo: { offLine: 1, validTime: 24 },
          advanceInfo: { notificationType: { vibrate: 0, lights: 1, sound: 1 }, notifyKey: '01234567' },
          extra: { callback: receipt('meizu'), 'callback.param': TAG, 'callback.type': 3 },
        },
      }),
      full: {
        messageJson: {
          clickTypeInfo: { clickType: 2, url: 'app://chat' },
          advanceInfo: { notificationType: { vibrate: 1 } },
        },
      },
      options: { pushTimeInfo: { validTime: 1 } },
      overridden: { messageJson: { pushTimeInfo: { offLine: 1, validTime: 1 } } },
    },
    https: {
      path: '/push',
      headers: {
        'content-type': jsonType,
        'packlog-timestamp': expect.stringMatching(/^\d{10}$/),
        'packlog-signature': expect.stringMatching(/^v1=[0-9a-f]{64}$/),
      },
      read: json,
      plain: token => ({
        pushId: PUSH_ID,
        token,
        packageName: APP,
        title: 'Bob',
        body: 'hello',
        uri: '',
        badge: 4,
        collapseKey: '0123456789abcdef0123456789abcdef',
        ttlSeconds: 86_400,
        urgent: false,
        data,
      }),
      full: { uri: 'app://chat', urgent: true },
      options: { data: { own: 'x' } },
      overridden: { data: { ...data, own: 'x' } },
    },
  }

  /** The request that the message became. */
  async function sentAs(name: string, one: PushMessage) {
    world.requests.length = 0
    expect(await vendor(name).send([one])).toMatchObject([{ kind: 'accepted' }])
    return world.requests.at(-1)!
  }

  test('[PV1] there is one for every vendor', () => {
    expect(Object.keys(REQUESTS).sort()).toEqual([...ALL].sort())
  })

  test.each(Object.entries(REQUESTS))('[PV1] %s', async (name, expected) => {
    const plain = message()
    const request = await sentAs(name, plain)
    expect(request.method).toBe('POST')
    expect(request.path).toBe(expected.path.replace(':token', plain.token))
    expect(request.headers).toMatchObject(expected.headers)
    expect(expected.read(request.text)).toEqual(expected.plain(plain.token))
    const full = await sentAs(name, message({ uri: 'app://chat', isUrgent: true }))
    expect(expected.read(full.text)).toMatchObject(expected.full as object)
    const overridden = await sentAs(name, message({ options: expected.options }))
    expect(expected.read(overridden.text)).toMatchObject(expected.overridden as object)
  })

  test.each(['huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'])(
    '[PV1] %s is not asked how far what takes the place of a message came',
    async name => {
      const { text } = await sentAs(name, message({ isWithdrawal: true }))
      expect(decodeURIComponent(text)).not.toContain('push-receipts')
      expect(text).not.toMatch(/bi_?tag/i)
    },
  )

  const GRANTS: Record<string, { path: string; type: string; read(text: string): unknown; expected: unknown }> = {
    huawei: {
      path: '/oauth2/v3/token',
      type: formType,
      read: fields,
      expected: { grant_type: 'client_credentials', client_id: 'hw', client_secret: 'hws' },
    },
    honor: {
      path: '/auth/token',
      type: formType,
      read: fields,
      expected: { grant_type: 'client_credentials', client_id: 'hoc', client_secret: 'hos' },
    },
    oppo: {
      path: '/server/v1/auth',
      type: formType,
      read: fields,
      expected: {
        app_key: 'ok',
        timestamp: expect.stringMatching(/^\d{13}$/),
        sign: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    },
    vivo: {
      path: '/message/auth',
      type: jsonType,
      read: json,
      expected: {
        appId: 'va',
        appKey: 'vk',
        timestamp: expect.any(Number),
        sign: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    },
  }
  test.each(Object.entries(GRANTS))('[PV2] %s is asked for access', async (name, { path, type, read, expected }) => {
    ;(fakes[name] as GrantingFake).spoil()
    world.requests.length = 0
    await vendor(name).send([message()])
    const asked = world.requests.find(request => request.path === path)!
    expect(asked.headers['content-type']).toBe(type)
    expect(read(asked.text)).toEqual(expected)
  })

  test.each(['huawei', 'honor', 'oppo', 'vivo'])(
    '[PV2] %s: wrong credentials are the operator’s to mend, a busy grant is not',
    async name => {
      ;(fakes[name] as GrantingFake).spoil()
      world.force(name, refusalOf(name), { status: 400, body: { error: 1101, code: 14, result: 10206 } })
      expect((await vendor(name).send([message()])).map(brief)).toEqual(['configError'])
      world.force(name, { status: 503, body: {} })
      expect((await vendor(name).send([message()])).map(brief)).toEqual(['retryService'])
      expect((await vendor(name).send([message()])).map(brief)).toEqual(['accepted'])
    },
  )

  /** How a vendor says that its token is no longer good. */
  function refusalOf(name: string): FakeAnswer {
    const code = { huawei: '80200003', honor: 80_200_003, oppo: 11, vivo: 10_000 }[name]
    return { status: 200, body: name === 'vivo' ? { result: code } : { code } }
  }
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
