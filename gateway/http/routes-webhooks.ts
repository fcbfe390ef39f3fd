import { z } from 'zod'
import { OutboundFailed } from '../../infra/outbound/outbound.ts'
import type { Attempt } from '../../processors/webhooks/attempt-log.ts'
import type { AttemptPlace } from '../../processors/webhooks/attempt-reader.ts'
import type { WebhookDesk } from '../../processors/webhooks/webhook-desk.ts'
import type { WebhookAct } from '../../schemas/event.ts'
import { isSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { livingWebhooks, WEBHOOK_FIELDS, type WebhookDetail } from '../../schemas/webhook-acts.ts'
import {
  HOOK_BUDGET_MS_DEFAULT,
  HOOK_PACK_KINDS,
  settingsProblem,
  URL_CHARS_MAX,
  WEBHOOK_EVENT_KINDS,
  WEBHOOK_ID,
  WEBHOOKS_PER_APP_MAX,
  type Webhook,
  type WebhookSettings,
  webhookSecret,
} from '../../schemas/webhooks.ts'
import type { WebhookIndex } from '../ws/webhook-index.ts'
import { appSessionId, noteAct, submitAppPack } from './app-packs.ts'
import { SESSION_ID_PATTERN } from './avro-schemas.ts'
import { pageQuery } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/**
 * Webhooks of an app. What an app sets is an act in its own session (docs/adr/0024): the gateway looks at what there is,
 * and says what there is from then on. The log has the version of a secret only; the secret itself is derived, and told
 * when it is made. What the installation names in its file is shown and looked after here, and changed there.
 */

export interface WebhookRouteParts {
  calls: CallsNow
  webhooks(): WebhookIndex
  /** Throws Problem where this installation sends no webhooks. */
  webhookDesk(): WebhookDesk
}

const ATTEMPTS_PAGE_MAX = 200
const DEAD_PAGE_MAX = 200
const OUTCOMES = ['delivered', 'failed', 'dead', 'dropped'] as const

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
const webhookId = z.string().regex(WEBHOOK_ID)
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
const attemptSchema = z
  .strictObject({
    at: z.int(),
    sessionId: z.string(),
    kind: z.string().describe('Of the event.'),
    partition: z.int().describe('With offset the place of the event in the log.'),
    offset: z.int(),
    attempt: z.int().describe('The how manieth try, from 1; 0: it was not tried.'),
    outcome: z.enum(OUTCOMES).describe('failed: it is tried again; dead: it was given up; dropped: there was no room.'),
    status: z.int().describe('HTTP status of the answer; 0: there was none.'),
    durationMs: z.int(),
    error: z.string().describe('Why there was no answer.'),
  })
  .meta({ id: 'WebhookDelivery' })
const deadSchema = z
  .strictObject({
    sessionId: z.string(),
    deadAt: z.int().describe('When it was given up.'),
    deliveries: z.int().describe('What waits, that which came later as well.'),
    firstKind: z.string().describe('Kind of the first event that waits.'),
    firstAt: z.int().describe('Time of that event.'),
  })
  .meta({ id: 'DeadSession', description: 'A session whose deliveries were given up.' })
const params = z.strictObject({ webhookId })
const laneParams = z.strictObject({
  webhookId,
  sessionId: z
    .string()
    .regex(SESSION_ID_PATTERN)
    .refine(isSessionId, 'not the id of a session') as unknown as z.ZodType<SessionId>,
})

export function webhookRoutes(parts: WebhookRouteParts): Route[] {
  const { webhookDesk } = parts
  const read = { method: 'GET', tag: 'webhooks', scope: 'webhooks:read', actsFor: 'app' } as const
  const write = { tag: 'webhooks', scope: 'webhooks:write', actsFor: 'app' } as const
  return [
    route({
      ...read,
      url: '/v1/webhooks',
      id: 'listWebhooks',
      summary: 'List the webhooks of the app',
      answer: z.strictObject({ webhooks: z.array(webhookSchema) }),
      handle: async ({ identity }) => ({ webhooks: (await webhooksOf(parts, identity.userId)).map(shown) }),
    }),
    route({
      ...write,
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
      ...read,
      url: '/v1/webhooks/:webhookId',
      id: 'getWebhook',
      summary: 'Get a webhook',
      params,
      answer: webhookSchema,
      handle: async ({ identity, params }) => shown(await find(parts, identity.userId, params.webhookId)),
    }),
    route({
      ...write,
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
      ...write,
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
      ...write,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/rotate',
      id: 'rotateWebhookSecret',
      summary: 'Get a new secret; for a day both sign',
      params,
      answer: madeSchema,
      handle: call => rotate(parts, call),
    }),
    route({
      ...write,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/test',
      id: 'testWebhook',
      summary: 'Send a sample and tell what comes back',
      params,
      answer: testSchema,
      handle: async ({ identity, params }) => {
        const { readOnly: _, ...webhook } = await find(parts, identity.userId, params.webhookId)
        const { kind, durationMs, answer, ...rest } = await webhookDesk().test(webhook)
        const came = 'status' in rest ? { status: rest.status } : { error: `${rest.reason}: ${rest.message}` }
        return { delivered: kind === 'delivered', ...came, durationMs, answer }
      },
    }),
    route({
      ...read,
      url: '/v1/webhooks/:webhookId/deliveries',
      id: 'listDeliveries',
      summary: 'List what was sent and what came back, the newest first',
      params,
      query: pageQuery(ATTEMPTS_PAGE_MAX).extend({
        sessionId: z.string().min(1).max(200).optional(),
        outcome: z.enum(OUTCOMES).optional(),
      }),
      answer: z.strictObject({ deliveries: z.array(attemptSchema), cursor: z.string().optional() }),
      handle: async ({ identity, params, query }) => {
        const { app, webhookId } = await find(parts, identity.userId, params.webhookId)
        const { limit = ATTEMPTS_PAGE_MAX, cursor, sessionId, outcome } = query
        const rows = await answered(
          webhookDesk().attempts({
            app,
            webhookId,
            limit: limit + 1,
            ...(sessionId === undefined ? {} : { sessionId }),
            ...(outcome === undefined ? {} : { outcome }),
            ...(cursor === undefined ? {} : { before: parsePlace(cursor) }),
          }),
        )
        return { deliveries: rows.slice(0, limit).map(shownAttempt), ...cursorOf(rows, limit, placeText) }
      },
    }),
    route({
      ...read,
      url: '/v1/webhooks/:webhookId/dead',
      id: 'listDeadSessions',
      summary: 'List the sessions whose deliveries were given up, longest first',
      params,
      query: pageQuery(DEAD_PAGE_MAX),
      answer: z.strictObject({ sessions: z.array(deadSchema), cursor: z.string().optional() }),
      handle: async ({ identity, params, query: { limit = DEAD_PAGE_MAX, cursor } }) => {
        const webhook = await find(parts, identity.userId, params.webhookId)
        const [afterAt, afterId] = cursor === undefined ? [-1, ''] : parseDeadPlace(cursor)
        const lanes = (await answered(webhookDesk().deadLanes(webhook))).filter(
          ({ at, sessionId }) => at > afterAt || (at === afterAt && sessionId > afterId),
        )
        const sessions = lanes.slice(0, limit).map(({ sessionId, at, deliveries, head }) => {
          return { sessionId, deadAt: at, deliveries, firstKind: head.kind, firstAt: head.at }
        })
        return { sessions, ...cursorOf(lanes, limit, ({ at, sessionId }) => `${at}.${sessionId}`) }
      },
    }),
    route({
      ...write,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/dead/:sessionId/replay',
      id: 'replayDeadSession',
      summary: 'Deliver what was given up of a session again, in order',
      params: laneParams,
      answer: z.strictObject({ replayed: z.literal(true) }),
      handle: async call => {
        const { identity, params } = call
        const webhook = await find(parts, identity.userId, params.webhookId)
        await noteAct(parts.calls(), call, {
          act: 'replayWebhook',
          subject: `${webhook.webhookId} ${params.sessionId}`,
        })
        if (!(await answered(webhookDesk().replay(webhook, params.sessionId)))) throw notDead()
        return { replayed: true as const }
      },
    }),
    route({
      ...write,
      method: 'DELETE',
      url: '/v1/webhooks/:webhookId/dead/:sessionId',
      id: 'discardDeadSession',
      summary: 'Drop what was given up of a session',
      params: laneParams,
      answer: z.strictObject({ discarded: z.int().describe('Deliveries.') }),
      handle: async call => {
        const { identity, params } = call
        const webhook = await find(parts, identity.userId, params.webhookId)
        await noteAct(parts.calls(), call, {
          act: 'discardWebhook',
          subject: `${webhook.webhookId} ${params.sessionId}`,
        })
        const discarded = await answered(webhookDesk().discard(webhook, params.sessionId))
        if (discarded === 0) throw notDead()
        return { discarded }
      },
    }),
  ]
}

type Listed = Webhook & { readOnly: boolean }
type Calling = Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'>
type OnWebhook = Calling & { params: { webhookId: string } }

/** Those of an app: first those that the installation names. */
async function webhooksOf({ webhooks, webhookDesk }: WebhookRouteParts, app: UserId): Promise<Listed[]> {
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

async function find(parts: WebhookRouteParts, app: UserId, webhookId: string): Promise<Listed> {
  const webhook = (await webhooksOf(parts, app)).find(one => one.webhookId === webhookId)
  if (webhook === undefined) throw new Problem('NOT_EXIST', 'there is no such webhook')
  return webhook
}

async function findOwn(parts: WebhookRouteParts, { identity, params }: OnWebhook): Promise<Webhook> {
  const { readOnly, ...webhook } = await find(parts, identity.userId, params.webhookId)
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

function shownAttempt({ app: _, webhookId: __, ...row }: Attempt): z.infer<typeof attemptSchema> {
  return row
}

function cursorOf<T>(rows: readonly T[], limit: number, textOf: (row: T) => string): { cursor?: string } {
  return rows.length > limit ? { cursor: textOf(rows[limit - 1]!) } : {}
}

const placeText = ({ at, partition, offset, attempt }: AttemptPlace) => [at, partition, offset, attempt].join('.')

function parsePlace(cursor: string): AttemptPlace {
  const numbers = cursor.split('.').map(Number)
  if (numbers.length !== 4 || !numbers.every(n => Number.isSafeInteger(n) && n >= 0)) throw badCursor()
  const [at, partition, offset, attempt] = numbers as [number, number, number, number]
  return { at, partition, offset, attempt }
}

function parseDeadPlace(cursor: string): [at: number, sessionId: string] {
  const [, at, sessionId] = /^(\d{1,15})\.(.+)$/.exec(cursor) ?? []
  if (at === undefined || sessionId === undefined) throw badCursor()
  return [Number(at), sessionId]
}

function badCursor(): Problem {
  return new Problem('PARAM', 'cursor: not one of this list')
}

function notDead(): Problem {
  return new Problem('NOT_EXIST', 'nothing of this session was given up')
}

/** What does not answer is a temporary problem. */
async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question
  } catch (error) {
    throw new Problem('SERVICE_UNAVAILABLE', 'what was delivered cannot be read now', { cause: error })
  }
}
