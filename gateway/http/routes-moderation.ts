import { z } from 'zod'
import type { GroupList, GroupPlace } from '../../processors/archive/group-list.ts'
import { HISTORY_PAGE_MAX } from '../../schemas/frames.ts'
import { SERVER_RECORDS } from '../../schemas/frames-avro.ts'
import { type GroupId, groupSessionId, isGroupId, type SessionId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { targetOf } from '../ws/frame-contents.ts'
import type { Fields } from '../ws/frame-fields.ts'
import { noteAct, submitAppPack } from './app-packs.ts'
import { fieldOf, recordSchema } from './avro-schemas.ts'
import { groupParams, pageQuery, sessionParams, wholeNumber } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { fromView, Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/**
 * What operators do in sessions that they are not in: find groups, read sessions, take messages back at any age, end
 * groups. It is done in the name of the app, by an actor that the log knows as an operator, and, all but the finding,
 * noted in the app's own session before.
 */

export interface ModerationRouteParts {
  calls: CallsNow
  /** Throws Problem where the installation has no archive. */
  groups(): GroupList
}

const GROUPS_PAGE_MAX = 100

const listedGroup = z
  .strictObject({
    groupId: z.string(),
    name: z.string(),
    avatar: z.string(),
    createdBy: z.string(),
    createdAt: z.int(),
    dismissed: z.boolean(),
  })
  .meta({ id: 'ListedGroup' })

export function moderationRoutes({ calls, groups }: ModerationRouteParts): Route[] {
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
      scope: 'groups:read',
      url: '/v1/moderation/groups',
      id: 'listAllGroups',
      summary: 'List every group that there is or was, the newest first, as the archive has it',
      query: pageQuery(GROUPS_PAGE_MAX),
      answer: z.strictObject({ groups: z.array(listedGroup), cursor: z.string().optional() }),
      handle: async ({ query: { cursor, limit = GROUPS_PAGE_MAX } }) => {
        const after = cursor === undefined ? {} : { after: placeOf(cursor) }
        const found = await fromView('DB_ERROR', () => groups().page({ ...after, limit: limit + 1 }))
        const last = found[limit - 1]
        return { groups: found.slice(0, limit), ...(found.length > limit && last && { cursor: placeText(last) }) }
      },
    }),
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

const placeText = ({ createdAt, groupId }: GroupPlace) => `${createdAt}.${groupId}`

/** Throws Problem PARAM. */
function placeOf(cursor: string): GroupPlace {
  const [, createdAt, groupId = ''] = /^(\d{1,15})\.(.+)$/.exec(cursor) ?? []
  if (!isGroupId(groupId)) throw new Problem('PARAM', 'cursor: not one of ours')
  return { createdAt: Number(createdAt), groupId: groupId as GroupId }
}

/** Throws Problem PARAM: what users keep for themselves, and what other apps say, is no business of operators. */
function checkOpen(sessionId: SessionId): void {
  if (!/^[sg]:/.test(sessionId)) throw new Problem('PARAM', 'sessionId: a chat or a group')
}

function messageIn(body: PackBody): Record<string, unknown> {
  return body.kind === 'RevokeMessage' ? { seq: body.target.seq, sender: body.target.from } : {}
}
