import type { Clock, Millis } from '../../infra/clock.ts'
import { type Outbound, OutboundFailed } from '../../infra/outbound/outbound.ts'
import { SIGNATURE_HEADER, signatureOf, signingSecrets, type Webhook } from '../../schemas/webhooks.ts'

/** Sends one signed request to a webhook and says what came of it. */

/** How long one delivery may take, from the name to the last byte of the answer. */
export const DELIVERY_MS_MAX: Millis = 10_000

export type SendResult =
  | { kind: 'delivered'; status: number }
  /** Any other status than 2xx; a redirect, too. */
  | { kind: 'refused'; status: number }
  | { kind: 'failed'; reason: string; message: string }

export interface SignedPost {
  webhook: Webhook
  body: string
  headers: Readonly<Record<string, string>>
  limitMs: Millis
}

export interface Sender {
  send(request: SignedPost): Promise<SendResult & { answer?: Buffer }>
}

export function makeSender({
  outbound,
  masterKey,
  clock,
}: {
  outbound: Outbound
  masterKey: Buffer
  clock: Clock
}): Sender {
  return {
    send: async ({ webhook, body, headers, limitMs }) => {
      const now = clock.now()
      const signature = signatureOf(body, { secrets: signingSecrets(masterKey, webhook, now), now })
      const all = {
        ...headers,
        'content-type': 'application/json',
        'user-agent': 'packlog',
        [SIGNATURE_HEADER]: signature,
      }
      try {
        const { status, body: answer } = await outbound.post({ url: webhook.url, headers: all, body, limitMs })
        return { kind: status >= 200 && status < 300 ? 'delivered' : 'refused', status, answer }
      } catch (error) {
        if (!(error instanceof OutboundFailed)) throw error
        return { kind: 'failed', reason: error.reason, message: error.message }
      }
    },
  }
}
