import { z } from 'zod'
import { OutboundFailed } from '../../infra/outbound/outbound.ts'
import type { WebhookAct } from '../../schemas/event.ts'
import { WEBHOOK_FIELDS, type WebhookDetail } from '../../schemas/webhook-acts.ts'
import {
  HOOK_BUDGET_MS_DEFAULT,
  HOOK_PACK_KINDS,
  settingsProblem,
  URL_CHARS_MAX,
  WEBHOOK_EVENT_KINDS,
  WEBHOOKS_PER_APP_MAX,
  type Webhook,
  type WebhookSettings,
  webhookSecret,
} from '../../schemas/webhooks.ts'
import { appSessionId, submitAppPack } from './app-packs.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'
import {
  findWebhook,
  type Listed,
  reading,
  type WebhookRouteParts,
  webhookIdSchema as webhookId,
  webhooksOf,
  writing,
} from './webhooks-of-app.ts'

/**
 * Webhooks of an app. What an app sets is an act in its own session (docs/adr/0024): the gateway looks at what there is,
 * and says what there is from then on. The log has the version of a secret only; the secret itself is derived, and told
 * when it is made. What the installation names in its file is shown and looked after here, and changed there.
 */

const settings = {
  url: z.string().max(URL_CHARS_MAX).describe('https; http only within networks that the installation allows.'),
  use: WEBHOOK_FIELDS.use.describe('after: told of events; before: asked about packs before they are taken.'),
  kinds: WEBHOOK_FIELDS.kinds.describe(
    `Kinds of events (${WEBHOOK_EVENT_KINDS.join(', ')}), or where use is before of packs (${HOOK_PACK_KINDS.join(', ')}); empty: all.`,
  ),
  sessionKinds: WEBHOOK_FIELDS.sessionKinds.describe('Kinds of sessions; empty: all.'),
  failOpen: WEBHOOK_FIELDS.failOpen.describe('before: a pack goes on where there is no answer.'),
  budgetMs: WEBHOOK_FIELDS.budgetMs.describe('before: how long an answer may take.'),
}
const fields = {
  webhookId,
  ...settings,
  secretVersion: z.int().describe('Rises with every rotation of the secret.'),
  createdAt: z.int().describe('Earlier events are not sent.'),
  rotatedAt: z.int().describe('For a day after a rotation requests are signed with the secret before as well.'),
  readOnly: z.boolean().describe('The installation names it in its file: it is not changed here.'),
}
const webhookSchema = z.strictObject(fields).meta({ id: 'Webhook' })
const madeSchema = z
  .strictObject({ ...fields, secret: z.string().describe('Checks signatures; told only now.') })
  .meta({ id: 'MadeWebhook' })
const newBody = z.strictObject({
  webhookId: webhookId.optional().describe('Names it for good; absent: it is given a name.'),
  url: settings.url,
  use: settings.use.default('after'),
  kinds: settings.kinds.default([]),
  sessionKinds: settings.sessionKinds.default([]),
  failOpen: settings.failOpen.default(true),
  budgetMs: settings.budgetMs.default(HOOK_BUDGET_MS_DEFAULT),
})
const { use: _, ...changeable } = settings
const changeBody = z.strictObject(changeable).partial()
const testSchema = z
  .strictObject({
    delivered: z.boolean().describe('The answer was a 2xx.'),
    status: z.int().optional().describe('HTTP status of the answer; absent: there was none.'),
    error: z.string().optional().describe('Why there was no answer.'),
    durationMs: z.int(),
    answer: z.string().describe('What came back, its beginning.'),
  })
  .meta({ id: 'WebhookTest' })
const params = z.strictObject({ webhookId })
export function webhookRoutes(parts: WebhookRouteParts): Route[] {
  const { webhookDesk } = parts
  return [
    route({
      ...reading,
      url: '/v1/webhooks',
      id: 'listWebhooks',
      summary: 'List the webhooks of the app',
      answer: z.strictObject({ webhooks: z.array(webhookSchema) }),
      handle: async ({ identity }) => ({ webhooks: (await webhooksOf(parts, identity.userId)).map(shown) }),
    }),
    route({
      ...writing,
      method: 'POST',
      url: '/v1/webhooks',
      id: 'createWebhook',
      summary: 'Create a webhook; its secret is told once',
      body: newBody,
      status: 201,
      answer: madeSchema,
      handle: call => createWebhook(parts, call),
    }),
    route({
      ...reading,
      url: '/v1/webhooks/:webhookId',
      id: 'getWebhook',
      summary: 'Get a webhook',
      params,
      answer: webhookSchema,
      handle: async ({ identity, params }) => shown(await findWebhook(parts, identity.userId, params.webhookId)),
    }),
    route({
      ...writing,
      method: 'PATCH',
      url: '/v1/webhooks/:webhookId',
      id: 'changeWebhook',
      summary: 'Change a webhook; what is absent stays',
      params,
      body: changeBody,
      answer: webhookSchema,
      handle: async call => {
        const before = await findOwn(parts, call)
        if (await isDone(parts, call)) return shown({ ...before, readOnly: false })
        const webhook = { ...before, ...call.body }
        await checkSettings(parts, webhook)
        await act(parts, call, { act: 'changeWebhook', webhookId: webhook.webhookId, detail: detailOf(webhook) })
        return shown({ ...webhook, readOnly: false })
      },
    }),
    route({
      ...writing,
      method: 'DELETE',
      url: '/v1/webhooks/:webhookId',
      id: 'deleteWebhook',
      summary: 'Delete a webhook; what waits for it is dropped',
      params,
      answer: outcomeSchema,
      handle: async call => {
        const { webhookId, secretVersion } = await findOwn(parts, call)
        return act(parts, call, { act: 'deleteWebhook', webhookId, detail: { secretVersion } })
      },
    }),
    route({
      ...writing,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/rotate',
      id: 'rotateWebhookSecret',
      summary: 'Get a new secret; for a day both sign',
      params,
      answer: madeSchema,
      handle: call => rotate(parts, call),
    }),
    route({
      ...writing,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/test',
      id: 'testWebhook',
      summary: 'Send a sample and tell what comes back',
      params,
      answer: testSchema,
      handle: async ({ identity, params }) => {
        const { readOnly: _, ...webhook } = await findWebhook(parts, identity.userId, params.webhookId)
        const { kind, durationMs, answer, ...rest } = await webhookDesk().test(webhook)
        const came = 'status' in rest ? { status: rest.status } : { error: `${rest.reason}: ${rest.message}` }
        return { delivered: kind === 'delivered', ...came, durationMs, answer }
      },
    }),
  ]
}

