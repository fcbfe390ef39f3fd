import type { Column } from './row-binary.ts'

/**
 * A row of `events`, field by field as in migrations/0001-events.sql, where every column says what it means.
 * An unused string is empty, an unused number 0: no column of `events` is nullable.
 */
export interface EventRow {
  partition: number
  offset: number
  causeEra: number
  causeOffset: number
  /** Milliseconds since the epoch, as are all times here. */
  at: number
  sessionId: string
  sessionKind: string
  seq: number
  count: number
  kind: string
  code: number
  reason: string
  firstSeq: number
  firstCount: number
  firstAt: number
  packId: string
  packIdText: string
  from: string
  actorKind: string
  actorId: string
  deviceType: number
  deviceId: string
  gateway: string
  flags: number
  digest: Buffer
  userIds: readonly string[]
  groupName: string
  groupAvatar: string
  groupNotice: string
  rules: string
  contentKind: string
  contentType: string
  contentBytes: number
  text: string
  data: string
  extra: string
  targetSeq: number
  hasPushInfo: boolean
  pushTitle: string
  pushSummary: string
  pushUrl: string
}

/** The columns that an insert names, in the order in which they are written. */
export const EVENT_COLUMNS = [
  { name: 'partition', type: 'UInt16' },
  { name: 'offset', type: 'UInt64' },
  { name: 'causeEra', type: 'Int32' },
  { name: 'causeOffset', type: 'UInt64' },
  { name: 'at', type: 'DateTime64' },
  { name: 'sessionId', type: 'String' },
  { name: 'sessionKind', type: 'String' },
  { name: 'seq', type: 'UInt64' },
  { name: 'count', type: 'UInt64' },
  { name: 'kind', type: 'String' },
  { name: 'code', type: 'Int32' },
  { name: 'reason', type: 'String' },
  { name: 'firstSeq', type: 'UInt64' },
  { name: 'firstCount', type: 'UInt64' },
  { name: 'firstAt', type: 'DateTime64' },
  { name: 'packId', type: 'UUID' },
  { name: 'packIdText', type: 'String' },
  { name: 'from', type: 'String' },
  { name: 'actorKind', type: 'String' },
  { name: 'actorId', type: 'String' },
  { name: 'deviceType', type: 'Int32' },
  { name: 'deviceId', type: 'String' },
  { name: 'gateway', type: 'String' },
  { name: 'flags', type: 'UInt32' },
  { name: 'digest', type: 'FixedString16' },
  { name: 'userIds', type: 'ArrayOfString' },
  { name: 'groupName', type: 'String' },
  { name: 'groupAvatar', type: 'String' },
  { name: 'groupNotice', type: 'String' },
  { name: 'rules', type: 'String' },
  { name: 'contentKind', type: 'String' },
  { name: 'contentType', type: 'String' },
  { name: 'contentBytes', type: 'UInt32' },
  { name: 'text', type: 'String' },
  { name: 'data', type: 'String' },
  { name: 'extra', type: 'String' },
  { name: 'targetSeq', type: 'UInt64' },
  { name: 'hasPushInfo', type: 'Bool' },
  { name: 'pushTitle', type: 'String' },
  { name: 'pushSummary', type: 'String' },
  { name: 'pushUrl', type: 'String' },
] as const satisfies readonly Column<EventRow>[]
