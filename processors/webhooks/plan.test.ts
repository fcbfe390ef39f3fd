import { expect, test } from 'vitest'
import type { SessionId } from '../../schemas/ids.ts'
import { testWebhook } from '../../schemas/testing/webhooks.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { group, Script, single, user } from '../testing/events.ts'
import { maySee, plan } from './plan.ts'

function told(script: Script, webhook: Partial<Webhook>, notBefore = 0): string[] {
  return plan(script.batch(), [testWebhook(webhook)], notBefore).map(({ kind, sessionId }) => `${kind} ${sessionId}`)
}

function story(): Script {
  const script = new Script(3)
  script.message(single('alice', 'bob'), user('alice'), 'hi')
  script.create(group('crew'), user('alice'), [user('bob')])
  script.refuse(group('crew'), user('carol'), 30)
  script.message(group('crew'), user('bob'), 'all')
  script.own(user('alice'), { kind: 'UserAttributesSet', attributes: [] })
  return script
}

test('[WH1] a webhook that names nothing is told of every accepted event, in log order', () => {
  expect(told(story(), {})).toEqual([
    'MessageAccepted s:alice:bob',
    'GroupCreated g:crew',
    'MessageAccepted g:crew',
    'UserAttributesSet u:alice',
  ])
})

test('[WH1] kinds and kinds of sessions both have to fit', () => {
  expect(told(story(), { kinds: ['MessageAccepted'] })).toEqual([
    'MessageAccepted s:alice:bob',
    'MessageAccepted g:crew',
  ])
  expect(told(story(), { sessionKinds: ['group'] })).toEqual(['GroupCreated g:crew', 'MessageAccepted g:crew'])
  expect(told(story(), { kinds: ['GroupCreated'], sessionKinds: ['single', 'user'] })).toEqual([])
  expect(told(story(), { use: 'before' })).toEqual([])
})

test('[WH1] nothing is told of the time before a webhook was set, or the queue begun', () => {
  const script = story()
  const { at } = script.events[3]!.event
  expect(told(script, { since: at })).toEqual(['MessageAccepted g:crew', 'UserAttributesSet u:alice'])
  expect(told(script, {}, at + 1)).toEqual(['UserAttributesSet u:alice'])
})

test('[WH1] notifications and the own session of an app are told to that app only', () => {
  const may = (sessionId: string) => maySee({ app: user('shop') }, sessionId as SessionId)
  expect(['b:shop:alice', 'a:shop', 's:a:b', 'g:x', 'u:alice'].map(may)).toEqual([true, true, true, true, true])
  expect(['b:bank:alice', 'a:bank', '#rules'].map(may)).toEqual([false, false, false])
})

test('[WH3] a delivery says which event it is, whose webhook is told, and the event as clients see it', () => {
  const [delivery] = plan(story().batch(), [testWebhook({ webhookId: 'orders', app: user('shop') })], 0)
  expect(delivery).toMatchObject({ hook: 'shop/orders', sessionId: 's:alice:bob', offset: 0, kind: 'MessageAccepted' })
  expect(JSON.parse(delivery!.body)).toMatchObject({
    id: '0-3-0',
    webhookId: 'orders',
    app: 'shop',
    event: { type: 'event', sessionId: 's:alice:bob', seq: 1, from: 'alice', body: { kind: 'MessageAccepted' } },
  })
})
