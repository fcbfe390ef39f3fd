import { createHash } from 'node:crypto'
import {
  type Fake,
  type FakeAnswer,
  type FakeRequest,
  type FakeWorld,
  parseForm,
  parseJson,
  unknownFields,
} from './fake.ts'
import { type GrantingFake, Grants } from './grants.ts'

/** Huawei, Honor, Xiaomi, OPPO, vivo and Meizu, as their documents say that they answer. */

const ok = (body: unknown): FakeAnswer => ({ status: 200, body })
const SKEW_MS_MAX = 600_000
/** How long granted tokens are good for. */
const KIT_SECONDS = 3_600
const DAY_SECONDS = 86_400
type Fields = Record<string, unknown>

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** What the sender wants to hear; undefined where it wants to hear nothing. */
function receiptOf(url: unknown, tag: unknown): { url?: string; tag: string } | undefined {
  if (typeof tag !== 'string') return undefined
  return typeof url === 'string' ? { url, tag } : { tag }
}

function kitLike(
  name: 'huawei' | 'honor',
  world: FakeWorld,
  credentials: { id: string; clientId: string; clientSecret: string },
): GrantingFake {
  const grants = new Grants(world, KIT_SECONDS)
  const paths =
    name === 'huawei'
      ? { auth: '/oauth2/v3/token', send: `/v1/${credentials.id}/messages:send` }
      : { auth: '/auth/token', send: `/api/v1/${credentials.id}/sendMessage` }
  const fail = (code: string, msg: string) =>
    ok(name === 'huawei' ? { code, msg, requestId: 'r' } : { code: Number(code), message: msg })
  return { name, spoil: () => grants.spoil(), handle }

  function handle({ path, text, headers }: FakeRequest): FakeAnswer {
    if (path === paths.auth) {
      const form = parseForm(text) ?? {}
      const isKnown = form.client_id === credentials.clientId && form.client_secret === credentials.clientSecret
      if (form.grant_type !== 'client_credentials' || !isKnown) return { status: 400, body: { error: 1101 } }
      return ok({ access_token: grants.grant(), expires_in: KIT_SECONDS, token_type: 'Bearer' })
    }
    if (path !== paths.send) return { status: 404, body: {} }
    if (!grants.has(String(headers.authorization ?? '').replace('Bearer ', ''))) return fail('80200003', 'expired')
    if (name === 'honor' && !/^\d{13}$/.test(String(headers.timestamp))) return fail('80100001', 'no timestamp')
    const body = parseJson(text)
    const message = (name === 'huawei' ? body?.message : body) as Fields | undefined
    const known = name === 'huawei' ? unknownFields(body, ['validate_only', 'message']) : []
    const unknown = [...known, ...unknownFields(message, ['data', 'android', 'token']), ...unknownAndroid(message)]
    if (unknown.length > 0) return fail('80100001', `unknown: ${unknown}`)
    return show(message!)
  }

  function unknownAndroid(message: Fields | undefined): string[] {
    const android = message?.android as Fields | undefined
    const isHuawei = name === 'huawei'
    const top = isHuawei
      ? ['collapse_key', 'urgency', 'category', 'ttl', 'bi_tag', 'notification']
      : ['ttl', 'biTag', 'notification']
    const note = isHuawei
      ? ['title', 'body', 'click_action', 'channel_id', 'notify_id', 'importance', 'badge']
      : ['title', 'body', 'clickAction', 'importance', 'notifyId', 'badge']
    return [...unknownFields(android, top), ...unknownFields(android?.notification, note)]
  }

  function show(message: Fields): FakeAnswer {
    const tokens = message.token as string[]
    if (!Array.isArray(tokens) || tokens.length > 1_000) return fail('80300010', 'too many tokens')
    const android = message.android as Fields
    const note = android.notification as Fields
    const tag = android.bi_tag ?? android.biTag
    const dead = tokens.filter(token => world.isDead(token))
    const badge = note.badge as Fields | undefined
    const collapseKey = String(note.notify_id ?? note.notifyId)
    for (const token of tokens.filter(one => !world.isDead(one))) {
      const shown = {
        title: String(note.title),
        body: String(note.body),
        badge: Number(badge?.set_num ?? badge?.setNum),
      }
      world.show({
        vendor: name,
        app: credentials.id,
        token,
        ...shown,
        collapseKey,
        data: parseJson(String(message.data)) ?? {},
        receipt: receiptOf(undefined, tag),
      })
    }
    if (name === 'honor') return ok({ code: 200, message: 'ok', data: { requestId: 'r', expireTokens: dead } })
    if (dead.length === 0) return ok({ code: '80000000', msg: 'Success', requestId: 'r' })
    if (dead.length === tokens.length) return fail('80300007', 'all tokens are invalid')
    const counts = { success: tokens.length - dead.length, failure: dead.length, illegal_tokens: dead }
    return ok({ code: '80100000', msg: JSON.stringify(counts), requestId: 'r' })
  }
}

