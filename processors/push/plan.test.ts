import { describe, expect, test } from 'vitest'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import type { MessageEvent } from './jobs.ts'
import { badgeOf, messageIntent, type PlanRequest, planUser, type UserFacts, withdrawalIntent } from './plan.ts'

const at = Date.UTC(2026, 0, 15, 12, 0)
const phone: PushDevice = {
  serviceType: 1,
  packageName: 'com.example.chat',
  appVersion: '1',
  token: 't1',
  deviceType: 1,
  deviceId: 'phone',
  locale: 'it-IT',
  timeZone: '',
  contentHidden: false,
  at: 1,
}
const event: MessageEvent = {
  offset: 7,
  sessionId: 's:alice:bob' as SessionId,
  seq: 5,
  at,
  from: 'bob' as UserId,
  packId: 'p' as PackId,
  isUrgent: false,
  content: { kind: 'Text', text: 'see you {sender}' },
  mentions: [],
  mentionsAll: false,
  pushInfo: null,
}
const inGroup: MessageEvent = { ...event, sessionId: 'g:crew' as SessionId }
const alice: UserFacts = {
  userId: 'alice' as UserId,
  devices: [phone],
  connections: [],
  settings: USER_SETTINGS_DEFAULT,
  notify: undefined,
  readSeq: 4,
  isHidden: false,
  joinSeq: 0,
}
const online = { ...alice, connections: [{ deviceId: 'phone', since: at - 1 }] }
const noon = { fromMinute: 700, toMinute: 740, timeZone: 'UTC' }

/** `send`, `wait`, or why not. */
function verdict(user: Partial<UserFacts>, more: Partial<PlanRequest> = {}): string {
  const request = { event, user: { ...alice, ...user }, now: at, stage: 1, deliveredSeq: () => 0, ...more } as const
  const plan = planUser(request)
  if (plan.send.length > 0) return 'send'
  return plan.wait.length > 0 ? 'wait' : [...plan.skipped.keys()].join()
}

describe('who is pushed to', () => {
  const mentioned = { event: { ...inGroup, mentions: [alice.userId] } }
  const rows: [string, Partial<UserFacts>, Partial<PlanRequest>, string][] = [
    ['an offline device', {}, {}, 'send'],
    ['nobody without a device', { devices: [] }, {}, 'noDevice'],
    ['not the sender', { userId: 'bob' as UserId }, {}, 'sender'],
    ['not who has read it', { readSeq: 5 }, {}, 'read'],
    ['not who hides it', { isHidden: true }, {}, 'hidden'],
    ['not who came later', { joinSeq: 6 }, {}, 'notMember'],
    ['who came with the event before', { joinSeq: 5 }, {}, 'send'],
    ['not where the session is muted', { notify: 'none' }, {}, 'muted'],
    ['a mention does not pass "none"', { notify: 'none' }, mentioned, 'muted'],
    ['not where only mentions pass', { notify: 'mentions' }, { event: inGroup }, 'muted'],
    ['a mention where mentions pass', { notify: 'mentions' }, mentioned, 'send'],
    ['a mention of all', { notify: 'mentions' }, { event: { ...inGroup, mentionsAll: true } }, 'send'],
    ['not who has muted everything', { settings: { ...USER_SETTINGS_DEFAULT, notify: 'none' } }, {}, 'muted'],
    ['not in quiet hours', { settings: { ...USER_SETTINGS_DEFAULT, quietHours: noon } }, {}, 'quiet'],
    [
      'after quiet hours',
      { settings: { ...USER_SETTINGS_DEFAULT, quietHours: noon } },
      { now: at + 3_600_000 },
      'send',
    ],
    ['a connected device may still tell', online, {}, 'wait'],
    ['a connected device that has told', online, { deliveredSeq: () => 5 }, 'acked'],
    ['a device that had told and left', {}, { deliveredSeq: () => 5 }, 'acked'],
    ['a connected device that told nothing in time', online, { stage: 2, deliveredSeq: () => 4 }, 'send'],
    ['in a group, a device that was there before and still is', online, { stage: 2, event: inGroup }, 'acked'],
    [
      'in a group, a device that came back',
      { connections: [{ deviceId: 'phone', since: at + 1 }] },
      { stage: 2, event: inGroup },
      'send',
    ],
    ['another device of the user is connected', { connections: [{ deviceId: 'desk', since: 1 }] }, {}, 'send'],
    [
      'a device without an id is never known to be connected',
      { devices: [{ ...phone, deviceId: '' }], connections: [{ deviceId: '', since: 1 }] },
      {},
      'send',
    ],
  ]
  test.each(rows)('[PU5] %s', (_name, user, more, expected) => {
    expect(verdict(user, more)).toBe(expected)
  })
})

