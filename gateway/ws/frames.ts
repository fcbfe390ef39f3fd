import type { Millis } from '../../infra/clock.ts'
import { Code, type CodeName, codeName } from '../../schemas/codes.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import type { EventFrame, ServerFrame } from '../../schemas/frames.ts'
import { eventFrame, eventJson } from '../../schemas/frames.ts'
import { encodeServerFrame } from '../../schemas/frames-avro.ts'
import type { Seq, SessionId } from '../../schemas/ids.ts'
import { binaryFrame, textFrame } from './websocket-frame.ts'

/** What the gateway says, as bytes of a WebSocket frame in either subprotocol. */

export type Subprotocol = 'json' | 'avro'

/** One server frame for one connection. */
export function encodeFrame(subprotocol: Subprotocol, frame: ServerFrame): Buffer {
  return subprotocol === 'json' ? textFrame(JSON.stringify(frame)) : binaryFrame(encodeServerFrame(frame))
}

/** An event as it goes out: encoded at most once per subprotocol, whatever the number of receivers. */
export class LiveEvent {
  readonly seq: Seq
  readonly sessionId: SessionId
  private readonly event: Event
  private json: Buffer | undefined
  private avro: Buffer | undefined

  constructor(event: Event) {
    this.event = event
    this.seq = event.seq
    this.sessionId = event.sessionId
  }

  frame(subprotocol: Subprotocol): Buffer {
    if (subprotocol === 'json') {
      this.json ??= textFrame(eventJson(this.event))
      return this.json
    }
    this.avro ??= binaryFrame(encodeServerFrame(eventFrame(this.event)))
    return this.avro
  }
}

/** An event that history stored as the JSON text of its frame. JSON sockets get the text as it is. */
export function storedEventFrame(subprotocol: Subprotocol, text: string): Buffer {
  return subprotocol === 'json' ? textFrame(text) : binaryFrame(encodeServerFrame(JSON.parse(text) as EventFrame))
}

export interface StoredPage {
  requestId: number
  sessionId: SessionId
  lastSeq: Seq
  more: boolean
  /** JSON text of each event's frame. */
  events: readonly string[]
}

/** A page of history: for JSON sockets the stored texts are copied without being parsed. */
export function pageFrame(subprotocol: Subprotocol, page: StoredPage): Buffer {
  const { events, ...head } = page
  if (subprotocol === 'avro') {
    return encodeFrame('avro', { type: 'page', ...head, events: events.map(text => JSON.parse(text) as EventFrame) })
  }
  const opening = JSON.stringify({ type: 'page', ...head })
  return textFrame(`${opening.slice(0, -1)},"events":[${events.join(',')}]}`)
}

export interface RefusalFields {
  code: number
  name: CodeName
  reason: string
  retry: 'never' | 'same' | 'new'
  retryAfterMs?: Millis
}

/** The fields of `refused`, `failed` and `error`; the reason is the table's where none is given. */
export function refusal(name: CodeName, reason?: string, retryAfterMs?: Millis): RefusalFields {
  const { number, retry, text } = Code[name]
  const fields: RefusalFields = { code: number, name, reason: reason ?? text, retry }
  if (retryAfterMs !== undefined) fields.retryAfterMs = retryAfterMs
  return fields
}

/** The fields of a refusal that the log tells. A code that this build does not know counts as final. */
export function refusalOfCode(code: number, reason?: string, retryAfterMs?: Millis): RefusalFields {
  const name = codeName(code)
  if (name !== undefined) return refusal(name, reason, retryAfterMs)
  return { code, name: 'UNKNOWN', reason: reason ?? `code ${code}`, retry: 'never' }
}

/** The answer to a pack, from its outcome on im.events. */
export function answerFrame(event: Event): ServerFrame {
  const { packId, sessionId, body } = event
  if (isAccepted(event)) {
    return { type: 'ack', packId, sessionId, seq: event.seq, count: event.count, at: event.at }
  }
  if (body.kind === 'PackRefused') {
    const { code, reason, until } = body
    const waitMs = until === undefined ? undefined : Math.max(1, until - event.at)
    return { type: 'refused', packId, sessionId, ...refusalOfCode(code, reason, waitMs) }
  }
  if (body.kind !== 'PackRepeated') throw new TypeError(`no answer for ${body.kind}`)
  if (body.code !== 0) return { type: 'refused', packId, sessionId, repeated: true, ...refusalOfCode(body.code) }
  return { type: 'ack', packId, sessionId, seq: body.seq, count: body.count, at: body.at, repeated: true }
}
