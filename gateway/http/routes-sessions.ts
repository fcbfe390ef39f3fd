import { z } from 'zod'
import { HISTORY_PAGE_MAX, MEMBERS_PAGE_MAX, SESSIONS_PAGE_MAX } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId } from '../../schemas/ids.ts'
import { packIdSchema, pageQuery, sessionIdSchema, sessionParams, sinceQuery, wholeNumber } from './common-schemas.ts'
import { type CallsNow, packRoute, questionRoute } from './frame-routes.ts'
import type { Route } from './route.ts'

/** Sessions, their history, and what is done to their messages. */
export function sessionRoutes(calls: CallsNow): Route[] {
  const tag = 'sessions'
  const write = { tag: 'messages', scope: 'messages:write', method: 'POST' } as const
  const read = { tag, scope: 'messages:read' } as const
  const sessionId = ({ sessionId: id }: { sessionId: SessionId }) => id
  const inSession = { params: sessionParams, path: { sessionId } }
  const url = '/v1/sessions/:sessionId'
  const packParams = z.strictObject({ sessionId: sessionIdSchema, packId: packIdSchema })
  const seqParams = z.strictObject({ sessionId: sessionIdSchema, seq: wholeNumber(1) })
  const historyQuery = z.strictObject({
    afterSeq: wholeNumber(0).optional().describe('Events above this seq, the oldest first.'),
    beforeSeq: wholeNumber(1).optional().describe('The last events below this seq; without both: the newest.'),
    limit: wholeNumber(1, HISTORY_PAGE_MAX).optional().describe(`At most so many, 1 to ${HISTORY_PAGE_MAX}.`),
  })
  return [
    questionRoute(calls, {
      ...read,
      url: '/v1/sessions',
      id: 'listSessions',
      frame: 'sessions',
      summary: 'List the sessions of the user, by last activity',
      query: sinceQuery(SESSIONS_PAGE_MAX),
    }),
    questionRoute(calls, {
      ...read,
      url: '/v1/priority',
      id: 'listPriority',
      frame: 'priority',
      summary: 'List what must not be missed',
      query: pageQuery(HISTORY_PAGE_MAX),
    }),
    questionRoute(calls, {
      ...read,
      ...inSession,
      actsFor: 'userOrApp',
      url: `${url}/events`,
      id: 'listEvents',
      frame: 'history',
      summary: 'Read the history of a session',
      query: historyQuery,
      fields: query =>
        query.afterSeq === undefined && query.beforeSeq === undefined
          ? { ...query, beforeSeq: Number.MAX_SAFE_INTEGER }
          : query,
    }),
    questionRoute(calls, {
      ...read,
      actsFor: 'userOrApp',
      params: packParams,
      path: { sessionId, packId: ({ packId }: { packId: PackId }) => packId },
      url: `${url}/outcomes/:packId`,
      id: 'getOutcome',
      frame: 'outcome',
      summary: 'What became of a pack of the caller, at any age',
    }),
    questionRoute(calls, {
      ...read,
      params: seqParams,
      path: { sessionId, seq: ({ seq }: { seq: Seq }) => seq },
      url: `${url}/messages/:seq/receipts`,
      id: 'listReceipts',
      frame: 'receipts',
      summary: 'Who has read a message',
      query: pageQuery(MEMBERS_PAGE_MAX),
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      actsFor: 'userOrApp',
      url: `${url}/revoke`,
      id: 'revokeMessage',
      frame: 'revoke',
      summary: 'Revoke a message',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      actsFor: 'userOrApp',
      url: `${url}/override`,
      id: 'overrideMessage',
      frame: 'override',
      summary: 'Edit a message',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      actsFor: 'userOrApp',
      url: `${url}/delete`,
      id: 'deleteForAll',
      frame: 'deleteForAll',
      summary: 'Delete a message for all',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      url: `${url}/delete-for-me`,
      id: 'deleteForMe',
      frame: 'deleteForMe',
      summary: 'Hide messages from the user',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      url: `${url}/reactions`,
      id: 'addReaction',
      frame: 'addReaction',
      summary: 'React to a message',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      url: `${url}/reactions/remove`,
      id: 'removeReaction',
      frame: 'removeReaction',
      summary: 'Take a reaction back',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      tag,
      url: `${url}/read`,
      id: 'markRead',
      frame: 'markRead',
      summary: 'Mark as read up to a seq',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      tag,
      url: `${url}/delivered`,
      id: 'markDelivered',
      frame: 'markDelivered',
      summary: 'Mark as delivered up to a seq',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      tag,
      url: `${url}/clear`,
      id: 'clearSession',
      frame: 'clearSession',
      summary: 'Hide a session up to a seq from the user',
    }),
    packRoute(calls, {
      ...write,
      ...inSession,
      tag,
      method: 'PATCH',
      url: `${url}/attributes`,
      id: 'setSessionAttributes',
      frame: 'setSessionAttributes',
      summary: 'Pin, hide, or set how a session notifies',
    }),
  ]
}
