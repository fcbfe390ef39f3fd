import { z } from 'zod'
import type { PackFrame } from '../../schemas/frames.ts'
import { CLIENT_RECORDS, SERVER_RECORDS } from '../../schemas/frames-avro.ts'
import type { Calls, PlainQuestionType, Question } from '../ws/calls.ts'
import type { Fields } from '../ws/frame-fields.ts'
import { readPackFrame } from '../ws/pack-frames.ts'
import { readQuestionFrame } from '../ws/question-frames.ts'
import { recordFields, recordSchema } from './avro-schemas.ts'
import { type OutcomeBody, outcomeOf, outcomeSchema } from './outcome.ts'
import { type Route, route } from './route.ts'

/**
 * Routes that take what a frame takes and answer what it answers. Their fields are those of the protocol: the body of
 * a pack has what its frame has beside the packId and what the path says; the query of a question likewise.
 */

/** There as soon as the gateway is open. */
export type CallsNow = () => Calls

type Common = Pick<Route, 'method' | 'url' | 'id' | 'tag' | 'summary' | 'scope' | 'description'> & {
  actsFor?: Route['actsFor']
}

/** Fields of the frame that the path says, from its parameters. */
type FromPath<P> = Record<string, (params: P) => unknown>

export function packRoute<P extends Fields>(
  calls: CallsNow,
  {
    frame: type,
    params,
    path = {},
    fields: others = {},
    ...common
  }: Common & {
    frame: PackFrame['type']
    params?: z.ZodType<P>
    path?: FromPath<P>
    /** Fields whose JSON form allows more than their Avro form. */
    fields?: Record<string, z.ZodType>
  },
): Route {
  const fields = { ...recordFields(CLIENT_RECORDS[type], ['packId', ...Object.keys(path)]), ...others }
  const names = Object.keys(fields)
  const whole = z.strictObject(fields)
  // Who has nothing to say need not send a body.
  const mayLack = names.every(name => fields[name] instanceof z.ZodOptional)
  const body = (mayLack ? whole.optional() : whole) as z.ZodType<Fields | undefined>
  return route<P, unknown, Fields | undefined, OutcomeBody>({
    actsFor: 'user',
    ...common,
    ...(params === undefined ? {} : { params }),
    ...(names.length === 0 ? {} : { body }),
    answer: outcomeSchema,
    handle: async ({ identity, packId, params: given, body: said }) => {
      const raw = { ...said, ...fromPath(path, given), packId }
      return outcomeOf(await calls().submit(identity, readPackFrame(type, raw)))
    },
  })
}

export function questionRoute<P extends Fields, Q extends Fields>(
  calls: CallsNow,
  {
    frame: type,
    params,
    path = {},
    query,
    fields,
    ...common
  }: Omit<Common, 'method'> & {
    frame: PlainQuestionType
    params?: z.ZodType<P>
    path?: FromPath<P>
    query?: z.ZodType<Q>
    /** The fields of the question, where they are not those of the query. */
    fields?: (query: Q) => Fields
  },
): Route {
  return route<P, Q, unknown, Fields>({
    actsFor: 'user',
    method: 'GET',
    ...common,
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { query }),
    answer: recordSchema<Fields>(SERVER_RECORDS[ANSWERS[type as keyof typeof ANSWERS] ?? (type as SameName)], [
      'requestId',
    ]),
    handle: ({ identity, params: given, query: asked }) => {
      const said = fields === undefined ? asked : fields(asked)
      const raw = { ...said, ...fromPath(path, given), requestId: 0 }
      return calls().ask(identity, readQuestionFrame(type, raw) as Question)
    },
  })
}

/** The frames that answer under another name. */
const ANSWERS = { findUsers: 'profiles', history: 'page', search: 'found' } as const
type SameName = Exclude<PlainQuestionType, keyof typeof ANSWERS>

function fromPath<P>(path: FromPath<P>, params: P): Fields {
  return Object.fromEntries(Object.entries(path).map(([name, read]) => [name, read(params)]))
}