type Calling = Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'>
type OnWebhook = Calling & { params: { webhookId: string } }

async function findOwn(parts: WebhookRouteParts, { identity, params }: OnWebhook): Promise<Webhook> {
  const { readOnly, ...webhook } = await findWebhook(parts, identity.userId, params.webhookId)
  if (readOnly) throw new Problem('ACCESS_DENIED', 'the installation names this webhook in its file: change it there')
  return webhook
}

async function createWebhook(
  parts: WebhookRouteParts,
  call: Calling & { body: z.infer<typeof newBody> },
): Promise<z.infer<typeof madeSchema>> {
  const app = call.identity.userId
  const { webhookId = `w-${call.packId.slice(-12)}`, ...settings } = call.body
  const entries = await parts.webhooks().entries(app)
  const before = entries.get(webhookId)
  // The same request again: it is told the secret again, for its first answer may never have come.
  if (before?.webhook !== undefined && before.packId === call.packId) return made(parts, { ...before.webhook, app })
  const listed = await webhooksOf(parts, app)
  if (listed.some(one => one.webhookId === webhookId)) {
    throw new Problem('MSG_REPEATED', 'there is such a webhook already')
  }
  if (listed.length >= WEBHOOKS_PER_APP_MAX) {
    throw new Problem('LIMIT_REACHED', `more than ${WEBHOOKS_PER_APP_MAX} webhooks`)
  }
  await checkSettings(parts, settings)
  // One that had this name had other secrets.
  const secretVersion = (before?.secretVersion ?? 0) + 1
  const { at } = await act(parts, call, { act: 'createWebhook', webhookId, detail: { ...settings, secretVersion } })
  return made(parts, { ...settings, webhookId, app, secretVersion, since: at, rotatedAt: at })
}

async function rotate(parts: WebhookRouteParts, call: OnWebhook): Promise<z.infer<typeof madeSchema>> {
  const webhook = await findOwn(parts, call)
  if (await isDone(parts, call)) return made(parts, webhook)
  const { rotatedAt: _, ...detail } = detailOf({ ...webhook, secretVersion: webhook.secretVersion + 1 })
  const { webhookId } = webhook
  const { at } = await act(parts, call, { act: 'rotateWebhookSecret', webhookId, detail })
  return made(parts, { ...webhook, secretVersion: detail.secretVersion, rotatedAt: at })
}

/** The same request was the last one that changed the webhook. */
async function isDone({ webhooks }: WebhookRouteParts, { identity, params, packId }: OnWebhook): Promise<boolean> {
  return (await webhooks().entries(identity.userId)).get(params.webhookId)?.packId === packId
}

function detailOf({ app: _, webhookId: __, ...detail }: Webhook): Omit<Webhook, 'app' | 'webhookId'> {
  return detail
}

/** Writes what is from now on to the log of the app. Throws Problem. */
async function act(
  { calls }: WebhookRouteParts,
  { caller, identity, packId, requestId }: Calling,
  said: { act: WebhookAct; webhookId: string; detail: WebhookDetail },
) {
  const { act, webhookId: subject, detail } = said
  const app = identity.userId
  const by = caller.kind === 'app' ? { keyId: caller.keyId, requestId } : { requestId }
  const body = { kind: 'RecordAct', act, subject, detail: JSON.stringify({ ...detail, ...by }) } as const
  return outcomeOf(await submitAppPack(calls(), identity, { packId, sessionId: appSessionId(app), from: app, body }))
}

async function checkSettings(
  { webhookDesk }: WebhookRouteParts,
  settings: Pick<WebhookSettings, 'url' | 'use' | 'kinds'>,
): Promise<void> {
  const problem = settingsProblem(settings)
  if (problem !== undefined) throw new Problem('PARAM', problem)
  try {
    await webhookDesk().check(settings.url)
  } catch (error) {
    if (!(error instanceof OutboundFailed)) throw error
    throw new Problem('PARAM', `the URL cannot be called: ${error.message}`)
  }
}

function made({ webhookDesk }: WebhookRouteParts, webhook: Webhook): z.infer<typeof madeSchema> {
  return { ...shown({ ...webhook, readOnly: false }), secret: webhookSecret(webhookDesk().masterKey, webhook) }
}

function shown({ app: _, since, ...webhook }: Listed): z.infer<typeof webhookSchema> {
  return { ...webhook, createdAt: since }
}