export const fakeHuawei = (world: FakeWorld, { clientId, clientSecret }: { clientId: string; clientSecret: string }) =>
  kitLike('huawei', world, { id: clientId, clientId, clientSecret })

export const fakeHonor = (
  world: FakeWorld,
  { appId, ...rest }: { appId: string; clientId: string; clientSecret: string },
) => kitLike('honor', world, { id: appId, ...rest })

const XIAOMI_FIELDS = [
  ...['registration_id', 'restricted_package_name', 'title', 'description', 'payload', 'pass_through', 'notify_type'],
  ...['notify_id', 'time_to_live', 'extra.channel_id', 'extra.notify_effect', 'extra.intent_uri', 'extra.callback'],
  ...['extra.callback.param', 'extra.callback.type'],
]

export function fakeXiaomi(world: FakeWorld, { appSecret }: { appSecret: string }): Fake {
  const fail = (code: number, reason: string) => ok({ result: 'error', code, reason, description: reason })
  return {
    name: 'xiaomi',
    handle: ({ path, text, headers }) => {
      if (path !== '/v3/message/regid') return { status: 404, body: {} }
      if (headers.authorization !== `key=${appSecret}`) return fail(21301, 'auth failed')
      const form = parseForm(text)
      const unknown = unknownFields(form, XIAOMI_FIELDS)
      if (form === undefined || unknown.length > 0) return fail(10008, `unknown: ${unknown}`)
      const tokens = form.registration_id!.split(',')
      if (tokens.length > 1_000 || [...form.title!].length >= 50 || [...form.description!].length >= 128)
        return fail(10016, 'too long')
      const alive = tokens.filter(token => !world.isDead(token))
      if (alive.length === 0) return fail(20301, 'no valid target')
      for (const token of alive) {
        const data = parseJson(decodeURIComponent(form.payload!)) ?? {}
        const shown = {
          title: form.title!,
          body: form.description!,
          badge: Number(data.badge),
          collapseKey: form.notify_id!,
        }
        const receipt = receiptOf(form['extra.callback'], form['extra.callback.param'])
        world.show({ vendor: 'xiaomi', app: form.restricted_package_name!, token, ...shown, data, receipt })
      }
      const bad = tokens.filter(token => world.isDead(token)).join(',')
      return ok({
        result: 'ok',
        code: 0,
        trace_id: 't',
        data: { id: 'x1', ...(bad === '' ? {} : { bad_regids: bad }) },
      })
    },
  }
}

const OPPO_FIELDS = [
  ...['app_message_id', 'title', 'sub_title', 'content', 'click_action_type', 'click_action_url', 'action_parameters'],
  ...['channel_id', 'category', 'notify_level', 'off_line', 'off_line_ttl', 'notify_id', 'call_back_url'],
  'call_back_parameter',
]

export function fakeOppo(
  world: FakeWorld,
  { appKey, masterSecret }: { appKey: string; masterSecret: string },
): GrantingFake {
  const grants = new Grants(world, DAY_SECONDS)
  const fail = (code: number, message: string) => ok({ code, message })
  const show = (message: Fields): Fields => {
    const unknown = unknownFields(message, ['target_type', 'target_value', 'verify_registration_id', 'notification'])
    const note = message.notification as Fields
    if (unknown.length + unknownFields(note, OPPO_FIELDS).length > 0)
      return { errorCode: 41, errorMessage: 'unknown field' }
    const token = String(message.target_value)
    if (world.isDead(token))
      return { registrationId: token, errorCode: 10_000, errorMessage: 'Invalid registration_id' }
    const data = parseJson(String(note.action_parameters)) ?? {}
    const shown = { title: String(note.title), body: String(note.content), badge: Number(data.badge) }
    const receipt = receiptOf(note.call_back_url, note.call_back_parameter)
    world.show({ vendor: 'oppo', app: appKey, token, ...shown, collapseKey: String(note.notify_id), data, receipt })
    return { messageId: 'o1', registrationId: token }
  }
  return {
    name: 'oppo',
    spoil: () => grants.spoil(),
    handle: ({ path, text }) => {
      const form = parseForm(text) ?? {}
      if (path === '/server/v1/auth') {
        if (Math.abs(world.now() - Number(form.timestamp)) > SKEW_MS_MAX) return fail(17, 'timestamp')
        if (form.app_key !== appKey || form.sign !== sha256(appKey + form.timestamp + masterSecret))
          return fail(14, 'sign')
        return ok({ code: 0, message: '', data: { auth_token: grants.grant(), create_time: world.now() } })
      }
      if (path !== '/server/v1/message/notification/unicast_batch') return { status: 404, body: {} }
      if (!grants.has(form.auth_token ?? '')) return fail(11, 'Invalid AuthToken')
      const messages = JSON.parse(form.messages ?? '[]') as Fields[]
      if (messages.length === 0 || messages.length > 1_000) return fail(40, 'messages')
      return ok({ code: 0, message: '', data: messages.map(show) })
    },
  }
}

