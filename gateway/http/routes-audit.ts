import { z } from 'zod'
import { type EventFrame, HISTORY_PAGE_MAX } from '../../schemas/frames.ts'
import { appSessionId } from './app-packs.ts'
import { pageQuery } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { Problem } from './problem.ts'
import { type Route, route } from './route.ts'

const actSchema = z
  .strictObject({
    seq: z.int().describe('Position in the log of the app.'),
    at: z.int(),
    act: z.string().describe('What was done, such as issueToken, KeySet, JobStarted.'),
    subject: z.string().describe('To whom or what.'),
    detail: z.string().optional().describe('JSON of what else is known: the key that did it, the request.'),
  })
  .meta({ id: 'Act' })

/** What was done with keys of an app, the newest first: its own session `a:<app>`. */
export function auditRoutes(calls: CallsNow): Route[] {
  return [
    route({
      method: 'GET',
      url: '/v1/audit',
      id: 'listActs',
      tag: 'audit',
      scope: 'audit:read',
      actsFor: 'app',
      summary: 'List what was done with keys of the app, the newest first',
      query: pageQuery(HISTORY_PAGE_MAX),
      answer: z.strictObject({ acts: z.array(actSchema), cursor: z.string().optional() }),
      handle: async ({ identity, query }) => {
        const sessionId = appSessionId(identity.userId)
        const beforeSeq = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor)
        if (!Number.isSafeInteger(beforeSeq) || beforeSeq < 1)
          throw new Problem('PARAM', 'cursor: not one of this list')
        const asked = { type: 'history', sessionId, beforeSeq, limit: query.limit ?? HISTORY_PAGE_MAX } as const
        const { events, more } = (await calls().ask(identity, asked)) as { events: EventFrame[]; more: boolean }
        const acts = events.map(actOf).reverse()
        return more && acts.length > 0 ? { acts, cursor: String(acts.at(-1)!.seq) } : { acts }
      },
    }),
  ]
}

/** What an event of the app's session says was done; secrets, not even their hashes, are never told. */
function actOf({ seq, at, body }: EventFrame): z.infer<typeof actSchema> {
  switch (body.kind) {
    case 'ActRecorded': {
      const { act, subject, detail } = body
      return { seq, at, act, subject, ...(detail === undefined ? {} : { detail }) }
    }
    case 'KeySet': {
      const { keyId, name, scopes, expiresAt } = body.key
      return { seq, at, act: body.kind, subject: keyId, detail: JSON.stringify({ name, scopes, expiresAt }) }
    }
    case 'KeyRevoked':
      return { seq, at, act: body.kind, subject: body.keyId }
    case 'JobStarted':
      return {
        seq,
        at,
        act: body.kind,
        subject: body.jobId,
        detail: JSON.stringify({ job: body.job, total: body.total }),
      }
    case 'JobStepped':
    case 'JobEnded': {
      const { done, failed } = body
      return { seq, at, act: body.kind, subject: body.jobId, detail: JSON.stringify({ done, failed }) }
    }
    default:
      return { seq, at, act: body.kind, subject: '' }
  }
}
