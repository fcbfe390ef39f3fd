import { describe, expect, test } from 'vitest'
import type { Actor, PackBody } from '../../schemas/pack.ts'
import { WEBHOOKS_PER_APP_MAX } from '../../schemas/webhooks.ts'
import { KEYS_MAX, SCOPES_MAX } from './decide-app.ts'
import { brief, chess, makePack, T0, text } from './testing/packs.ts'

const SHOP: Actor = { kind: 'APP', id: 'shop' }
const key = (keyId = 'k1') => ({
  kind: 'CreateKey' as const,
  keyId,
  name: 'till',
  secretHash: '0a'.repeat(32),
  scopes: ['messages:write'],
})
const inApp = (body: PackBody, actor: Actor = SHOP) => makePack({ session: 'a:shop', from: 'shop', body }, { actor })
const job = (body: PackBody) => inApp(body, { kind: 'SYSTEM', id: 'jobs' })

describe('keys', () => {
  test('[AP1] an app creates, ends and revokes its keys, and the state has them', () => {
    const state = chess()
    expect(state.run(inApp(key())).body).toMatchObject({ kind: 'KeySet', key: { keyId: 'k1', at: T0 } })
    expect(state.run(inApp(key('k2'))).seq).toBe(2)
    const ended = state.run(inApp({ kind: 'SetKeyExpiry', keyId: 'k1', expiresAt: T0 + 5 }))
    expect(ended.body).toMatchObject({ kind: 'KeySet', key: { keyId: 'k1', name: 'till', expiresAt: T0 + 5 } })
    expect(state.run(inApp({ kind: 'RevokeKey', keyId: 'k2' })).body).toEqual({ kind: 'KeyRevoked', keyId: 'k2' })
    expect(state.rows.appKeys.get('a:shop')!.keys.map(({ keyId }) => keyId)).toEqual(['k1'])
  })

  test.each<[string, Actor]>([
    ['a user of the same name', { kind: 'USER', id: 'shop' }],
    ['another app', { kind: 'APP', id: 'bank' }],
  ])('[AP1] %s does not write to the session of an app', (_, actor) => {
    expect(brief(chess().run(inApp(key(), actor)))).toBe('MSG_FORBIDDEN')
  })

  test('[AP1] operators write to the session of any app', () => {
    expect(chess().run(inApp(key(), { kind: 'OPERATOR', id: 'root' })).body.kind).toBe('KeySet')
  })

  test.each([
    ['an id that is none', { keyId: 'a:b' }, 'PARAM'],
    ['no name', { name: '' }, 'PARAM'],
    ['a hash that is none', { secretHash: 'secret' }, 'PARAM'],
    ['no scope', { scopes: [] }, 'PARAM'],
    ['a scope that is none', { scopes: ['everything'] }, 'PARAM'],
    ['too many scopes', { scopes: Array(SCOPES_MAX + 1).fill('a:b') }, 'PARAM'],
    ['an end that is past', { expiresAt: T0 }, 'PARAM'],
    ['no requests', { perSecond: 0 }, 'PARAM'],
  ])('[AP2] a key with %s is refused', (_, change, code) => {
    expect(brief(chess().run(inApp({ ...key(), ...change })))).toBe(code)
  })

  test('[AP2] there are not two keys of one id, nor more than there may be', () => {
    const state = chess()
    for (let i = 0; i < KEYS_MAX; i++) state.run(inApp(key(`k${i}`)))
    expect(brief(state.run(inApp(key('k0'))))).toBe('MSG_REPEATED')
    expect(brief(state.run(inApp(key('one-more'))))).toBe('LIMIT_REACHED')
    expect(brief(state.run(inApp({ kind: 'RevokeKey', keyId: 'nothing' })))).toBe('NOT_EXIST')
    expect(brief(state.run(inApp({ kind: 'SetKeyExpiry', keyId: 'nothing', expiresAt: T0 + 9 })))).toBe('NOT_EXIST')
  })
})

