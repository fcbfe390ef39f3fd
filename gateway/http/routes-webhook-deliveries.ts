import { z } from 'zod'
import type { Attempt } from '../../processors/webhooks/attempt-log.ts'
import type { AttemptPlace } from '../../processors/webhooks/attempt-reader.ts'
import { isSessionId, type SessionId } from '../../schemas/ids.ts'
import { noteAct } from './app-packs.ts'
import { SESSION_ID_PATTERN } from './avro-schemas.ts'
import { pageQuery } from './common-schemas.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'
import {
  findWebhook,
  type Listed,
  reading,
  type WebhookRouteParts,
  webhookIdSchema as webhookId,
  writing,
} from './webhooks-of-app.ts'

/** What webhooks were sent and what came back, and the sessions that were given up: looked at, replayed, discarded. */

const ATTEMPTS_PAGE_MAX = 200
const DEAD_PAGE_MAX = 200
const OUTCOMES = ['delivered', 'failed', 'dead', 'dropped'] as const

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

export function webhookDeliveryRoutes(parts: WebhookRouteParts): Route[] {
  const { webhookDesk } = parts
  return [
    route({
      ...reading,
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
        const { app, webhookId } = await findWebhook(parts, identity.userId, params.webhookId)
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
      ...reading,
      url: '/v1/webhooks/:webhookId/dead',
      id: 'listDeadSessions',
      summary: 'List the sessions whose deliveries were given up, longest first',
      params,
      query: pageQuery(DEAD_PAGE_MAX),
      answer: z.strictObject({ sessions: z.array(deadSchema), cursor: z.string().optional() }),
      handle: async ({ identity, params, query: { limit = DEAD_PAGE_MAX, cursor } }) => {
        const webhook = await findWebhook(parts, identity.userId, params.webhookId)
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
      ...writing,
      method: 'POST',
      url: '/v1/webhooks/:webhookId/dead/:sessionId/replay',
      id: 'replayDeadSession',
      summary: 'Deliver what was given up of a session again, in order',
      params: laneParams,
      answer: z.strictObject({ replayed: z.literal(true) }),
      handle: async call => {
        const webhook = await notedOn(parts, call, 'replayWebhook')
        if (!(await answered(webhookDesk().replay(webhook, call.params.sessionId)))) throw notDead()
        return { replayed: true as const }
      },
    }),
    route({
      ...writing,
      method: 'DELETE',
      url: '/v1/webhooks/:webhookId/dead/:sessionId',
      id: 'discardDeadSession',
      summary: 'Drop what was given up of a session',
      params: laneParams,
      answer: z.strictObject({ discarded: z.int().describe('Deliveries.') }),
      handle: async call => {
        const webhook = await notedOn(parts, call, 'discardWebhook')
        const discarded = await answered(webhookDesk().discard(webhook, call.params.sessionId))
        if (discarded === 0) throw notDead()
        return { discarded }
      },
    }),
  ]
}

/** The webhook of whose dead session something is done, which is noted before. Throws Problem. */
async function notedOn(
  parts: WebhookRouteParts,
  call: Pick<RouteCall<z.infer<typeof laneParams>>, 'caller' | 'identity' | 'packId' | 'requestId' | 'params'>,
  act: string,
): Promise<Listed> {
  const { webhookId, sessionId } = call.params
  const webhook = await findWebhook(parts, call.identity.userId, webhookId)
  await noteAct(parts.calls(), call, { act, subject: `${webhookId} ${sessionId}` })
  return webhook
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
