import { z } from 'zod'
import type { UserId } from '../../schemas/ids.ts'
import { WEBHOOK_FIELDS } from '../../schemas/webhook-acts.ts'
import {
  HOOK_BUDGET_MS_DEFAULT,
  settingsProblem,
  WEBHOOK_ID,
  WEBHOOKS_PER_APP_MAX,
  type Webhook,
} from '../../schemas/webhooks.ts'

/** The file in which an installation names its webhooks: `{"webhooks": [...]}`. Pure. */

/** The file names no webhooks that could be served; the message says what is wrong. */
export class BadWebhooks extends Error {
  override readonly name = 'BadWebhooks'
}

const webhook = z.strictObject({
  app: z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/),
  webhookId: z.string().regex(WEBHOOK_ID),
  url: z.string(),
  use: WEBHOOK_FIELDS.use.default('after'),
  kinds: WEBHOOK_FIELDS.kinds.default([]),
  sessionKinds: WEBHOOK_FIELDS.sessionKinds.default([]),
  failOpen: WEBHOOK_FIELDS.failOpen.default(true),
  budgetMs: WEBHOOK_FIELDS.budgetMs.default(HOOK_BUDGET_MS_DEFAULT),
  secretVersion: z.int().min(1).default(1),
  /** Times, ms: earlier events are not sent; when `secretVersion` was raised last. */
  since: z.int().min(0).default(0),
  rotatedAt: z.int().min(0).default(0),
})
const file = z.strictObject({ webhooks: z.array(webhook).max(32 * WEBHOOKS_PER_APP_MAX) })

/** Throws BadWebhooks. */
export function parseWebhooks(text: string): Webhook[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new BadWebhooks(`not a JSON text: ${(error as Error).message}`)
  }
  const parsed = file.safeParse(json)
  if (!parsed.success) {
    throw new BadWebhooks(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))
  }
  const webhooks = parsed.data.webhooks as (Omit<Webhook, 'app'> & { app: UserId })[]
  const names = webhooks.map(({ app, webhookId }) => `${app}/${webhookId}`)
  for (const [index, one] of webhooks.entries()) {
    const name = names[index]!
    const problem = settingsProblem(one)
    if (problem !== undefined) throw new BadWebhooks(`${name}: ${problem}`)
    if (names.indexOf(name) !== index) throw new BadWebhooks(`${name} is there twice`)
  }
  return webhooks
}
