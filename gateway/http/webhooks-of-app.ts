import { z } from 'zod'
import type { WebhookDesk } from '../../processors/webhooks/webhook-desk.ts'
import type { UserId } from '../../schemas/ids.ts'
import { livingWebhooks } from '../../schemas/webhook-acts.ts'
import { WEBHOOK_ID, type Webhook } from '../../schemas/webhooks.ts'
import type { WebhookIndex } from '../ws/webhook-index.ts'
import type { CallsNow } from './frame-routes.ts'
import { Problem } from './problem.ts'

/** Which webhooks an app has: those that the installation names in its file, and those that it has set itself. */

export interface WebhookRouteParts {
  calls: CallsNow
  webhooks(): WebhookIndex
  /** Throws Problem where this installation sends no webhooks. */
  webhookDesk(): WebhookDesk
}

/** What all routes have that look at webhooks, and all that change something. */
export const reading = { method: 'GET', tag: 'webhooks', scope: 'webhooks:read', actsFor: 'app' } as const
export const writing = { tag: 'webhooks', scope: 'webhooks:write', actsFor: 'app' } as const

export const webhookIdSchema = z.string().regex(WEBHOOK_ID)

/** `readOnly`: the installation names it. */
export type Listed = Webhook & { readOnly: boolean }

/** Those of an app: first those that the installation names. */
export async function webhooksOf({ webhooks, webhookDesk }: WebhookRouteParts, app: UserId): Promise<Listed[]> {
  const configured = webhookDesk()
    .configured()
    .filter(webhook => webhook.app === app)
  const hidden = new Set(configured.map(({ webhookId }) => webhookId))
  const set = livingWebhooks(app, (await webhooks().entries(app)).values()).filter(one => !hidden.has(one.webhookId))
  return [
    ...configured.map(webhook => ({ ...webhook, readOnly: true })),
    ...set.sort((a, b) => a.since - b.since).map(webhook => ({ ...webhook, readOnly: false })),
  ]
}

/** Throws Problem where there is none. */
export async function findWebhook(parts: WebhookRouteParts, app: UserId, webhookId: string): Promise<Listed> {
  const webhook = (await webhooksOf(parts, app)).find(one => one.webhookId === webhookId)
  if (webhook === undefined) throw new Problem('NOT_EXIST', 'there is no such webhook')
  return webhook
}
