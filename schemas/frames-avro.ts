import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { compileGuard } from './avro-guard.ts'
import { fromBranch, recordToAvro, toBranch, Undecodable } from './codec.ts'
import type { ClientFrame, EventFrame, ServerFrame } from './frames.ts'

/**
 * The frames of frames.ts as Avro (frames.avsc), for the subprotocol packlog.v1.avro. A message is one record,
 * ClientFrame or ServerFrame, without any header. Fields that are absent in TypeScript are null in Avro.
 */

/** Items that one array of a client's frame may hold: above every limit that the gateway then checks by name. */
export const AVRO_ITEMS_MAX = 10_000

const CLIENT_RECORDS = {
  send: 'Send',
  createGroup: 'CreateGroup',
  joinGroup: 'JoinGroup',
  quitGroup: 'QuitGroup',
  dismissGroup: 'DismissGroup',
  addMembers: 'AddMembers',
  removeMembers: 'RemoveMembers',
  history: 'History',
  sessions: 'Sessions',
  members: 'Members',
  outcome: 'Outcome',
  resume: 'Resume',
  ping: 'Ping',
} as const satisfies Record<ClientFrame['type'], string>

const SERVER_RECORDS = {
  welcome: 'Welcome',
  ack: 'Ack',
  refused: 'Refused',
  event: 'Event',
  page: 'Page',
  sessions: 'SessionList',
  members: 'MemberList',
  outcome: 'PackOutcome',
  resumed: 'Resumed',
  reset: 'Reset',
  gap: 'Gap',
  failed: 'Failed',
  error: 'Error',
  pong: 'Pong',
} as const satisfies Record<ServerFrame['type'], string>

const clientTypes = new Map(Object.entries(CLIENT_RECORDS).map(([type, record]) => [record as string, type]))
const serverTypes = new Map(Object.entries(SERVER_RECORDS).map(([type, record]) => [record as string, type]))

export const framesSchema: avro.schema.RecordType[] = JSON.parse(
  readFileSync(new URL('./frames.avsc', import.meta.url), 'utf8'),
)

const named: Record<string, avro.Type> = {}
avro.Type.forSchema(structuredClone(framesSchema), { registry: named, wrapUnions: 'auto' })
const clientFrameType = named['packlog.ClientFrame']!
const serverFrameType = named['packlog.ServerFrame']!
const checkClientFrame = compileGuard(framesSchema, 'ClientFrame', { itemsMax: AVRO_ITEMS_MAX })

interface RawFrame {
  frame: Record<string, object>
}
type Fields = Record<string, unknown>

/**
 * Reads a client's frame. What comes back has the shape of a ClientFrame, but its fields are not validated yet.
 * Throws Undecodable; bytes that claim more than they hold are refused before anything is allocated for them.
 */
export function decodeClientFrame(bytes: Buffer): Fields {
  checkClientFrame(bytes)
  const frame = readFrame(clientFrameType, bytes, clientTypes)
  if (frame.content !== undefined) frame.content = fromBranch(frame.content as Record<string, object>)
  return frame
}

export function encodeClientFrame(frame: ClientFrame): Buffer {
  const fields = frame.type === 'send' ? { ...frame, content: toBranch(frame.content) } : frame
  return clientFrameType.toBuffer({ frame: { [`packlog.${CLIENT_RECORDS[frame.type]}`]: fields } })
}

export function encodeServerFrame(frame: ServerFrame): Buffer {
  return serverFrameType.toBuffer({ frame: { [`packlog.${SERVER_RECORDS[frame.type]}`]: serverFields(frame) } })
}

/** Throws Undecodable. */
export function decodeServerFrame(bytes: Buffer): ServerFrame {
  const frame = readFrame(serverFrameType, bytes, serverTypes)
  if (frame.type === 'event') return eventFromAvro(frame) as unknown as ServerFrame
  if (frame.type === 'page') frame.events = (frame.events as Fields[]).map(eventFromAvro)
  if (frame.type === 'sessions') frame.sessions = (frame.sessions as Fields[]).map(sessionFromAvro)
  if (frame.type === 'resumed') frame.sessions = (frame.sessions as Fields[]).map(withoutNulls)
  return frame as unknown as ServerFrame
}

function readFrame(type: avro.Type, bytes: Buffer, types: ReadonlyMap<string, string>): Fields {
  let raw: RawFrame
  try {
    raw = type.fromBuffer(bytes) as RawFrame
  } catch (error) {
    throw new Undecodable('the bytes are not a frame', { cause: error })
  }
  const { kind, ...fields } = fromBranch<{ kind: string }>(raw.frame)
  return withoutNulls({ type: types.get(kind), ...fields })
}

function withoutNulls(record: Fields): Fields {
  const fields: Fields = { ...record }
  for (const name in fields) if (fields[name] === null) delete fields[name]
  return fields
}

function serverFields(frame: ServerFrame): object {
  switch (frame.type) {
    case 'event':
      return recordToAvro(frame)
    case 'page':
      return { ...frame, events: frame.events.map(recordToAvro) }
    case 'sessions':
      return { ...frame, sessions: frame.sessions.map(sessionToAvro) }
    default:
      return frame
  }
}

function sessionToAvro(session: { last?: EventFrame }): object {
  return session.last === undefined ? session : { ...session, last: recordToAvro(session.last) }
}

function sessionFromAvro(raw: Fields): Fields {
  const session = withoutNulls(raw)
  if (session.last !== undefined) session.last = eventFromAvro(session.last as Fields)
  return session
}

function eventFromAvro(raw: Fields): Fields {
  const body = fromBranch<{ kind: string; content?: unknown }>(raw.body as Record<string, object>)
  if (body.content !== undefined) body.content = fromBranch(body.content as Record<string, object>)
  return { ...raw, type: 'event', body }
}
