import type { Content, MessageExtra } from '../../schemas/content.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import { type Partition, parseSessionId } from '../../schemas/ids.ts'
import type { PlacedEvent } from '../view.ts'
import type { EventRow } from './event-row.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const NO_UUID = '00000000-0000-0000-0000-000000000000'

type BodyColumns = Pick<
  EventRow,
  | 'code'
  | 'reason'
  | 'firstSeq'
  | 'firstCount'
  | 'firstAt'
  | 'userIds'
  | 'groupName'
  | 'groupAvatar'
  | 'groupNotice'
  | 'rules'
  | 'contentKind'
  | 'contentType'
  | 'contentBytes'
  | 'text'
  | 'data'
  | 'extra'
  | 'targetSeq'
>

const NO_USERS: readonly string[] = []

/** What an event without these has in its body's columns. */
const EMPTY: BodyColumns = {
  code: 0,
  reason: '',
  firstSeq: 0,
  firstCount: 0,
  firstAt: 0,
  userIds: NO_USERS,
  groupName: '',
  groupAvatar: '',
  groupNotice: '',
  rules: '',
  contentKind: '',
  contentType: '',
  contentBytes: 0,
  text: '',
  data: '',
  extra: '',
  targetSeq: 0,
}

/** The row of an outcome. Every event has one, whatever its kind: nothing is left out of the archive. */
export function projectEvent(partition: Partition, { event, position }: PlacedEvent): EventRow {
  const isUuid = UUID.test(event.packId)
  const body = bodyColumns(event.body)
  return {
    partition,
    offset: position.offset,
    causeEra: event.cause.era,
    causeOffset: event.cause.offset,
    at: event.at,
    sessionId: event.sessionId,
    sessionKind: parseSessionId(event.sessionId)?.kind ?? '',
    seq: event.seq,
    count: event.count,
    kind: event.body.kind,
    code: body.code,
    reason: body.reason,
    firstSeq: body.firstSeq,
    firstCount: body.firstCount,
    firstAt: body.firstAt,
    packId: isUuid ? event.packId : NO_UUID,
    packIdText: isUuid ? '' : event.packId,
    from: event.from,
    actorKind: event.actor.kind,
    actorId: event.actor.id,
    deviceType: event.device.type,
    deviceId: event.device.id,
    gateway: event.gateway,
    flags: event.flags,
    digest: event.digest,
    userIds: body.userIds,
    groupName: body.groupName,
    groupAvatar: body.groupAvatar,
    groupNotice: body.groupNotice,
    rules: body.rules,
    contentKind: body.contentKind,
    contentType: body.contentType,
    contentBytes: body.contentBytes,
    text: body.text,
    data: body.data,
    extra: body.extra,
    targetSeq: body.targetSeq,
    hasPushInfo: event.pushInfo !== null,
    pushTitle: event.pushInfo?.title ?? '',
    pushSummary: event.pushInfo?.summary ?? '',
    pushUrl: event.pushInfo?.url ?? '',
  }
}

function bodyColumns(body: EventBody): BodyColumns {
  switch (body.kind) {
    case 'MessageAccepted':
      return { ...contentColumns(body.content), extra: extraOf(body.extra) }
    // The columns say what can be searched; `data` has the whole of it.
    case 'MessageOverridden': {
      const { target, content, extra } = body
      const columns = { ...contentColumns(content), extra: extraOf(extra), targetSeq: target.seq }
      return { ...columns, data: jsonOf(body) }
    }
    case 'MessageRevoked':
    case 'MessageDeleted':
    case 'ReactionAdded':
    case 'ReactionRemoved':
      return { ...EMPTY, data: jsonOf(body), targetSeq: body.target.seq }
    case 'GroupCreated': {
      const { name, avatar, notice, attributes } = body.info
      const columns = { userIds: body.members, groupName: name, groupAvatar: avatar, groupNotice: notice }
      return { ...EMPTY, ...columns, data: dataOf({ attributes, settings: body.settings }) }
    }
    case 'MembersAdded':
    case 'MembersRemoved':
      return { ...EMPTY, userIds: body.userIds }
    case 'MemberJoined':
      return body.inviteId === undefined ? EMPTY : { ...EMPTY, data: jsonOf(body) }
    case 'MemberQuit':
    case 'GroupDismissed':
      return EMPTY
    case 'RulesSet':
      return { ...EMPTY, rules: JSON.stringify(body.rules) }
    case 'PackRefused':
      return { ...EMPTY, code: body.code, reason: body.reason, data: dataOf({ until: body.until }) }
    case 'PackRepeated':
      return { ...EMPTY, code: body.code, firstSeq: body.seq, firstCount: body.count, firstAt: body.at }
    default:
      return { ...EMPTY, data: jsonOf(body) }
  }
}

/** What a body may have besides its columns; empty where it has none of it. */
function dataOf(fields: Record<string, unknown>): string {
  const text = JSON.stringify(fields)
  return text === '{}' ? '' : text
}

function extraOf(extra: MessageExtra | undefined): string {
  return extra === undefined ? '' : JSON.stringify(extra)
}

/** Everything but the kind. */
function jsonOf({ kind: _, ...fields }: { kind: string }): string {
  return JSON.stringify(fields)
}

function contentColumns(content: Content): BodyColumns {
  switch (content.kind) {
    case 'Text':
      return { ...EMPTY, contentKind: 'Text', contentBytes: Buffer.byteLength(content.text), text: content.text }
    case 'Custom': {
      const { type, data } = content
      return { ...EMPTY, contentKind: 'Custom', contentType: type, contentBytes: Buffer.byteLength(data), data }
    }
    default: {
      const data = jsonOf(content)
      return { ...EMPTY, contentKind: content.kind, contentBytes: Buffer.byteLength(data), text: textOf(content), data }
    }
  }
}

/** What people wrote in a content that is more than text. */
function textOf(content: Content): string {
  if ('text' in content) return content.text
  return 'caption' in content ? (content.caption ?? '') : ''
}

/** Bytes that an event's row takes on the wire, roughly: for the limit of an insert, not for the insert itself. */
export function estimateBytes({ body, pushInfo }: Event): number {
  const fixed = 320
  const push = pushInfo === null ? 0 : pushInfo.title.length + pushInfo.summary.length + pushInfo.url.length
  return fixed + push + bodyLength(body)
}

function bodyLength(body: EventBody): number {
  switch (body.kind) {
    case 'MessageAccepted':
      return contentLength(body.content)
    case 'GroupCreated':
      return JSON.stringify(body.info).length + 32 * body.members.length
    case 'MembersAdded':
    case 'MembersRemoved':
      return 32 * body.userIds.length
    case 'MemberJoined':
    case 'MemberQuit':
    case 'GroupDismissed':
    case 'RulesSet':
    case 'PackRefused':
    case 'PackRepeated':
      return 0
    default:
      return jsonOf(body).length
  }
}

function contentLength(content: Content): number {
  switch (content.kind) {
    case 'Text':
      return content.text.length
    case 'Custom':
      return content.data.length
    default:
      return jsonOf(content).length + textOf(content).length
  }
}
