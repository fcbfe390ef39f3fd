import { expect, test } from 'vitest'
import { HOOK_BUDGET_MS_MAX } from '../../schemas/webhooks.ts'
import { BadWebhooks, parseWebhooks } from './webhooks-file.ts'

const hook = { app: 'shop', webhookId: 'orders', url: 'https://shop.example/hook' }
const read = (...webhooks: unknown[]) => parseWebhooks(JSON.stringify({ webhooks }))

test('[WH10] what is not said has its default', () => {
  expect(read(hook)).toEqual([
    {
      ...hook,
      use: 'after',
      kinds: [],
      sessionKinds: [],
      failOpen: true,
      budgetMs: 500,
      secretVersion: 1,
      since: 0,
      rotatedAt: 0,
    },
  ])
  expect(read()).toEqual([])
  expect(read(hook, { ...hook, app: 'bank' })).toHaveLength(2)
})

test.each<[string, unknown[]]>([
  ['an app that is none', [{ ...hook, app: 'a:b' }]],
  ['an id that is none', [{ ...hook, webhookId: 'a/b' }]],
  ['no URL', [{ app: 'shop', webhookId: 'orders' }]],
  ['another scheme', [{ ...hook, url: 'file:///etc/passwd' }]],
  ['a password in the URL', [{ ...hook, url: 'https://a:b@shop.example/' }]],
  ['a use that is none', [{ ...hook, use: 'during' }]],
  ['a kind that is none', [{ ...hook, kinds: ['not a kind'] }]],
  ['an event that there is not', [{ ...hook, kinds: ['MessageAccepted', 'MessageSent'] }]],
  ['an outcome that nobody is told of', [{ ...hook, kinds: ['PackRefused'] }]],
  ['a pack that nobody is asked about', [{ ...hook, use: 'before', kinds: ['MessageAccepted'] }]],
  ['a kind of session that is none', [{ ...hook, sessionKinds: ['channel'] }]],
  ['too much time', [{ ...hook, budgetMs: HOOK_BUDGET_MS_MAX + 1 }]],
  ['a field that is none', [{ ...hook, secret: 'x' }]],
  ['one twice', [hook, hook]],
])('[WH10] %s is refused, and it is said where', (_, webhooks) => {
  expect(() => read(...webhooks)).toThrow(BadWebhooks)
})

test('[WH10] what is no JSON, or something else, is refused', () => {
  for (const text of ['', '[]', '{}', 'null', '{"webhooks":{}}']) expect(() => parseWebhooks(text)).toThrow(BadWebhooks)
})
