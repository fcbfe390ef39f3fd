import type { Content, MessageExtra } from '../../schemas/content.ts'
import type { AcceptedBody } from '../../schemas/event.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupInfo } from '../../schemas/settings.ts'
import type { EventRow } from './event-row.ts'

/** Rows of the archive as the frames that clients get: what project.ts has put into columns, put together again. Pure. */

/** What a frame is made of; the columns of `events`, and of the tables that it fills. */
export type FrameRow = Pick<EventRow, 'sessionId' | 'seq' | 'count' | 'at' | 'packId' | 'from' | 'flags' | 'kind'> &
  Partial<Pick<EventRow, 'contentKind' | 'contentType' | 'text' | 'data' | 'extra'>> &
  Partial<Pick<EventRow, 'targetSeq' | 'userIds' | 'groupName' | 'groupAvatar' | 'groupNotice'>>

/** A frame of a row; the packId of `u:` sessions of the server itself may be none. */
export function frameOfRow(row: FrameRow): EventFrame {
  return {
    type: 'event',
    sessionId: row.sessionId as SessionId,
    seq: row.seq,
    count: row.count,
    at: row.at,
    packId: row.packId as PackId,
    from: row.from as UserId,
    flags: row.flags,
    body: bodyOfRow(row),
  }
}

/** The content of a message, from its columns; Removed where they were emptied. */
export function archivedContent({
  contentKind = '',
  contentType = '',
  text = '',
  data = '',
}: Partial<FrameRow>): Content {
  switch (contentKind) {
    case 'Text':
      return text === '' ? { kind: 'Removed' } : { kind: 'Text', text }
    case 'Custom':
      return data === '' ? { kind: 'Removed' } : { kind: 'Custom', type: contentType, data }
    default:
      return data === '' ? { kind: 'Removed' } : ({ kind: contentKind, ...(JSON.parse(data) as object) } as Content)
  }
}

/** The content that a change of a message has left of it. */
export function changedContent({ kind, data }: { kind: string; data: string }): Content {
  if (kind !== 'MessageOverridden' || data === '') return { kind: 'Removed' }
  return (JSON.parse(data) as { content: Content }).content
}

function bodyOfRow(row: FrameRow): AcceptedBody {
  const { kind, data = '' } = row
  switch (kind) {
    case 'MessageAccepted':
      return { kind, content: archivedContent(row), ...extraOf(row) }
    case 'GroupCreated': {
      const { groupName: name = '', groupAvatar: avatar = '', groupNotice: notice = '', userIds = [] } = row
      const { attributes, ...rest } = objectOf(data) as { attributes?: GroupInfo['attributes'] }
      const info = { name, avatar, notice, ...(attributes === undefined ? {} : { attributes }) }
      return { kind, info, members: [...userIds], ...rest } as AcceptedBody
    }
    case 'MembersAdded':
    case 'MembersRemoved':
      return { kind, userIds: [...(row.userIds ?? [])] as UserId[] }
    default:
      if (data === '' && row.targetSeq !== undefined && row.targetSeq > 0) return erasedChange(row, row.targetSeq)
      return { kind, ...objectOf(data) } as AcceptedBody
  }
}

/** Of a change that was emptied it is known which message it was about, and what it did to it. */
function erasedChange({ kind, from, packId, at }: FrameRow, seq: Seq): AcceptedBody {
  const target = { seq, packId, from, at, counted: false }
  return { kind, target, content: { kind: 'Removed' }, version: 0, emoji: '' } as AcceptedBody
}

function extraOf({ extra = '' }: FrameRow): { extra?: MessageExtra } {
  return extra === '' ? {} : { extra: JSON.parse(extra) as MessageExtra }
}

function objectOf(data: string): object {
  return data === '' ? {} : (JSON.parse(data) as object)
}
