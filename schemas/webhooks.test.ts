import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import type { UserId } from './ids.ts'
import { testWebhook } from './testing/webhooks.ts'
import { isSigned, SECRET_OVERLAP_MS, signatureOf, signingSecrets, urlProblem, webhookSecret } from './webhooks.ts'

const NOW = 1_700_000_000_000
const KEY = Buffer.alloc(32, 7)
const webhook = testWebhook({ webhookId: 'orders', since: NOW, rotatedAt: NOW })

test('[WH7] a signature is HMAC-SHA256 over the seconds, a dot and the body', () => {
  const signature = signatureOf('{"a":1}', { secrets: ['whsec_test'], now: NOW })
  const expected = createHmac('sha256', 'whsec_test').update('1700000000.{"a":1}').digest('hex')
  expect(signature).toBe(`t=1700000000,v1=${expected}`)
})

test('[WH7] another body, secret, time or form is no valid signature', () => {
  const secret = webhookSecret(KEY, webhook)
  const signature = signatureOf('body', { secrets: [secret], now: NOW })
  const check = (change: Partial<Parameters<typeof isSigned>[1]>, body = 'body') =>
    isSigned(body, { signature, secret, now: NOW, ...change })
  expect(check({})).toBe(true)
  expect(check({ now: NOW + 299_000 })).toBe(true)
  expect(check({}, 'Body')).toBe(false)
  expect(check({ secret: `${secret}x` })).toBe(false)
  expect(check({ now: NOW + 301_000 })).toBe(false)
  expect(check({ now: NOW - 301_000 })).toBe(false)
  expect(check({ signature: signature.replace('t=1700000000', 't=1700000001') })).toBe(false)
  for (const bad of [
    '',
    't=1',
    'v1=abc',
    't=,v1=',
    `t=1700000000,v1=${'é'.repeat(32)}`,
    signature.replace('v1', 'v0'),
  ]) {
    expect(check({ signature: bad }), bad).toBe(false)
  }
})

test('[WH7] every app, webhook and version has a secret of its own', () => {
  const secrets = [
    webhook,
    { ...webhook, app: 'other' as UserId },
    { ...webhook, webhookId: 'other' },
    { ...webhook, secretVersion: 2 },
  ].map(one => webhookSecret(KEY, one))
  expect(new Set([...secrets, webhookSecret(Buffer.alloc(32, 8), webhook)]).size).toBe(5)
  for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9_-]{43}$/)
})

test('[WH7] for a day after a rotation both secrets sign', () => {
  const rotated = { ...webhook, secretVersion: 2 }
  const [old, fresh] = [webhookSecret(KEY, webhook), webhookSecret(KEY, rotated)]
  const at = (now: number) => signatureOf('b', { secrets: signingSecrets(KEY, rotated, now), now })
  const soon = NOW + SECRET_OVERLAP_MS - 1
  expect(isSigned('b', { signature: at(soon), secret: old, now: soon })).toBe(true)
  expect(isSigned('b', { signature: at(soon), secret: fresh, now: soon })).toBe(true)
  const late = NOW + SECRET_OVERLAP_MS
  expect(isSigned('b', { signature: at(late), secret: old, now: late })).toBe(false)
  expect(isSigned('b', { signature: at(late), secret: fresh, now: late })).toBe(true)
  expect(signingSecrets(KEY, webhook, NOW)).toHaveLength(1)
})

test('[WH8] what is no URL for a webhook is told', () => {
  expect(urlProblem('https://example.com/hook?a=b')).toBeUndefined()
  for (const bad of [
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user:secret@example.com/',
    'https://example.com/#part',
    'not a url',
    'https://',
    '',
    `https://example.com/${'x'.repeat(2_048)}`,
  ]) {
    expect(urlProblem(bad), bad).toBeDefined()
  }
})
