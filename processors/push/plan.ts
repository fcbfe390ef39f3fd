import { createHash } from 'node:crypto'
import type { Millis } from '../../infra/clock.ts'
import type { Partition, Seq, UserId } from '../../schemas/ids.ts'
import { parseSessionId } from '../../schemas/ids.ts'
import type { PushDevice, PushRequest } from '../../schemas/push-devices.ts'
import { isQuiet } from '../../schemas/quiet-hours.ts'
import type { Notify, UserSettings } from '../../schemas/settings.ts'
import type { MessageEvent, PushedEvent } from './jobs.ts'
import { type Languages, type Names, templatesFor, textsOf } from './templates.ts'

/**
 * Who is pushed what: from an event and what is known of a user and their devices to what is sent. Pure.
 *
 * A device gets nothing where the user is the sender, has read or cleared the session that far, was not in the group
 * yet, has muted it (a mention passes where they said so) or has quiet hours; where it is connected and has told that
 * it has the message; and, for the moment, where it is connected and may still tell so: it is looked at again.
 */

/** What is known of a user for one event. */
export interface UserFacts {
  userId: UserId
  devices: readonly PushDevice[]
  /** Connections that count as alive. */
  connections: readonly { deviceId: string; since: Millis }[]
  settings: UserSettings
  /** What the user has chosen for the session; undefined: nothing. */
  notify: Notify | undefined
  /** Read or cleared up to here, whichever is later. */
  readSeq: Seq
  /** The message is hidden from the user. */
  isHidden: boolean
  /** Seq of the event that let the user into the group, 0 elsewhere. */
  joinSeq: Seq
}

export const SKIPS = [
  'sender',
  'notMember',
  'read',
  'hidden',
  'muted',
  'quiet',
  'acked',
  'gone',
  'old',
  'noDevice',
] as const
/** Why somebody is not pushed to. */
export type Skip = (typeof SKIPS)[number]

export interface UserPlan {
  /** Devices that are pushed to now. */
  send: PushDevice[]
  /** Devices that are connected and may still tell that they have the message. */
  wait: PushDevice[]
  /** Why the others are not, by how many. */
  skipped: Map<Skip, number>
}

export interface PlanRequest {
  event: MessageEvent
  user: UserFacts
  now: Millis
  /** The first look leaves those alone that are connected; the second one asks whether they have the message. */
  stage: 1 | 2
  /** How far a device has told that it has the session. */
  deliveredSeq(device: PushDevice): Seq
}

/** The only user for whom a message of the session is meant; undefined where there may be many. */
export function receiverOf({ sessionId, from }: Pick<MessageEvent, 'sessionId' | 'from'>): UserId | undefined {
  const session = parseSessionId(sessionId)
  if (session?.kind === 'Single') return session.a === from ? session.b : session.a
  return session?.kind === 'Notify' ? session.user : undefined
}

/** The plan for the devices of one user. */
export function planUser(request: PlanRequest): UserPlan {
  const { event, user } = request
  const plan: UserPlan = { send: [], wait: [], skipped: new Map() }
  const skip = (reason: Skip) => plan.skipped.set(reason, (plan.skipped.get(reason) ?? 0) + 1)
  if (user.devices.length === 0) {
    skip('noDevice')
    return plan
  }
  const reason = reasonAgainst(event, user, request.now)
  for (const device of user.devices) {
    const verdict = reason ?? verdictOf(device, request)
    if (verdict === 'send') plan.send.push(device)
    else if (verdict === 'wait') plan.wait.push(device)
    else skip(verdict)
  }
  return plan
}

/** Why the user is not pushed to on any device. */
function reasonAgainst(event: MessageEvent, user: UserFacts, now: Millis): Skip | undefined {
  if (user.userId === event.from) return 'sender'
  if (user.joinSeq > event.seq) return 'notMember'
  if (user.readSeq >= event.seq) return 'read'
  if (user.isHidden) return 'hidden'
  if (!isWanted(event, user)) return 'muted'
  return isQuiet(user.settings.quietHours, now) ? 'quiet' : undefined
}

/** Of what the session and the user say, the stricter one holds: a session that nobody has touched says `all`. */
function isWanted(event: MessageEvent, { settings, notify = 'all', userId }: UserFacts): boolean {
  const chosen = [settings.notify, notify]
  if (chosen.includes('none')) return false
  return !chosen.includes('mentions') || isMentioned(event, userId)
}

export function isMentioned({ mentions, mentionsAll }: MessageEvent, userId: UserId): boolean {
  return mentionsAll || mentions.includes(userId)
}

