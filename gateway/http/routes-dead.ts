import { z } from 'zod'
import { letterId } from '../../processors/dead-letter.ts'
import type { Letter } from '../../processors/dead-letters.ts'
import { type DeadDesk, waits } from '../dead/dead-desk.ts'
import { noteAct } from './app-packs.ts'
import { pageQuery, wholeNumber } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { fromView, Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'

/** Records that a processor could not apply: looked at, tried again, given up. `npm run dead` does the same. */

export interface DeadRouteParts {
  calls: CallsNow
  dead(): DeadDesk
}

const PAGE_MAX = 200
const REASON_CHARS_MAX = 500

const letterFields = {
  id: z.string().describe('processor/topic/partition/offset, as in the path of a letter.'),
  processor: z.string(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  sessionId: z.string().optional(),
  state: z.enum(['open', 'retrying', 'failed', 'applied', 'discarded']),
  error: z.string().describe('Why it is here: of the letter, or of its last retry.'),
  at: z.int(),
  changedAt: z.int(),
  by: z.string().describe('Who did something about it last; empty: nobody.'),
}
const letterSchema = z.strictObject(letterFields).meta({ id: 'DeadLetter' })
const inspectedSchema = z
  .strictObject({
    ...letterFields,
    event: z.record(z.string(), z.unknown()).optional().describe('The record, decoded; absent where there is a fault.'),
    fault: z.string().optional().describe('Why the record cannot be shown.'),
  })
  .meta({ id: 'InspectedDeadLetter' })
type Shown = z.infer<typeof letterSchema>

const NAME = /^[A-Za-z0-9._-]{1,200}$/
const letterParams = z.strictObject({
  processor: z.string().regex(NAME),
  topic: z.string().regex(NAME),
  partition: wholeNumber(0),
  offset: wholeNumber(0),
})
type LetterParams = z.infer<typeof letterParams>

export function deadRoutes({ calls, dead }: DeadRouteParts): Route[] {
  const tag = 'dead'
  const read = { tag, scope: 'dead:read', actsFor: 'app', method: 'GET' } as const
  const write = { tag, scope: 'dead:write', actsFor: 'app', method: 'POST' } as const
  const url = '/v1/dead-letters/:processor/:topic/:partition/:offset'
  const one = { url, params: letterParams }
  const letters = () => fromView('SERVICE_UNAVAILABLE', () => dead().letters())
  const find = async (place: LetterParams): Promise<Letter> => {
    const id = letterId(place)
    const letter = (await letters()).find(other => other.id === id)
    if (letter === undefined) throw new Problem('NOT_EXIST', `there is no dead letter ${id}`)
    return letter
  }
  /** The letter that something is done about, once that was noted. */
  const taken = async (call: RouteCall<LetterParams>, act: string): Promise<Letter> => {
    const letter = await find(call.params)
    if (!waits(letter)) throw new Problem('MSG_REPEATED', `the letter is ${letter.state}`)
    await noteAct(calls(), call, { act, subject: letter.id })
    return letter
  }
  return [
    route({
      ...read,
      url: '/v1/dead-letters',
      id: 'listDeadLetters',
      summary: 'List dead letters, the oldest first',
      query: pageQuery(PAGE_MAX).extend({
        all: z.enum(['true', 'false']).optional().describe('true: also those that were dealt with.'),
      }),
      answer: z.strictObject({ letters: z.array(letterSchema), cursor: z.string().optional() }),
      handle: async ({ query: { all, cursor, limit = PAGE_MAX } }) => {
        const wanted = (await letters()).filter(letter => all === 'true' || waits(letter))
        const after = cursor === undefined ? 0 : wanted.findIndex(({ id }) => id === cursor) + 1
        const page = wanted.slice(after, after + limit)
        const more = after + limit < wanted.length
        return { letters: page.map(shown), ...(more ? { cursor: page.at(-1)!.id } : {}) }
      },
    }),
    route({
      ...read,
      ...one,
      id: 'inspectDeadLetter',
      summary: 'A dead letter with the record that it is about',
      answer: inspectedSchema,
      handle: async ({ params }) => {
        const letter = await find(params)
        return { ...shown(letter), ...(await fromView('SERVICE_UNAVAILABLE', () => dead().record(letter))) }
      },
    }),
    route({
      ...write,
      ...one,
      url: `${url}/retry`,
      id: 'retryDeadLetter',
      summary: 'Put the record back through the processor that failed, and wait for its answer',
      description: 'state retrying: the processor has not answered in time; it will when it runs.',
      answer: letterSchema,
      handle: async call => {
        const letter = await taken(call, 'retryDeadLetter')
        const [answer] = await dead().retry([letter], byOf(call))
        return shown(answer ?? letter)
      },
    }),
    route({
      ...write,
      ...one,
      url: `${url}/discard`,
      id: 'discardDeadLetter',
      summary: 'Give a dead letter up',
      body: z.strictObject({ reason: z.string().min(1).max(REASON_CHARS_MAX).optional() }).optional(),
      answer: letterSchema,
      handle: async call => {
        const letter = await taken(call, 'discardDeadLetter')
        await dead().discard([letter], { by: byOf(call), reason: call.body?.reason })
        return shown(await find(call.params))
      },
    }),
  ]
}

function byOf({ identity }: Pick<RouteCall, 'identity'>): string {
  return identity.userId
}

function shown({ id, key, place, state, error, at, changedAt, by }: Letter): Shown {
  const session = key === null ? {} : { sessionId: key.toString() }
  return { id, ...place, ...session, state, error, at, changedAt, by }
}
