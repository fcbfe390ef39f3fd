import { expect, test } from 'vitest'
import { silentLogger } from '../../infra/logger.ts'
import type { SendResult } from '../../processors/webhooks/sender.ts'
import { MemoryWebhookSource } from '../../processors/webhooks/webhook-source.ts'
import { Code } from '../../schemas/codes.ts'
import type { PackId, SessionId } from '../../schemas/ids.ts'
import { testWebhook } from '../../schemas/testing/webhooks.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { World } from '../testing/world.ts'
import { BREAKER_FAILURES_MAX, BREAKER_OPEN_MS } from './breaker.ts'
import { Hooks } from './hooks.ts'

const CHAT = 's:alice:bob' as SessionId

type Answer = SendResult & { answer?: Buffer; after?: number }
const says = (verdict: unknown, after = 0): Answer => ({
  kind: 'delivered',
  status: 200,
  answer: Buffer.from(JSON.stringify(verdict)),
  after,
})
const SILENT: Answer = { kind: 'failed', reason: 'TIMEOUT', message: 'no whole answer within 500 ms', after: 500 }

/** A gateway whose hooks answer as they are told. */
async function talk(hooks: Partial<Webhook>[]) {
  const world = await World.make()
  const asked: { hook: string; question: { pack: { body: { kind: string }; from: string } } }[] = []
  const state = { answer: (_hook: string, _text: string): Answer => says({ verdict: 'allow' }) }
  const source = new MemoryWebhookSource(hooks.map(hook => testWebhook({ use: 'before', ...hook })))
  const outcomes: string[] = []
  const gateway = await world.gateway('gw', {
    hooks: new Hooks({
      source,
      sender: {
        send: async ({ webhook, body }) => {
          const question = JSON.parse(body)
          asked.push({ hook: webhook.webhookId, question })
          const { after = 0, ...answer } = state.answer(webhook.webhookId, question.pack.body.content?.text ?? '')
          if (after > 0) await world.clock.sleep(after)
          return answer
        },
      },
      clock: world.clock,
      logger: silentLogger,
      metrics: { asked: outcome => outcomes.push(outcome) },
    }),
  })
  const alice = await world.connect(gateway, 'alice')
  const send = (text: string, packId: PackId = world.packId()) => {
    alice.send({ type: 'send', packId, sessionId: CHAT, flags: 0, content: { kind: 'Text', text } })
  }
  const say = async (text: string, packId?: PackId) => {
    send(text, packId)
    await world.clock.pass(1_000)
    await world.flow()
    return world.sequencer.packs.at(-1)!
  }
  return { world, alice, asked, state, outcomes, send, say, source }
}

test('[HK2] what a hook refuses goes to the log as a verdict, without what was said', async () => {
  const { state, say, asked } = await talk([{}])
  state.answer = () => says({ verdict: 'refuse', code: Code.THIRD_PARTY_REJECT.number, reason: 'not here' })
  const pack = await say('buy this')
  expect(pack).toMatchObject({
    body: { kind: 'SendMessage', content: { kind: 'Removed' } },
    stamp: { verdict: { code: Code.THIRD_PARTY_REJECT.number, reason: 'not here' } },
  })
  expect(asked).toMatchObject([{ question: { pack: { from: 'alice', body: { kind: 'SendMessage' } } } }])
})

test('[HK2] what a hook rewrites says so, and the digest stays that of the words that were sent', async () => {
  const { world, state, say } = await talk([{}])
  const packId = world.packId()
  const plain = await say('hello', packId)
  state.answer = () => says({ verdict: 'rewrite', content: { kind: 'Text', text: 'HELLO' } })
  const rewritten = await say('hello', packId)
  expect(rewritten).toMatchObject({ body: { content: { text: 'HELLO' } }, stamp: { rewritten: true, verdict: null } })
  expect(rewritten.digest).toEqual(plain.digest)
})

test('[HK2] hooks are asked in order; each sees what those before have rewritten, and the first refusal ends it', async () => {
  const { state, say, asked } = await talk([{ webhookId: 'c' }, { webhookId: 'a' }, { webhookId: 'b' }])
  state.answer = (hook, text) =>
    hook === 'a'
      ? says({ verdict: 'rewrite', content: { kind: 'Text', text: `${text}!` } })
      : says(text.endsWith('!') ? { verdict: 'refuse' } : { verdict: 'allow' })
  const pack = await say('x')
  expect(asked.map(({ hook }) => hook)).toEqual(['a', 'b'])
  expect(pack.stamp).toMatchObject({ verdict: { code: Code.SERVER_REFUSED.number } })
})

test('[HK2, HK4] who does not ask for a pack is not asked about it, and nothing waits', async () => {
  const { world, alice, say, asked } = await talk([
    { webhookId: 'groups', sessionKinds: ['group'] },
    { webhookId: 'joins', kinds: ['JoinGroup'] },
    { webhookId: 'after', use: 'after' },
  ])
  await say('x')
  expect(asked).toEqual([])
  alice.send({ type: 'joinGroup', packId: world.packId(), sessionId: 'g:crew' as SessionId })
  await world.flow()
  expect(asked.map(({ hook }) => hook)).toEqual(['groups', 'joins'])
  alice.send({ type: 'quitGroup', packId: world.packId(), sessionId: 'g:crew' as SessionId })
  await world.flow()
  expect(asked).toHaveLength(2)
})

test('[HK3] a hook that fails open lets the pack through; one that fails closed refuses it for the moment', async () => {
  const open = await talk([{ failOpen: true }])
  open.state.answer = () => SILENT
  expect((await open.say('x')).stamp).toBeNull()
  const closed = await talk([{ failOpen: false }])
  closed.state.answer = () => ({ kind: 'refused', status: 500 })
  closed.send('x')
  await closed.world.flow()
  expect(closed.world.sequencer.packs).toEqual([])
  expect(closed.alice.of('refused')).toMatchObject([{ code: Code.SERVICE_UNAVAILABLE.number }])
})

test('[HK3] after failures in a row nobody waits for a hook, until it answers again', async () => {
  const { world, state, say, asked, outcomes } = await talk([{ failOpen: true }])
  state.answer = () => ({ kind: 'delivered', status: 200, answer: Buffer.from('no verdict') })
  for (let count = 0; count < BREAKER_FAILURES_MAX + 3; count++) await say('x')
  expect(asked).toHaveLength(BREAKER_FAILURES_MAX)
  expect(outcomes.slice(-3)).toEqual(['skipped', 'skipped', 'skipped'])
  await world.clock.pass(BREAKER_OPEN_MS)
  state.answer = () => says({ verdict: 'allow' })
  await say('x')
  await say('x')
  expect(asked).toHaveLength(BREAKER_FAILURES_MAX + 2)
})

test('[HK4] packs of one session keep their order, however long hooks take for each', async () => {
  const { world, state, send } = await talk([{}])
  state.answer = (_hook, text) => says({ verdict: 'allow' }, 100 - 10 * Number(text))
  for (let number = 0; number < 10; number++) send(String(number))
  await world.clock.pass(1_000)
  await world.flow()
  const texts = world.sequencer.packs.map(({ body }) => body.kind === 'SendMessage' && body.content)
  expect(texts).toEqual(Array.from({ length: 10 }, (_, number) => ({ kind: 'Text', text: String(number) })))
})
