import { z } from 'zod'
import { type AcceptedEvent, isWebhookAct } from './event.ts'
import type { PackId, UserId } from './ids.ts'
import {
  type AppWebhook,
  HOOK_BUDGET_MS_MAX,
  HOOK_BUDGET_MS_MIN,
  SESSION_KIND_NAMES,
  type SessionKind,
  WEBHOOK_ID,
  WEBHOOK_KINDS_MAX,
  WEBHOOK_USES,
  type Webhook,
} from './webhooks.ts'

/**
 * How the log says which webhooks an app has set (docs/adr/0024): as acts of the app in its own session. The act is what
 * was done, its subject the webhook, and its detail the webhook as it is from then on. The secret is not in it.
 */

/** A webhook as its app has set it last, or that it was deleted. */
export interface WebhookEntry {
  webhookId: string
  /** Of the pack that said so. */
  packId: PackId
  /** Undefined: deleted. */
  webhook: AppWebhook | undefined
  /** The last one that its secret had; one that is made anew goes on behind it. */
  secretVersion: number
}

/** What an app says of a webhook, without its id. Parts of what files and requests are checked by. */
export const WEBHOOK_FIELDS = {
  use: z.enum(WEBHOOK_USES),
  kinds: z.array(z.string().regex(/^[A-Za-z]{1,64}$/)).max(WEBHOOK_KINDS_MAX),
  sessionKinds: z.array(z.enum(SESSION_KIND_NAMES as [SessionKind, ...SessionKind[]])).max(SESSION_KIND_NAMES.length),
  failOpen: z.boolean(),
  budgetMs: z.int().min(HOOK_BUDGET_MS_MIN).max(HOOK_BUDGET_MS_MAX),
}

const detailSchema = z.object({
  url: z.string(),
  ...WEBHOOK_FIELDS,
  secretVersion: z.int().min(1),
  // Absent: the time of the event.
  since: z.int().min(0).optional(),
  rotatedAt: z.int().min(0).optional(),
})
const deletedSchema = z.object({ secretVersion: z.int().min(1) })

/** The detail of an act, as far as it is about the webhook: what `webhookEntry` reads. */
export type WebhookDetail = z.infer<typeof detailSchema> | z.infer<typeof deletedSchema>

/** What an event says of a webhook; undefined for all others, and for what nobody of ours has written. */
export function webhookEntry({ body, packId, at }: AcceptedEvent): WebhookEntry | undefined {
  if (body.kind !== 'ActRecorded' || !isWebhookAct(body) || !WEBHOOK_ID.test(body.subject)) return undefined
  const isDeleted = body.act === 'deleteWebhook'
  const said = (isDeleted ? deletedSchema : detailSchema).safeParse(parsed(body.detail))
  if (!said.success) return undefined
  const entry = { webhookId: body.subject, packId, secretVersion: said.data.secretVersion }
  if (isDeleted) return { ...entry, webhook: undefined }
  const { since = at, rotatedAt = at, ...rest } = said.data as z.infer<typeof detailSchema>
  return { ...entry, webhook: { webhookId: body.subject, ...rest, since, rotatedAt } }
}

function parsed(detail: string | undefined): unknown {
  try {
    return JSON.parse(detail ?? '')
  } catch {
    return undefined
  }
}

/** The webhooks that there are, with the app whose they are. */
export function livingWebhooks(app: UserId, entries: Iterable<WebhookEntry>): Webhook[] {
  return [...entries].flatMap(({ webhook }) => (webhook === undefined ? [] : [{ ...webhook, app }]))
}
