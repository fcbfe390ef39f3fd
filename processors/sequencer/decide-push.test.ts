import { describe, expect, test } from 'vitest'
import type { AcceptedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { PUSH_DEVICES_MAX, PUSH_OPTIONS_BYTES_MAX, PUSH_TOKEN_BYTES_MAX } from './decide-push.ts'
import { brief, makePack, TestState } from './testing/packs.ts'

type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>
type Changes = Parameters<typeof makePack>[1]
type DevicesSet = Extract<AcceptedBody, { kind: 'PushDevicesSet' }>

const run = (state: TestState, body: PackBody, changes: Changes = {}, from = 'alice') =>
  state.run(makePack({ session: 'u:alice', from, body, flags: 0 }, changes))
const onDevice = (id: string) => ({ device: { type: 1, id } })
const system = { actor: { kind: 'SYSTEM', id: 'push' } } as const
const app = { actor: { kind: 'APP', id: 'shop' } } as const
const register = (token: string, more: Partial<BodyOf<'RegisterDevice'>> = {}): PackBody => ({
  kind: 'RegisterDevice',
  serviceType: 1,
  packageName: 'com.example.chat',
  appVersion: '1.0',
  token,
  ...more,
})
const push = (more: Partial<BodyOf<'Push'>> = {}): PackBody => ({
  kind: 'Push',
  title: 'Sale',
  content: 'Today',
  uri: '',
  extraData: [],
  options: [],
  ...more,
})
const tokens = (state: TestState) => (state.rows.pushDevices.get('u:alice') ?? []).map(({ token }) => token)
const body = (event: { body: unknown }) => event.body as DevicesSet

describe('where a user is pushed to', () => {
  test('[PU1] a registration holds the device of its pack, and the event all devices', () => {
    const state = new TestState()
    run(state, register('t1', { locale: 'it-IT', timeZone: 'Europe/Rome' }), onDevice('phone'))
    const event = run(state, register('t2', { serviceType: 7, contentHidden: true }), onDevice('tablet'))
    expect(event).toMatchObject({ seq: 2, count: 0 })
    expect(body(event)).toMatchObject({
      devices: [
        { token: 't1', deviceId: 'phone', locale: 'it-IT', timeZone: 'Europe/Rome', contentHidden: false },
        { token: 't2', deviceId: 'tablet', locale: '', timeZone: '', contentHidden: true },
      ],
      added: { token: 't2', deviceType: 1, serviceType: 7 },
      removed: [],
    })
    expect(state.rows.pushDevices.get('u:alice')).toEqual(body(event).devices)
  })

  test('[PU1] a new token of an app on a device takes the place of the old one; the same token is there once', () => {
    const state = new TestState()
    run(state, register('t1'), onDevice('phone'))
    expect(body(run(state, register('t2'), onDevice('phone')))).toMatchObject({
      removed: [{ serviceType: 1, token: 't1', reason: 'replaced' }],
    })
    expect(body(run(state, register('t2', { appVersion: '2' }), onDevice('other')))).toMatchObject({ removed: [] })
    expect(tokens(state)).toEqual(['t2'])
    run(state, register('t2', { serviceType: 7 }), onDevice('other'))
    run(state, register('t3', { packageName: 'com.example.other' }), onDevice('other'))
    expect(tokens(state)).toEqual(['t2', 't2', 't3'])
  })

  test('[PU1] whoever does not name a device has one for each token', () => {
    const state = new TestState()
    for (const token of ['t1', 't2']) run(state, register(token), onDevice(''))
    expect(tokens(state)).toEqual(['t1', 't2'])
  })

  test('[PU1] of too many devices the oldest one goes', () => {
    const state = new TestState()
    for (let n = 0; n < PUSH_DEVICES_MAX; n++) run(state, register(`t${n}`), onDevice(`d${n}`))
    const event = run(state, register('last'), onDevice('last'))
    expect(body(event).removed).toEqual([{ serviceType: 1, token: 't0', reason: 'replaced' }])
    expect(tokens(state)).toHaveLength(PUSH_DEVICES_MAX)
  })

  test('[PU1] unregistered: pushed to no more; what is not registered is REQUEST_NOT_EXIST', () => {
    const state = new TestState()
    run(state, register('t1'), onDevice('phone'))
    expect(brief(run(state, { kind: 'UnregisterDevice', serviceType: 7, token: 't1' }))).toBe('REQUEST_NOT_EXIST')
    const event = run(state, { kind: 'UnregisterDevice', serviceType: 1, token: 't1' })
    expect(body(event)).toEqual({
      kind: 'PushDevicesSet',
      devices: [],
      removed: [{ serviceType: 1, token: 't1', reason: 'unregistered' }],
    })
  })

  test('[PU2] only the server takes a token away, and only a registration that is not newer than what it knows', () => {
    const state = new TestState()
    run(state, register('t1'), onDevice('phone'))
    const { at } = state.rows.pushDevices.get('u:alice')![0]!
    const dead = (before: number): PackBody => ({
      kind: 'InvalidateToken',
      serviceType: 1,
      token: 't1',
      before,
      reason: 'Unregistered',
    })
    expect(brief(run(state, dead(at)))).toBe('MSG_FORBIDDEN')
    expect(brief(run(state, dead(at), app))).toBe('MSG_FORBIDDEN')
    expect(brief(run(state, dead(at - 1), system))).toBe('REQUEST_NOT_EXIST')
    expect(body(run(state, dead(at), system)).removed).toEqual([
      { serviceType: 1, token: 't1', reason: 'Unregistered' },
    ])
    expect(tokens(state)).toEqual([])
  })

  const refusals: [string, PackBody][] = [
    ['a service that does not exist', register('t', { serviceType: 99 })],
    ['no service', register('t', { serviceType: 0 })],
    ['no token', register('')],
    ['a token with a blank', register('a b')],
    ['a long token', register('x'.repeat(PUSH_TOKEN_BYTES_MAX + 1))],
    ['no package', register('t', { packageName: '' })],
    ['a package with a slash', register('t', { packageName: 'a/b' })],
    ['a long version', register('t', { appVersion: 'v'.repeat(65) })],
    ['a locale that is none', register('t', { locale: 'it IT' })],
    ['a time zone that is none', register('t', { timeZone: 'Rome time' })],
    ['a push without words', push({ title: '', content: '' })],
    ['a push that is too long', push({ content: 'x'.repeat(4_100) })],
    ['a badge below zero', push({ unreadCount: -1 })],
    ['a uri that is too long', push({ uri: 'x'.repeat(2_049) })],
    ['options that are no JSON', push({ options: [{ serviceType: 1, json: '{' }] })],
    ['options that are no object', push({ options: [{ serviceType: 1, json: '[]' }] })],
    ['options of no service', push({ options: [{ serviceType: 77, json: '{}' }] })],
    [
      'options that are too long',
      push({ options: [{ serviceType: 1, json: `{"a":"${'x'.repeat(PUSH_OPTIONS_BYTES_MAX)}"}` }] }),
    ],
    ['options twice', push({ options: [1, 1].map(serviceType => ({ serviceType, json: '{}' })) })],
    ['a pushId with a blank', { kind: 'ReportPushOpened', pushId: 'a b' }],
  ]
  test.each(refusals)('[PU3] %s is PARAM', (_name, refusedBody) => {
    const state = new TestState()
    const changes = refusedBody.kind === 'Push' ? app : {}
    expect(brief(run(state, refusedBody, changes))).toBe('PARAM')
    expect(state.rows.heads.get('u:alice')).toBeUndefined()
  })

  test('[PU3] an app pushes to a user, a user does not; what is opened is said by its user', () => {
    const state = new TestState()
    expect(brief(run(state, push()))).toBe('MSG_FORBIDDEN')
    expect(run(state, push({ unreadCount: 2 }), app)).toMatchObject({
      seq: 1,
      body: { kind: 'PushRequested', title: 'Sale', unreadCount: 2 },
      actor: { kind: 'APP', id: 'shop' },
    })
    expect(run(state, { kind: 'ReportPushOpened', pushId: '1-2-3' })).toMatchObject({ seq: 2 })
    expect(brief(run(state, push(), app, 'bob'))).toBe('MSG_FORBIDDEN')
  })
})
