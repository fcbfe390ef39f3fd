import { z } from 'zod'
import type { Content, SendExtra } from '../../schemas/content.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { Flag, type PushInfo } from '../../schemas/pack.ts'
import type { Answer } from '../ws/calls.ts'
import { readPackFrame } from '../ws/pack-frames.ts'
import { fieldOf, namedSchema, recordSchema } from './avro-schemas.ts'
import { groupIdSchema, sessionIdSchema, userIdSchema } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { derivedPackId } from './idempotency.ts'
import { type OutcomeBody, outcomeOf, outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, route } from './route.ts'

/** Sending: a simple text, any message, and one message to many receivers. */

/** Receivers of one batch. */
export const BATCH_MAX = 1_000

const flagsSchema = z
  .int()
  .min(0)
  .max(255)
  .optional()
  .describe(`Bits as in docs/protocol.md; absent: ${Flag.COUNTER}, the message counts as unread.`)

type SendFrame = Extract<PackFrame, { type: 'send' }>

export interface Message {
  flags?: number
  pushInfo?: PushInfo
  content: Content
  extra?: SendExtra
}

export const messageFields = {
  flags: flagsSchema,
  pushInfo: namedSchema<PushInfo>('PushInfo').optional(),
  content: fieldOf<Content>('Send', 'content'),
  extra: fieldOf<SendExtra | undefined>('Send', 'extra'),
}

const textBody = z.strictObject({
  to: userIdSchema.optional().describe('The user who gets it; or groupId.'),
  groupId: groupIdSchema.optional().describe('The group that gets it.'),
  text: z.string().min(1),
  flags: flagsSchema,
})

const messageBody = z.strictObject({ sessionId: sessionIdSchema, ...messageFields })

const batchBody = z.strictObject({
  to: z.array(userIdSchema).max(BATCH_MAX).optional().describe('Users who get it, each in a single chat.'),
  groupIds: z.array(groupIdSchema).max(BATCH_MAX).optional().describe('Groups that get it.'),
  ...messageFields,
})

const refusalSchema = recordSchema<{ code: number; name: string; reason: string; retry: string }>('Error').meta({
  id: 'Refusal',
  description: 'Why one of many packs was refused.',
})

export const batchAnswer = z
  .strictObject({
    accepted: z.int().min(0).describe('How many were accepted.'),
    outcomes: z
      .array(
        z.strictObject({
          sessionId: z.string(),
          packId: z.string(),
          outcome: outcomeSchema.optional().describe('There where it was accepted.'),
          refusal: refusalSchema.optional().describe('There where it was refused.'),
        }),
      )
      .describe('One for each receiver, users before groups, in their order; receivers named twice have one.'),
  })
  .meta({ id: 'BatchOutcome' })

export function messageRoutes(calls: CallsNow): Route[] {
  const common = { method: 'POST', tag: 'messages', scope: 'messages:write', actsFor: 'user' } as const
  return [
    route({
      ...common,
      url: '/v1/messages/text',
      id: 'sendText',
      summary: 'Send a text to a user or a group',
      body: textBody,
      answer: outcomeSchema,
      handle: async ({ identity, packId, body }) => {
        const { text, flags } = body
        const sessionId = receiverOf(identity.userId, body)
        const message = { flags, content: { kind: 'Text', text } } as const
        return outcomeOf(await calls().submit(identity, sendFrame(packId, sessionId, message)))
      },
    }),
    route({
      ...common,
      url: '/v1/messages',
      id: 'sendMessage',
      summary: 'Send a message of any kind to a session',
      body: messageBody,
      answer: outcomeSchema,
      handle: async ({ identity, packId, body }): Promise<OutcomeBody> => {
        const { sessionId, ...message } = body
        return outcomeOf(await calls().submit(identity, sendFrame(packId, sessionId, message)))
      },
    }),
    route({
      ...common,
      url: '/v1/messages/batch',
      id: 'sendBatch',
      summary: 'Send one message to many users and groups',
      description:
        'Each receiver gets a pack of its own, whose id is derived from the request and the session: sent again under ' +
        'the same Idempotency-Key, nobody gets it twice.',
      body: batchBody,
      answer: batchAnswer,
      handle: async ({ identity, packId, body }) => {
        const { to = [], groupIds = [], ...message } = body
        const sessions = new Set([
          ...to.map(userId => singleOf(identity.userId, userId)),
          ...groupIds.map(groupSessionId),
        ])
        if (sessions.size === 0) throw new Problem('PARAM', 'to: name at least one user or group')
        if (sessions.size > BATCH_MAX) throw new Problem('PARAM', `to: at most ${BATCH_MAX} receivers`)
        const answers = await Promise.all(
          [...sessions].map(sessionId =>
            calls().submit(identity, sendFrame(derivedPackId(packId, sessionId), sessionId, message)),
          ),
        )
        return batchOutcome(answers)
      },
    }),
  ]
}

/** The frame of a message. Throws BadField where a rule is broken that no schema says. */
export function sendFrame(packId: string, sessionId: SessionId, { flags = Flag.COUNTER, ...rest }: Message): SendFrame {
  return readPackFrame('send', { packId, sessionId, flags, ...rest }) as SendFrame
}

function receiverOf(from: UserId, { to, groupId }: { to?: UserId; groupId?: GroupId }): SessionId {
  if ((to === undefined) === (groupId === undefined)) throw new Problem('PARAM', 'to: name either a user or a group')
  return to === undefined ? groupSessionId(groupId!) : singleOf(from, to)
}

function singleOf(from: UserId, to: UserId): SessionId {
  if (from === to) throw new Problem('PARAM', 'to: nobody chats with themselves')
  return singleSessionId(from, to)
}

/** What became of each of many packs. */
export function batchOutcome(answers: readonly Answer[]): z.infer<typeof batchAnswer> {
  const outcomes = answers.map(answer => {
    const { sessionId, packId } = answer
    if (answer.type === 'ack') return { sessionId, packId, outcome: outcomeOf(answer) }
    const { code, name, reason, retry } = answer
    return { sessionId, packId, refusal: { code, name, reason, retry } }
  })
  return { accepted: answers.filter(({ type }) => type === 'ack').length, outcomes }
}
