import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ALL, APP, RECEIPTS_URL, VendorWorld } from './testing/vendor-world.ts'
import type { PushMessage } from './vendor.ts'

/** The requests field by field, as the contracts name them: of a plain message, and of one with everything. */

let world: VendorWorld
beforeAll(async () => {
  world = await VendorWorld.start()
}, 30_000)
afterAll(() => world.stop())
beforeEach(() => world.clear())

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
      headers: { authorization: 'key=a secret of the test, xiaomi', 'content-type': formType },
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
    world.fakes.requests.length = 0
    expect(await world.vendor(name).send([one])).toMatchObject([{ kind: 'accepted' }])
    return world.fakes.requests.at(-1)!
  }

  test('[PV1] there is one for every vendor', () => {
    expect(Object.keys(REQUESTS).sort()).toEqual([...ALL].sort())
  })

  test.each(Object.entries(REQUESTS))('[PV1] %s', async (name, expected) => {
    const plain = world.message()
    const request = await sentAs(name, plain)
    expect(request.method).toBe('POST')
    expect(request.path).toBe(expected.path.replace(':token', plain.token))
    expect(request.headers).toMatchObject(expected.headers)
    expect(expected.read(request.text)).toEqual(expected.plain(plain.token))
    const full = await sentAs(name, world.message({ uri: 'app://chat', isUrgent: true }))
    expect(expected.read(full.text)).toMatchObject(expected.full as object)
    const overridden = await sentAs(name, world.message({ options: expected.options }))
    expect(expected.read(overridden.text)).toMatchObject(expected.overridden as object)
  })

  test.each(['huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'])(
    '[PV1] %s is not asked how far what takes the place of a message came',
    async name => {
      const { text } = await sentAs(name, world.message({ isWithdrawal: true }))
      expect(decodeURIComponent(text)).not.toContain('push-receipts')
      expect(text).not.toMatch(/bi_?tag/i)
    },
  )

  const GRANTS: Record<string, { path: string; type: string; read(text: string): unknown; expected: unknown }> = {
    huawei: {
      path: '/oauth2/v3/token',
      type: formType,
      read: fields,
      expected: { grant_type: 'client_credentials', client_id: 'hw', client_secret: 'a secret of the test, huawei' },
    },
    honor: {
      path: '/auth/token',
      type: formType,
      read: fields,
      expected: { grant_type: 'client_credentials', client_id: 'hoc', client_secret: 'a secret of the test, honor' },
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
    world.spoil(name)
    await world.send(name)
    const asked = world.fakes.requests.find(request => request.path === path)!
    expect(asked.headers['content-type']).toBe(type)
    expect(read(asked.text)).toEqual(expected)
  })
})
