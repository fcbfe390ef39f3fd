import type { Millis } from '../../infra/clock.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { type PushDevice, type PushTokenRemoved, vendorOf } from '../../schemas/push-devices.ts'
import { attributesFault } from './attributes.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'

/**
 * Where a user is pushed to, and what is pushed to them that is no message. Each event holds the whole list, so that
 * whoever keeps it has one register to set; what was added and removed stands beside it for who follows the tokens.
 * That a token is registered by another user is not seen here: the two lie in sessions of their own (docs/adr).
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

/** With one more the oldest one goes. */
export const PUSH_DEVICES_MAX = 20
export const PUSH_TOKEN_BYTES_MAX = 4_096
export const PACKAGE_NAME_CHARS_MAX = 255
export const APP_VERSION_CHARS_MAX = 64
export const LOCALE_CHARS_MAX = 35
export const PUSH_TEXT_BYTES_MAX = 4_096
export const PUSH_URI_BYTES_MAX = 2_048
export const PUSH_OPTIONS_BYTES_MAX = 4_096
export const PUSH_OPTIONS_MAX = 16
export const PUSH_ID_CHARS_MAX = 128
export const PUSH_REASON_CHARS_MAX = 64
const ZONE_CHARS_MAX = 64
/** What stands in headers and in addresses of vendors: no blanks, nothing that is not printable. */
const PRINTABLE = /^[\x21-\x7e]+$/
const PACKAGE_NAME = /^[A-Za-z0-9._-]+$/
const LOCALE = /^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/
const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+/-]*$/

export function decideRegister({ view, pack, at }: Desk, body: BodyOf<'RegisterDevice'>): Verdict {
  const fault = registrationFault(body)
  if (fault !== undefined) return refused('PARAM', fault)
  const added = deviceOf(pack.device, body, at)
  const before = view.get('pushDevices', pack.sessionId) ?? []
  const others = before.filter(device => !isSame(device, added))
  // The token that the same app has on the same device from now on, and what is one too many.
  const staying = others.slice(Math.max(0, others.length + 1 - PUSH_DEVICES_MAX))
  const removed = before
    .filter(device => !staying.includes(device) && !hasToken(device, added))
    .map(device => removal(device, 'replaced'))
  return { kind: 'PushDevicesSet', devices: [...staying, added], added, removed }
}

export function decideUnregister({ view, pack }: Desk, body: BodyOf<'UnregisterDevice'>): Verdict {
  const before = view.get('pushDevices', pack.sessionId) ?? []
  if (!before.some(device => hasToken(device, body))) return refused('REQUEST_NOT_EXIST', 'no such device')
  return without(before, device => hasToken(device, body), 'unregistered')
}

/** Only the server itself says so; a token that was registered anew meanwhile stays. */
export function decideInvalidate({ view, pack }: Desk, body: BodyOf<'InvalidateToken'>): Verdict {
  if (pack.actor.kind !== 'SYSTEM') return refused('MSG_FORBIDDEN', 'only the server itself takes tokens away')
  const before = view.get('pushDevices', pack.sessionId) ?? []
  const isDead = (device: PushDevice) => hasToken(device, body) && device.at <= body.before
  if (!before.some(isDead)) return refused('REQUEST_NOT_EXIST', 'no such device')
  return without(before, isDead, body.reason.slice(0, PUSH_REASON_CHARS_MAX))
}

/** An app, an operator or the server pushes; users write messages. */
export function decidePush({ pack }: Desk, body: BodyOf<'Push'>): Verdict {
  if (pack.actor.kind === 'USER') return refused('MSG_FORBIDDEN', 'users do not push')
  const fault = requestFault(body)
  if (fault !== undefined) return refused('PARAM', fault)
  return { ...body, kind: 'PushRequested' }
}

export function decideOpened({ pushId }: BodyOf<'ReportPushOpened'>): Verdict {
  if (pushId.length > PUSH_ID_CHARS_MAX || !PRINTABLE.test(pushId)) return refused('PARAM', 'the pushId is not valid')
  return { kind: 'PushOpened', pushId }
}

function registrationFault(body: BodyOf<'RegisterDevice'>): string | undefined {
  const { serviceType, packageName, appVersion, token, locale, timeZone } = body
  if (vendorOf(serviceType) === undefined) return 'there is no push service of this number'
  if (packageName.length > PACKAGE_NAME_CHARS_MAX || !PACKAGE_NAME.test(packageName)) {
    return 'the package name is not valid'
  }
  if (appVersion.length > APP_VERSION_CHARS_MAX) return 'the app version is too long'
  if (token.length > PUSH_TOKEN_BYTES_MAX || !PRINTABLE.test(token)) return 'the token is not valid'
  if (locale !== undefined && (locale.length > LOCALE_CHARS_MAX || !LOCALE.test(locale))) {
    return 'the locale is not valid'
  }
  if (timeZone !== undefined && (timeZone.length > ZONE_CHARS_MAX || !TIME_ZONE.test(timeZone))) {
    return 'the time zone is not valid'
  }
  return undefined
}

function requestFault({ title, content, uri, unreadCount, extraData, options }: BodyOf<'Push'>): string | undefined {
  if (title === '' && content === '') return 'there is neither a title nor a content'
  if (Buffer.byteLength(title) + Buffer.byteLength(content) > PUSH_TEXT_BYTES_MAX) return 'the text is too long'
  if (Buffer.byteLength(uri) > PUSH_URI_BYTES_MAX) return 'the uri is too long'
  if (unreadCount !== undefined && unreadCount < 0) return 'the badge is below zero'
  if (new Set(options.map(({ serviceType }) => serviceType)).size !== options.length) return 'options are named twice'
  if (options.length > PUSH_OPTIONS_MAX) return 'there are too many options'
  for (const { serviceType, json } of options) {
    if (vendorOf(serviceType) === undefined) return 'there is no push service of this number'
    if (Buffer.byteLength(json) > PUSH_OPTIONS_BYTES_MAX) return 'the options of a service are too long'
    if (!isJsonObject(json)) return 'the options of a service are no JSON object'
  }
  return attributesFault(extraData)
}

function isJsonObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function deviceOf(device: { type: number; id: string }, body: BodyOf<'RegisterDevice'>, at: Millis): PushDevice {
  return {
    serviceType: body.serviceType,
    packageName: body.packageName,
    appVersion: body.appVersion,
    token: body.token,
    deviceType: device.type,
    deviceId: device.id,
    locale: body.locale ?? '',
    timeZone: body.timeZone ?? '',
    contentHidden: body.contentHidden ?? false,
    at,
  }
}

type Token = Pick<PushDevice, 'serviceType' | 'token'>

function hasToken(device: Token, { serviceType, token }: Token): boolean {
  return device.serviceType === serviceType && device.token === token
}

/** True where the one takes the place of the other: the same token, or the same app on the same device. */
function isSame(one: PushDevice, other: PushDevice): boolean {
  if (hasToken(one, other)) return true
  return (
    one.deviceId !== '' &&
    one.deviceId === other.deviceId &&
    one.serviceType === other.serviceType &&
    one.packageName === other.packageName
  )
}

function removal({ serviceType, token }: Token, reason: string): PushTokenRemoved {
  return { serviceType, token, reason }
}

function without(before: readonly PushDevice[], goes: (device: PushDevice) => boolean, reason: string): Verdict {
  const devices = before.filter(device => !goes(device))
  return { kind: 'PushDevicesSet', devices, removed: before.filter(goes).map(device => removal(device, reason)) }
}