describe('webhooks', () => {
  const act = (act: string, subject: string) => inApp({ kind: 'RecordAct', act, subject, detail: '{}' })

  test('[AP8] of two that are created in the same moment under one name, or in the last place, one is', () => {
    const state = chess()
    for (let i = 1; i < WEBHOOKS_PER_APP_MAX; i++) state.run(act('createWebhook', `w${i}`))
    expect(brief(state.run(act('createWebhook', 'w1')))).toBe('MSG_REPEATED')
    expect(state.run(act('createWebhook', 'here')).body.kind).toBe('ActRecorded')
    expect(brief(state.run(act('createWebhook', 'there')))).toBe('LIMIT_REACHED')
    expect(state.run(act('rotateWebhookSecret', 'here')).body.kind).toBe('ActRecorded')
    expect(state.run(act('deleteWebhook', 'w1')).body.kind).toBe('ActRecorded')
    expect(state.run(act('createWebhook', 'there')).body.kind).toBe('ActRecorded')
    expect(brief(state.run(act('createWebhook', 'a b')))).toBe('PARAM')
  })

  test('[AP8] one that the state does not know takes a place with its next change, or goes', () => {
    const state = chess()
    for (let i = 1; i < WEBHOOKS_PER_APP_MAX; i++) state.run(act('changeWebhook', `w${i}`))
    expect(state.run(act('deleteWebhook', 'old')).body.kind).toBe('ActRecorded')
    expect(state.run(act('changeWebhook', 'older')).body.kind).toBe('ActRecorded')
    expect(brief(state.run(act('changeWebhook', 'oldest')))).toBe('LIMIT_REACHED')
    expect(state.rows.appKeys.get('a:shop')!.webhooks).toHaveLength(WEBHOOKS_PER_APP_MAX)
  })

  test('[AP8] other acts about one count for nothing', () => {
    const state = chess()
    expect(state.run(act('testWebhook', 'w 1')).body.kind).toBe('ActRecorded')
    expect(state.rows.appKeys.get('a:shop')).toBeUndefined()
  })
})

describe('jobs', () => {
  const start = { kind: 'StartJob', jobId: 'j', job: 'broadcast', spec: '{}', total: 3 } as const
  const step = (number: number) =>
    ({ kind: 'StepJob', jobId: 'j', step: number, done: 0, failed: 0, cursor: '' }) as const
  const end = { kind: 'EndJob', jobId: 'j', done: 3, failed: 0 } as const

  test('[AP3] the steps of a job begin once, in order, until it ends', () => {
    const state = chess()
    expect(brief(state.run(job(step(1))))).toBe('NOT_EXIST')
    expect(state.run(inApp(start)).body.kind).toBe('JobStarted')
    expect(brief(state.run(inApp(start)))).toBe('MSG_REPEATED')
    expect(brief(state.run(job(step(2))))).toBe('MSG_REPEATED')
    expect(state.run(job(step(1))).body).toMatchObject({ kind: 'JobStepped', step: 1 })
    expect(brief(state.run(job(step(1))))).toBe('MSG_REPEATED')
    expect(state.run(job(step(2))).seq).toBe(3)
    expect(state.run(job(end)).body.kind).toBe('JobEnded')
    expect(brief(state.run(job(end)))).toBe('MSG_REPEATED')
    expect(brief(state.run(job(step(3))))).toBe('MSG_REPEATED')
  })
})

describe('tokens of users', () => {
  const revoke = (body: Omit<Extract<PackBody, { kind: 'RevokeTokens' }>, 'kind'>, actor: Actor = SHOP) =>
    makePack({ session: 'u:alice', from: 'alice', body: { kind: 'RevokeTokens', ...body } }, { actor })

  test('[AP4] apps revoke one token, or all that were issued before; what was revoked stays so', () => {
    const state = chess()
    state.run(revoke({ notBefore: T0 - 5 }))
    state.run(revoke({ tokenId: 't1', tokenExpiresAt: T0 + 9 }))
    expect(state.run(revoke({ notBefore: T0 - 9 })).body).toEqual({
      kind: 'TokensRevoked',
      revoked: { notBefore: T0 - 5, tokens: [{ tokenId: 't1', expiresAt: T0 + 9 }] },
    })
    expect(brief(state.run(revoke({ tokenId: 't2' })))).toBe('PARAM')
    expect(brief(state.run(revoke({ notBefore: T0 }, { kind: 'USER', id: 'alice' })))).toBe('NO_PRIVILEGE')
  })
})

describe('notifications', () => {
  const session = 'b:shop:alice'
  const said = (body: PackBody, actor: Actor = SHOP, from = actor.id) => makePack({ session, from, body }, { actor })

  test('[AP5] the app writes, changes and takes back what it wrote; nobody else does anything', () => {
    const state = chess()
    const first = said(text('Your parcel'))
    expect(state.run(first).body.kind).toBe('MessageAccepted')
    const target = { seq: 1, packId: first.packId, from: first.from }
    // Past every window, within the time that the target is remembered.
    const late = T0 + 3_000_000
    expect(brief(state.run(said(text('thanks'), { kind: 'USER', id: 'alice' })))).toBe('MSG_FORBIDDEN')
    expect(brief(state.run(said(text('fraud'), { kind: 'APP', id: 'bank' })))).toBe('MSG_FORBIDDEN')
    expect(brief(state.run(said(text('fraud'), { kind: 'APP', id: 'bank' }, 'shop')))).toBe('MSG_FORBIDDEN')
    const override = said({ kind: 'OverrideMessage', target, content: { kind: 'Text', text: 'Your parcels' } })
    expect(state.run(override, late).body.kind).toBe('MessageOverridden')
    expect(state.run(said({ kind: 'RevokeMessage', target })).body.kind).toBe('MessageRevoked')
    expect(brief(state.run(said({ kind: 'DeleteForAll', target })))).toBe('MSG_NOT_EXIST')
  })
})
