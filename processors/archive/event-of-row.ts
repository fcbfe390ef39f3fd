import type { Content, MessageExtra } from '../../schemas/content.ts'
import type { Event, EventBody } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import type { Actor, Rules } from '../../schemas/pack.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import type { EventRow } from './event-row.ts'

/**
 * Rows of `events` as the events that they were made of: the other way round than project.ts. `verify` proves of every
 * row that it gives the event of the log. Pure.
 */

/** The event that a row of `events` tells of. */
export function eventOfRow(row: EventRow): Event {
  return {
    cause: { era: row.causeEra, offset: row.causeOffset },
    at: row.at,
    sessionId: row.sessionId as SessionId,
    packId: (row.packIdText === '' && !/^[0-]*$/.test(row.packId) ? row.packId : row.packIdText) as PackId,
    from: row.from as UserId,
    actor: { kind: row.actorKind as Actor['kind'], id: row.actorId },
    device: { type: row.deviceType, id: row.deviceId },
    gateway: row.gateway,
    flags: row.flags,
    seq: row.seq,
    count: row.count,
    digest: row.digest,
    pushInfo: row.hasPushInfo ? { title: row.pushTitle, summary: row.pushSummary, url: row.pushUrl } : null,
    body: bodyOfRow(row),
  }
}

function bodyOfRow(row: EventRow): EventBody {
  const userIds = [...row.userIds] as UserId[]
  switch (row.kind as EventBody['kind']) {
    case 'MessageAccepted':
      return row.extra === ''
        ? { kind: 'MessageAccepted', content: contentOf(row) }
        : { kind: 'MessageAccepted', content: contentOf(row), extra: JSON.parse(row.extra) as MessageExtra }
    case 'GroupCreated': {
      const { attributes, ...more } = JSON.parse(row.data || '{}') as Partial<GroupInfo>
      const info = { name: row.groupName, avatar: row.groupAvatar, notice: row.groupNotice }
      const whole = attributes === undefined ? info : { ...info, attributes }
      return { kind: 'GroupCreated', info: whole, members: userIds, ...more }
    }
    case 'MemberQuit':
    case 'GroupDismissed':
      return { kind: row.kind as 'MemberQuit' | 'GroupDismissed' }
    case 'MembersAdded':
    case 'MembersRemoved':
      return { kind: row.kind as 'MembersAdded' | 'MembersRemoved', userIds }
    case 'RulesSet':
      return { kind: 'RulesSet', rules: JSON.parse(row.rules || '{}') as Rules }
    case 'PackRefused':
      return { kind: 'PackRefused', code: row.code, reason: row.reason, ...JSON.parse(row.data || '{}') }
    case 'PackRepeated':
      return { kind: 'PackRepeated', code: row.code, seq: row.firstSeq, count: row.firstCount, at: row.firstAt }
    default:
      return { kind: row.kind, ...JSON.parse(row.data || '{}') } as EventBody
  }
}

/** The content of a message, as its columns have it. */
export function contentOf(row: Pick<EventRow, 'contentKind' | 'contentType' | 'text' | 'data'>): Content {
  const { contentKind, contentType, text, data } = row
  switch (contentKind) {
    case 'Text':
      return { kind: 'Text', text }
    case 'Custom':
      return { kind: 'Custom', type: contentType, data }
    default:
      return { kind: contentKind, ...JSON.parse(data || '{}') } as Content
  }
}
