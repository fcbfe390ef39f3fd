import { z } from 'zod'
import { HISTORY_PAGE_MAX } from '../../schemas/frames.ts'
import { SERVER_RECORDS } from '../../schemas/frames-avro.ts'
import { groupSessionId, type SessionId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { targetOf } from '../ws/frame-contents.ts'
import type { Fields } from '../ws/frame-fields.ts'
import { noteAct, submitAppPack } from './app-packs.ts'
import { fieldOf, recordSchema } from './avro-schemas.ts'
import { groupParams, sessionParams, wholeNumber } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/**
 * What operators do in sessions that they are not in: read them, take messages back at any age, end groups. It is done
 * in the name of the app, by an actor that the log knows as an operator, and noted in the app's own session before.
 */
export function moderationRoutes(calls: CallsNow): Route[] {
  const common = { tag: 'moderation', actsFor: 'app' } as const
  const write = { ...common, scope: 'moderation:write', method: 'POST', answer: outcomeSchema } as const
  const operate = async (call: RouteCall, act: string, sessionId: SessionId, body: PackBody) => {
    const { identity, packId } = call
    const app = identity.userId
    await noteAct(calls(), call, { act, subject: sessionId, ...messageIn(body) })
    const operator = { ...identity, actor: { kind: 'OPERATOR', id: app } as const }
    return outcomeOf(await submitAppPack(calls(), operator, { packId, sessionId, from: app, body }))
  }
  return [
    route({
      ...common,
      method: 'GET',
      scope: 'moderation:read',
      url: '/v1/moderation/sessions/:sessionId/events',
      id: 'readSession',
      summary: 'Read a session as the log has it, hidden from nobody; that it was read is noted',
      params: sessionParams,
      query: z.strictObject({
        beforeSeq: wholeNumber(1).optional().describe('The last events below this seq; absent: the newest.'),
        limit: wholeNumber(1, HISTORY_PAGE_MAX).optional().describe(`At most so many, 1 to ${HISTORY_PAGE_MAX}.`),
      }),
      answer: recordSchema<Record<string, unknown>>(SERVER_RECORDS.page, ['requestId']),
      handle: async call => {
        const { identity, params, query } = call
        const { sessionId } = params
        const { beforeSeq = Number.MAX_SAFE_INTEGER, limit } = query
        checkOpen(sessionId)
        await noteAct(calls(), call, { act: 'readSession', subject: sessionId, ...query })
        const bound = limit === undefined ? {} : { limit }
        return calls().ask(identity, { type: 'history', sessionId, beforeSeq, ...bound })
      },
    }),
    route({
      ...write,
      url: '/v1/moderation/sessions/:sessionId/revoke',
      id: 'moderateMessage',
      summary: 'Revoke a message of anybody, at any age',
      params: sessionParams,
      body: z.strictObject({ target: fieldOf<Fields>('Revoke', 'target') }),
      handle: async call => {
        const { sessionId } = call.params
        checkOpen(sessionId)
        return operate(call, 'moderateMessage', sessionId, { kind: 'RevokeMessage', target: targetOf(call.body) })
      },
    }),
    route({
      ...write,
      url: '/v1/moderation/groups/:groupId/dismiss',
      id: 'moderateGroup',
      summary: 'Dismiss a group, whoever owns it',
      params: groupParams,
      handle: call => operate(call, 'moderateGroup', groupSessionId(call.params.groupId), { kind: 'DismissGroup' }),
    }),
  ]
}

/** Throws Problem PARAM: what users keep for themselves, and what other apps say, is no business of operators. */
function checkOpen(sessionId: SessionId): void {
  if (!/^[sg]:/.test(sessionId)) throw new Problem('PARAM', 'sessionId: a chat or a group')
}

function messageIn(body: PackBody): Record<string, unknown> {
  return body.kind === 'RevokeMessage' ? { seq: body.target.seq, sender: body.target.from } : {}
}
