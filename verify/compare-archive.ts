import { contentOf, eventOfRow } from '../processors/archive/event-of-row.ts'
import type { EventRow } from '../processors/archive/event-row.ts'
import type { MessageRow } from '../processors/archive/inspect.ts'
import type { Content } from '../schemas/content.ts'
import type { Event, EventBody } from '../schemas/event.ts'
import { type Partition, parseSessionId } from '../schemas/ids.ts'
import { isSame } from './compare-history.ts'
import { type Difference, NOTHING, show } from './difference.ts'

/**
 * Compares rows of the archive with the log. A row is turned back into the event that it must have come from: the
 * other way round than the archive goes, so that a fact which is left out on the way is missed here. Pure.
 */

/** What differs between an event of the log and its row; `row` undefined: there is none. */
export function compareEventRow(
  partition: Partition,
  offset: number,
  event: Event,
  row: EventRow | undefined,
  said: Event = event,
): Difference[] {
  const { sessionId, seq } = event
  const place = { view: 'archive' as const, sessionId, ...(seq > 0 ? { seq } : {}), partition, offset }
  if (row === undefined) return [{ ...place, what: 'row of events', expected: plain(event), found: NOTHING }]
  const found = eventOfRow(row)
  const differences: Difference[] = []
  for (const name of Object.keys(event) as (keyof Event)[]) {
    if (isSame(comparable(event[name]), comparable(found[name]))) continue
    differences.push({
      ...place,
      what: `${name} of events`,
      expected: show(comparable(event[name])),
      found: show(comparable(found[name])),
    })
  }
  const kind = parseSessionId(sessionId)?.kind ?? ''
  if (row.sessionKind !== kind) {
    differences.push({ ...place, what: 'sessionKind of events', expected: show(kind), found: show(row.sessionKind) })
  }
  const { body } = said
  // How long it was stays known.
  const bytes = 'content' in body && body.kind !== 'PushRequested' ? contentBytes(body.content) : 0
  if (row.contentBytes !== bytes) {
    differences.push({ ...place, what: 'contentBytes of events', expected: show(bytes), found: show(row.contentBytes) })
  }
  const targetSeq = 'target' in event.body ? event.body.target.seq : 0
  if (row.targetSeq !== targetSeq) {
    differences.push({ ...place, what: 'targetSeq of events', expected: show(targetSeq), found: show(row.targetSeq) })
  }
  return differences
}

/** The event as its row is once its content was taken back: it can still be read, and says nothing. */
export function emptiedEvent(event: Event): Event {
  const pushInfo = event.pushInfo === null ? null : { title: '', summary: '', url: '' }
  return { ...event, pushInfo, body: emptiedBody(event.body) }
}

function emptiedBody(body: EventBody): EventBody {
  const said = body.kind === 'MessageAccepted' ? emptiedContent(body.content) : undefined
  if (said !== undefined) return { kind: 'MessageAccepted', content: said }
  switch (body.kind) {
    case 'MessageOverridden':
      return { kind: body.kind, target: body.target, content: { kind: 'Removed' }, version: body.version }
    case 'AliasSet':
      return { ...body, alias: '' }
    case 'FriendRemarked':
      return { ...body, remark: '' }
    case 'FriendRequested':
    case 'JoinRequested':
      return { kind: body.kind }
    case 'ProfileUpdated':
      return { kind: body.kind, profile: { name: '', avatar: '' } }
    case 'SettingsUpdated':
      return { kind: body.kind, settings: NOTHING_CHOSEN }
    case 'UserAttributesSet':
      return { kind: body.kind, attributes: [] }
    case 'SessionAttributesSet':
      return { ...body, attributes: { pinned: false, notify: 'all', hidden: false } }
    case 'PushDevicesSet':
      return { kind: body.kind, devices: [], removed: [] }
    case 'PushRequested':
      return { kind: body.kind, title: '', content: '', uri: '', extraData: [], options: [] }
    default:
      return body
  }
}

const NOTHING_CHOSEN = { messagesFrom: 'anyone', notify: 'all', findable: true, presenceShown: true } as const

function emptiedContent(content: Content): Content {
  if (content.kind === 'Text') return { kind: 'Text', text: '' }
  if (content.kind === 'Custom') return { kind: 'Custom', type: content.type, data: '' }
  return { kind: content.kind } as Content
}

/** A row of `events` that no event of the log has. */
export function extraEventRow(row: EventRow): Difference {
  const { sessionId, seq, partition, offset } = row
  const place = { view: 'archive' as const, sessionId, ...(seq > 0 ? { seq } : {}), partition, offset }
  return { ...place, what: 'row of events', expected: NOTHING, found: plain(eventOfRow(row)) }
}

/** The facts of a message row in the order of fold.ts `messageText`. */
export function textOfMessageRow(row: MessageRow): string {
  const { sessionId, seq, count, at, from, packId, deviceType, deviceId, gateway, flags } = row
  return JSON.stringify([
    sessionId,
    seq,
    count,
    at,
    from,
    packId,
    deviceType,
    deviceId,
    gateway,
    flags,
    contentOf(row),
    row.extra === '' ? null : JSON.parse(row.extra),
  ])
}

function contentBytes(content: Content): number {
  if (content.kind === 'Text') return Buffer.byteLength(content.text)
  if (content.kind === 'Custom') return Buffer.byteLength(content.data)
  const { kind: _, ...fields } = content
  return Buffer.byteLength(JSON.stringify(fields))
}

/** Bytes as hex, so that they compare and print. */
function comparable(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('hex') : value
}

function plain(event: Event): string {
  return JSON.stringify({ ...event, digest: event.digest.toString('hex') })
}
