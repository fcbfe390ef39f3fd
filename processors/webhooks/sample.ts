import type { Clock, Millis } from '../../infra/clock.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import { DELIVERY_MS_MAX, type Sender, type SendResult } from './sender.ts'

/** A sample for whoever sets a webhook up: signed like everything else, with `packlog-test: 1`. */

/** Characters of an answer that are told. */
export const ANSWER_CHARS_MAX = 1_000

/** What came back, and how long that took. */
export type SampleResult = SendResult & { durationMs: Millis; answer: string }

export async function sendSample(
  webhook: Webhook,
  { sender, clock }: { sender: Sender; clock: Clock },
): Promise<SampleResult> {
  const begun = clock.monotonic()
  const { answer, ...result } = await sender.send({
    webhook,
    body: sampleBody(webhook, clock.now()),
    headers: { 'packlog-attempt': '1', 'packlog-test': '1' },
    limitMs: webhook.use === 'before' ? webhook.budgetMs : DELIVERY_MS_MAX,
  })
  const text = answer?.toString('utf8').slice(0, ANSWER_CHARS_MAX) ?? ''
  return { ...result, durationMs: Math.round(clock.monotonic() - begun), answer: text }
}

const SAMPLE = {
  sessionId: 's:sample-1:sample-2',
  packId: '00000000-0000-7000-8000-000000000000',
  from: 'sample-1',
  flags: 0,
}
const SAMPLE_CONTENT = { kind: 'Text', text: 'This is a sample.' }

function sampleBody({ use, webhookId, app }: Webhook, at: Millis): string {
  const head = { id: 'test', webhookId, app }
  if (use === 'before') {
    const by = { actor: { kind: 'USER', id: SAMPLE.from }, device: { type: 0, id: '' } }
    return JSON.stringify({
      ...head,
      pack: { ...SAMPLE, ...by, body: { kind: 'SendMessage', content: SAMPLE_CONTENT } },
    })
  }
  const event = { type: 'event', ...SAMPLE, seq: 1, count: 0, at }
  return JSON.stringify({ ...head, event: { ...event, body: { kind: 'MessageAccepted', content: SAMPLE_CONTENT } } })
}