describe('what a push says', () => {
  const who = { partition: 3, userId: alice.userId, device: phone, badge: 2 }
  const wording = { names: { sender: 'Bob' }, languages: {}, isHidden: false }

  test('[PU6] title and content by the names, badge and keys; what people write is no template', () => {
    expect(messageIntent(event, who, wording)).toMatchObject({
      title: 'Bob',
      body: 'see you {sender}',
      badge: 2,
      uri: '',
    })
    const group = { ...wording, names: { sender: 'Bob', group: 'Crew' } }
    expect(messageIntent(inGroup, who, group)).toMatchObject({ title: 'Crew', body: 'Bob: see you {sender}' })
    const mention = { ...inGroup, mentions: [alice.userId] }
    expect(messageIntent(mention, who, group).body).toBe('@ Bob: see you {sender}')
  })

  test('[PU6] the language is that of the device, or the default; operators have words of their own', () => {
    const image = { ...event, content: { kind: 'Image', text: '' } } as MessageEvent
    const body = (locale: string, languages = {}) =>
      messageIntent(image, { ...who, device: { ...phone, locale } }, { ...wording, languages }).body
    expect([body('it-IT'), body('zh_Hans_CN'), body('xx'), body('')]).toEqual([
      '[Foto]',
      '[图片]',
      '[Photo]',
      '[Photo]',
    ])
    expect(body('it-CH', { it: { image: 'immagine' }, 'it-ch': { content: '» {text}' } })).toBe('» immagine')
    expect(body('__proto__')).toBe('[Photo]')
  })

  test('[PU6] privacy shows no names and no content, on one device or on all; what the sender gives goes before', () => {
    const pushInfo = { title: 'T', summary: 'S', url: 'app://x' }
    const given = messageIntent({ ...event, pushInfo }, who, wording)
    expect(given).toMatchObject({ title: 'T', body: 'S', uri: 'app://x' })
    const hidden = { title: 'Nuovo messaggio', body: 'Hai un nuovo messaggio' }
    const onDevice = { ...who, device: { ...phone, contentHidden: true } }
    expect(messageIntent({ ...event, pushInfo }, onDevice, wording)).toMatchObject(hidden)
    expect(messageIntent({ ...event, pushInfo }, who, { ...wording, isHidden: true })).toMatchObject(hidden)
  })

  test('[PU6] one collapse key for each session, of 64 bytes at most; the id names event and device', () => {
    const one = messageIntent(event, who, wording)
    const later = messageIntent({ ...event, seq: 6, offset: 9 }, who, wording)
    expect(later.collapseKey).toBe(one.collapseKey)
    expect(messageIntent(inGroup, who, wording).collapseKey).not.toBe(one.collapseKey)
    expect(one.collapseKey.length).toBeLessThanOrEqual(64)
    expect(one.pushId).toMatch(/^3-7-[0-9a-f]{16}$/)
    expect(one.data).toEqual({ pushId: one.pushId, sessionId: 's:alice:bob', seq: '5' })
    const gone = withdrawalIntent({ ...event, seq: 6, offset: 9 }, { ...who, seq: 5 }, {})
    expect(gone).toMatchObject({ collapseKey: one.collapseKey, body: 'Messaggio ritirato', data: { withdraws: '5' } })
  })

  test('[PU7] the badge counts what is unread where it is not muted, and mentions where only those pass', () => {
    const sessions = [
      { unread: 3, mentions: 1, notify: 'all' },
      { unread: 9, mentions: 9, notify: 'none' },
      { unread: 5, mentions: 2, notify: 'mentions' },
    ] as const
    expect(badgeOf(sessions, USER_SETTINGS_DEFAULT)).toBe(5)
    expect(badgeOf(sessions, { ...USER_SETTINGS_DEFAULT, notify: 'mentions' })).toBe(3)
    expect(badgeOf(sessions, { ...USER_SETTINGS_DEFAULT, notify: 'none' })).toBe(0)
  })
})
