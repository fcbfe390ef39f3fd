import type { UserId } from '../ids.ts'
import type { Webhook } from '../webhooks.ts'

/** A webhook that is told of everything. */
export function testWebhook(change: Partial<Webhook> = {}): Webhook {
  return {
    webhookId: 'hook',
    app: 'shop' as UserId,
    url: 'https://shop.example/hook',
    use: 'after',
    kinds: [],
    sessionKinds: [],
    failOpen: true,
    budgetMs: 500,
    secretVersion: 1,
    since: 0,
    rotatedAt: 0,
    ...change,
  }
}