function verdictOf(device: PushDevice, { event, user, stage, deliveredSeq }: PlanRequest): 'send' | 'wait' | 'acked' {
  if (deliveredSeq(device) >= event.seq) return 'acked'
  const connection = user.connections.find(({ deviceId }) => deviceId !== '' && deviceId === device.deviceId)
  if (connection === undefined) return 'send'
  if (stage === 1) return 'wait'
  // Only single chats have delivered marks. Elsewhere whoever was there before the message, and still is, has it.
  const hasMarks = parseSessionId(event.sessionId)?.kind === 'Single'
  return !hasMarks && connection.since <= event.at ? 'acked' : 'send'
}

/** Something to be sent to one device. */
export interface Intent {
  pushId: string
  userId: UserId
  device: PushDevice
  /** Names the device within the event. */
  deviceKey: string
  title: string
  body: string
  /** What opens; empty: the app. */
  uri: string
  badge: number
  /** Notifications with the same key take the place of each other. */
  collapseKey: string
  isUrgent: boolean
  /** What the app is given. */
  data: Record<string, string>
  /** In the vendor's own terms, over what it is told otherwise. */
  options: Record<string, unknown>
}

/** Vendors allow 64 bytes; a session id may be longer. */
export const COLLAPSE_KEY_CHARS = 32

export interface Wording {
  names: Names
  languages: Languages
  /** Nothing is shown on any device. */
  isHidden: boolean
}

interface DeviceOfUser {
  partition: Partition
  userId: UserId
  device: PushDevice
  badge: number
}

/** What a message says on a device of a user. */
export function messageIntent(
  event: MessageEvent,
  { partition, userId, device, badge }: DeviceOfUser,
  { names, languages, isHidden }: Wording,
): Intent {
  const templates = templatesFor(device.locale, languages)
  const isMention = names.group !== undefined && isMentioned(event, userId)
  const written = textsOf(event.content, names, { templates, isMention })
  const { pushInfo } = event
  const shown = {
    title: pushInfo?.title || written.title,
    body: pushInfo?.summary || written.body,
  }
  const hidden = { title: templates.hiddenTitle, body: templates.hiddenContent }
  return {
    ...frameOf(event, partition, userId, device),
    ...(isHidden || device.contentHidden ? hidden : shown),
    uri: pushInfo?.url ?? '',
    badge,
    options: {},
  }
}

/** What an app pushes, on a device of a user. */
export function requestIntent(
  event: PushedEvent,
  request: PushRequest,
  { partition, userId, device, badge }: DeviceOfUser,
): Intent {
  const frame = frameOf(event, partition, userId, device)
  const extra = Object.fromEntries(request.extraData.map(({ name, value }) => [name, value]))
  const options = request.options.find(({ serviceType }) => serviceType === device.serviceType)
  return {
    ...frame,
    title: request.title,
    body: request.content,
    uri: request.uri,
    badge: request.unreadCount ?? badge,
    // What apps push is no conversation: one does not take the place of another.
    collapseKey: hashOf(`${event.sessionId}#${event.seq}`).slice(0, COLLAPSE_KEY_CHARS),
    data: { ...extra, ...frame.data },
    options: options === undefined ? {} : (JSON.parse(options.json) as Record<string, unknown>),
  }
}

/** What takes the place of a message that is gone. */
export function withdrawalIntent(
  event: PushedEvent,
  { partition, userId, device, badge, seq }: DeviceOfUser & { seq: Seq },
  languages: Languages,
): Intent {
  const { revoked, hiddenTitle } = templatesFor(device.locale, languages)
  const frame = frameOf(event, partition, userId, device)
  return {
    ...frame,
    title: hiddenTitle,
    body: revoked,
    uri: '',
    badge,
    options: {},
    data: { ...frame.data, withdraws: String(seq) },
  }
}

function frameOf(event: PushedEvent, partition: Partition, userId: UserId, device: PushDevice) {
  const deviceKey = deviceKeyOf(device)
  const pushId = `${partition}-${event.offset}-${deviceKey}`
  return {
    pushId,
    userId,
    device,
    deviceKey,
    collapseKey: hashOf(event.sessionId).slice(0, COLLAPSE_KEY_CHARS),
    isUrgent: event.isUrgent,
    data: { pushId, sessionId: event.sessionId, seq: String(event.seq) },
  }
}

/** Names a device by its token, which is nobody's business. */
export function deviceKeyOf({ serviceType, token }: Pick<PushDevice, 'serviceType' | 'token'>): string {
  return hashOf(`${serviceType} ${token}`).slice(0, DEVICE_KEY_CHARS)
}

const DEVICE_KEY_CHARS = 16

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export interface SessionUnread {
  unread: number
  mentions: number
  notify: Notify
}

/** The badge: what is unread in sessions that are not muted; of those that only mentions pass, the mentions. */
export function badgeOf(sessions: readonly SessionUnread[], settings: UserSettings): number {
  let badge = 0
  for (const { unread, mentions, notify } of sessions) {
    const chosen = [settings.notify, notify]
    if (chosen.includes('none')) continue
    badge += chosen.includes('mentions') ? Math.min(mentions, unread) : unread
  }
  return badge
}
