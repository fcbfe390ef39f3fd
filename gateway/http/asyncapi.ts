import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { CloseCode } from '../../schemas/close-codes.ts'
import { type ClientFrame, type ServerFrame, SUBPROTOCOL_AVRO, SUBPROTOCOL_JSON } from '../../schemas/frames.ts'
import { CLIENT_RECORDS, SERVER_RECORDS } from '../../schemas/frames-avro.ts'
import { DeviceType } from '../../schemas/pack.ts'
import { WS_PATH } from '../auth/login-request.ts'
import { isPackType } from '../ws/pack-frames.ts'
import { isQuestionType } from '../ws/question-frames.ts'
import { docOf, ID_PATTERN, recordFields } from './avro-schemas.ts'

/** The description of the WebSocket, made from the records of its frames; served at /asyncapi.json. */

export const ASYNCAPI_PATH = '/asyncapi.json'

const CLOSES = Object.entries(CloseCode)
  .map(
    ([name, { code, reconnect, text }]) => `- ${code} ${name}: ${text}${reconnect ? '; connect again and resume' : ''}`,
  )
  .join('\n')

const DESCRIPTION = `What clients say to a gateway and what it answers; docs/protocol.md tells the same in words.

A message is a JSON text with a \`type\` (subprotocol \`${SUBPROTOCOL_JSON}\`), or the same record in Avro (\`${SUBPROTOCOL_AVRO}\`, frames.avsc). The token of the user comes in the header Authorization, or as a subprotocol \`packlog.token.<token>\`.

The connection is closed with one of these codes:
${CLOSES}`

/** Frames of the server that answer a frame of another name. */
const ANSWERS: Partial<Record<ClientFrame['type'], readonly ServerFrame['type'][]>> = {
  resume: ['resumed', 'reset', 'gap', 'event', 'failed'],
  ping: ['pong'],
  watch: ['watching', 'failed'],
  findUsers: ['profiles', 'failed'],
  history: ['page', 'failed'],
  search: ['found', 'failed'],
  typing: [],
}

/** What a frame of a client is answered with, as far as it is answered. */
function answersTo(type: ClientFrame['type']): readonly ServerFrame['type'][] {
  if (isPackType(type)) return ['ack', 'refused']
  return ANSWERS[type] ?? (isQuestionType(type) ? [type as ServerFrame['type'], 'failed'] : [])
}

type Side = 'client' | 'server'
const RECORDS: Readonly<Record<Side, Readonly<Record<string, string>>>> = {
  client: CLIENT_RECORDS,
  server: SERVER_RECORDS,
}

/** `sessions` is a question and an answer: who says it is part of the name. */
const messageName = (side: Side, type: string) => `${side}.${type}`

/** The document. */
export function asyncapiDocument(version: string): object {
  const frames = (Object.keys(RECORDS) as Side[]).flatMap(side =>
    Object.entries(RECORDS[side]).map(([type, record]) => ({ name: messageName(side, type), type, record })),
  )
  const { payloads, schemas } = schemasOf(frames)
  const inChannel = (name: string) => ({ $ref: `#/channels/connection/messages/${name}` })
  const channel = { $ref: '#/channels/connection' }
  const said = (Object.keys(CLIENT_RECORDS) as ClientFrame['type'][]).map(type => {
    const answers = answersTo(type).map(answer => inChannel(messageName('server', answer)))
    const reply = answers.length === 0 ? {} : { reply: { channel, messages: answers } }
    const messages = [inChannel(messageName('client', type))]
    return [type, { action: 'receive', channel, summary: docOf(CLIENT_RECORDS[type]), messages, ...reply }]
  })
  const told = Object.keys(SERVER_RECORDS).map(type => inChannel(messageName('server', type)))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'packlog over WebSocket',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      connection: {
        address: WS_PATH,
        description: 'One connection of a device; the first frame of the server is `welcome`.',
        messages: Object.fromEntries(frames.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: 'GET', query: deviceSchema(), headers: tokenSchema() } },
      },
    },
    operations: {
      ...Object.fromEntries(said),
      tell: { action: 'send', channel, summary: 'Everything that the gateway says, asked or not.', messages: told },
    },
    components: {
      messages: Object.fromEntries(
        frames.map(({ name, type, record }) => [
          name,
          { name: type, summary: docOf(record), payload: payloads[name], contentType: 'application/json' },
        ]),
      ),
      schemas,
    },
  }
}

/** The JSON schemas of all frames, and of what they have in common. */
function schemasOf(frames: readonly { name: string; type: string; record: string }[]) {
  const shapes = frames.map(({ name, type, record }) => [
    name,
    z.strictObject({ type: z.literal(type), ...recordFields(record) }),
  ])
  const whole = z.toJSONSchema(z.object(Object.fromEntries(shapes)), { target: 'draft-7' })
  const text = JSON.stringify(whole).replaceAll('"#/definitions/', '"#/components/schemas/')
  const { properties, definitions } = JSON.parse(text) as Record<'properties' | 'definitions', Record<string, object>>
  return { payloads: properties, schemas: definitions }
}

function deviceSchema(): object {
  const deviceType = { type: 'string', enum: Object.keys(DeviceType), description: 'What the device is.' }
  const deviceId = { type: 'string', pattern: ID_PATTERN.source, description: "The client's own name of the device." }
  return { type: 'object', required: ['deviceType', 'deviceId'], properties: { deviceType, deviceId } }
}

function tokenSchema(): object {
  const authorization = { type: 'string', description: 'Bearer and the token of the user.' }
  return { type: 'object', properties: { authorization } }
}

export function serveAsyncapi(fastify: FastifyInstance, version: string): void {
  const document = asyncapiDocument(version)
  fastify.get(ASYNCAPI_PATH, { schema: { hide: true } as object }, () => document)
}