const VIVO_FIELDS = [
  ...['appId', 'regId', 'notifyType', 'title', 'content', 'timeToLive', 'skipType', 'skipContent', 'networkType'],
  ...['classification', 'category', 'requestId', 'pushMode', 'clientCustomMap', 'extra', 'notifyId'],
]

export function fakeVivo(
  world: FakeWorld,
  { appId, appKey, appSecret }: { appId: string; appKey: string; appSecret: string },
): GrantingFake {
  const grants = new Grants(world, DAY_SECONDS)
  const fail = (result: number, desc: string) => ok({ result, desc })
  return {
    name: 'vivo',
    spoil: () => grants.spoil(),
    handle: ({ path, text, headers }) => {
      const body = parseJson(text) ?? {}
      if (path === '/message/auth') {
        if (unknownFields(body, ['appId', 'appKey', 'timestamp', 'sign']).length > 0)
          return fail(10_200, 'unknown field')
        if (Math.abs(world.now() - Number(body.timestamp)) > SKEW_MS_MAX) return fail(10_207, 'timestamp')
        if (body.sign !== md5(`${appId}${appKey}${String(body.timestamp)}${appSecret}`)) return fail(10_206, 'sign')
        return ok({ result: 0, desc: 'ok', authToken: grants.grant() })
      }
      if (path !== '/message/send') return { status: 404, body: {} }
      if (!grants.has(String(headers.authtoken ?? ''))) return fail(10_000, 'auth failed')
      const unknown = unknownFields(body, VIVO_FIELDS)
      if (unknown.length > 0) return fail(10_050, `unknown: ${unknown}`)
      if ([...String(body.title)].length > 40 || [...String(body.content)].length > 100) return fail(10_055, 'too long')
      const token = String(body.regId)
      if (world.isDead(token)) return fail(10_302, 'regId invalid')
      const data = body.clientCustomMap as Fields
      const shown = { title: String(body.title), body: String(body.content), badge: Number(data.badge) }
      const extra = body.extra as Fields | undefined
      const receipt = receiptOf(extra?.callback, extra?.['callback.param'])
      world.show({ vendor: 'vivo', app: appId, token, ...shown, collapseKey: String(body.notifyId), data, receipt })
      return ok({ result: 0, desc: 'ok', taskId: 'v1' })
    },
  }
}

const MEIZU_FIELDS = ['noticeBarInfo', 'clickTypeInfo', 'pushTimeInfo', 'advanceInfo', 'extra']

export function fakeMeizu(world: FakeWorld, { appId, appSecret }: { appId: string; appSecret: string }): Fake {
  const fail = (code: string, message: string) => ok({ code, message, value: '' })
  return {
    name: 'meizu',
    handle: ({ path, text }) => {
      if (path !== '/garcia/api/server/push/varnished/pushByPushId') return { status: 404, body: {} }
      const form = parseForm(text) ?? {}
      const { sign, ...fields } = form
      const signed = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
      if (sign !== md5(signed.map(([name, value]) => `${name}=${value}`).join('') + appSecret))
        return fail('1006', 'sign')
      if (fields.appId !== appId || Object.keys(fields).length !== 3) return fail('110000', 'appId')
      const message = parseJson(fields.messageJson ?? '')
      const note = message?.noticeBarInfo as Fields | undefined
      if (unknownFields(message, MEIZU_FIELDS).length > 0) return fail('1005', 'unknown field')
      if ([...String(note?.title)].length > 32 || [...String(note?.content)].length > 100)
        return fail('110004', 'too long')
      const tokens = fields.pushIds!.split(',')
      const dead = tokens.filter(token => world.isDead(token))
      const key = String((message!.advanceInfo as Fields).notifyKey)
      const data = (message!.clickTypeInfo as Fields).parameters as Fields
      const extra = message!.extra as Fields | undefined
      for (const token of tokens.filter(one => !world.isDead(one))) {
        const shown = { title: String(note!.title), body: String(note!.content), badge: Number(data.badge) }
        const receipt = receiptOf(extra?.callback, extra?.['callback.param'])
        world.show({ vendor: 'meizu', app: appId, token, ...shown, collapseKey: key, data, receipt })
      }
      return ok({ code: '200', message: '', value: dead.length === 0 ? {} : { '110003': dead }, msgId: 'z1' })
    },
  }
}
