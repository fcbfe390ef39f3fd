import { z } from 'zod'
import type { UserId } from '../../schemas/ids.ts'
import {
  HOOK_BUDGET_MS_MAX,
  HOOK_BUDGET_MS_MIN,
  HOOK_PACK_KINDS,
  SESSION_KIND_NAMES,
  urlProblem,
  WEBHOOK_ID,
  WEBHOOK_KINDS_MAX,
  WEBHOOK_USES,
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
  use: z.enum(WEBHOOK_USES).default('after'),
  kinds: z
    .array(z.string().regex(/^[A-Za-z]{1,64}$/))
    .max(WEBHOOK_KINDS_MAX)
    .default([]),
  sessionKinds: z.array(z.enum(SESSION_KIND_NAMES as [string, ...string[]])).default([]),
  failOpen: z.boolean().default(true),
  budgetMs: z.int().min(HOOK_BUDGET_MS_MIN).max(HOOK_BUDGET_MS_MAX).default(500),
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
  for (const [index, { url, use, kinds }] of webhooks.entries()) {
    const name = names[index]!
    const problem = urlProblem(url)
    if (problem !== undefined) throw new BadWebhooks(`${name}: the URL cannot be called: ${problem}`)
    if (names.indexOf(name) !== index) throw new BadWebhooks(`${name} is there twice`)
    const asked: readonly string[] = HOOK_PACK_KINDS
    const strange = use === 'before' ? kinds.find(kind => !asked.includes(kind)) : undefined
    if (strange !== undefined) throw new BadWebhooks(`${name}: nobody is asked about ${strange}`)
  }
  return webhooks
}
