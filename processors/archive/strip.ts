import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'

/**
 * What has to be emptied in the archive after which event, and the statements that do it. Pure.
 *
 * Rows stay, with their facts; only what people wrote goes: revoked and deleted messages with all their edits, what an
 * erased user said, and what they were. The law that makes this safe: folding events with a later revoke or erase gives
 * the same whether the content was already gone or not, so a rebuild from emptied rows equals one from the log.
 */

/** An event that takes content away, as a row of `events` has it; or that ends a legal hold. */
export interface TakingRow {
  partition: Partition
  offset: Offset
  kind: 'MessageRevoked' | 'MessageDeleted' | 'ContentErased' | 'UserErased' | 'HoldSet'
  sessionId: SessionId
  seq: Seq
  from: UserId
  targetSeq: Seq
  data: string
}

export const TAKING_KINDS: readonly TakingRow['kind'][] = [
  'MessageRevoked',
  'MessageDeleted',
  'ContentErased',
  'UserErased',
  'HoldSet',
]

export interface StripPolicy {
  /** Whether what was revoked or deleted for all stays in the archive; what was erased never does (B1). */
  keepsRevoked: boolean
  /** Sessions under a legal hold, `u:<user>` for everything that the user said: nothing of them is emptied. */
  held: ReadonlySet<string>
}

export interface StripPlan {
  /** Messages, by session and seq. */
  messages: { sessionId: SessionId; seq: Seq }[]
  /** What a user said in a session below a seq; userId undefined: what anybody said. */
  said: { sessionId: SessionId; userId: UserId | undefined; seq: Seq }[]
  /** What a user was, in their own session below a seq. */
  users: { sessionId: SessionId; seq: Seq }[]
}

/** What is to be emptied after these events. */
export function planStrip(rows: readonly TakingRow[], { keepsRevoked, held }: StripPolicy): StripPlan {
  const plan: StripPlan = { messages: [], said: [], users: [] }
  for (const row of rows) {
    const { kind, sessionId, seq, targetSeq } = row
    if (held.has(sessionId)) continue
    switch (kind) {
      case 'MessageRevoked':
      case 'MessageDeleted':
        if (!keepsRevoked && !held.has(`u:${senderOf(row)}`)) plan.messages.push({ sessionId, seq: targetSeq })
        break
      case 'ContentErased': {
        const { userId } = JSON.parse(row.data) as { userId: UserId }
        if (held.has(`u:${userId}`)) break
        plan.said.push({ sessionId, userId: sessionId.startsWith('b:') ? undefined : userId, seq })
        break
      }
      case 'UserErased':
        plan.users.push({ sessionId, seq })
        break
      case 'HoldSet':
        break
    }
  }
  return plan
}

/** Who sent the message that was taken back. */
function senderOf({ data }: TakingRow): string {
  return (JSON.parse(data) as { target: { from: string } }).target.from
}

/** A table that holds what people wrote, and how its rows are found. */
export interface ContentTable {
  name: string
  /** Seq of the message that a row belongs to. */
  messageSeq: string
  /** Which rows belong to messages; empty: all. */
  ofMessages: string
  columns: readonly string[]
  hasKind: boolean
}

/** Every table with content; those that a database does not have are passed over. */
export const CONTENT_TABLES: readonly ContentTable[] = [
  {
    name: 'events',
    messageSeq: 'if(targetSeq > 0, targetSeq, seq)',
    ofMessages: `kind IN ('MessageAccepted', 'MessageOverridden')`,
    columns: ['text', 'data', 'extra', 'pushTitle', 'pushSummary', 'pushUrl'],
    hasKind: true,
  },
  { name: 'messages', messageSeq: 'seq', ofMessages: '', columns: ['text', 'data', 'extra'], hasKind: false },
  {
    name: 'message_changes',
    messageSeq: 'targetSeq',
    ofMessages: `kind = 'MessageOverridden'`,
    columns: ['text', 'data', 'extra'],
    hasKind: true,
  },
  {
    name: 'message_events',
    messageSeq: 'messageSeq',
    ofMessages: `kind IN ('MessageAccepted', 'MessageOverridden')`,
    columns: ['text', 'data', 'extra'],
    hasKind: true,
  },
  { name: 'timeline_events', messageSeq: 'seq', ofMessages: 'seq = 0', columns: ['data'], hasKind: true },
]

/** What is left of `data`, by kind: the event can still be read, and says nothing. */
const LEFT: Record<string, string> = {
  MessageOverridden: `concat('{"target":', JSONExtractRaw(data, 'target'), ',"content":{"kind":"Removed"},"version":', toString(JSONExtractUInt(data, 'version')), '}')`,
  AliasSet: `concat('{"userId":', JSONExtractRaw(data, 'userId'), ',"alias":""}')`,
  SessionAttributesSet: `concat('{"sessionId":', JSONExtractRaw(data, 'sessionId'), ',"attributes":{"pinned":false,"notify":"all","hidden":false}}')`,
  FriendRemarked: `'{"remark":""}'`,
  ProfileUpdated: `'{"profile":{"name":"","avatar":""}}'`,
  SettingsUpdated: `'{"settings":{"messagesFrom":"anyone","notify":"all","findable":true,"presenceShown":true}}'`,
  UserAttributesSet: `'{"attributes":[]}'`,
  PushDevicesSet: `'{"devices":[],"removed":[]}'`,
  PushRequested: `'{"title":"","content":"","uri":"","extraData":[],"options":[]}'`,
  FriendRequested: `'{}'`,
  JoinRequested: `'{}'`,
  MessageAccepted: `''`,
}
const LEFT_KINDS = Object.keys(LEFT)

/** What each column is set to. */
function emptied({ columns, hasKind }: ContentTable): [column: string, value: string][] {
  const left = Object.entries(LEFT).map(([kind, expression]) => `kind = '${kind}', ${expression}`)
  const data = hasKind ? `multiIf(${left.join(', ')}, data)` : `''`
  return columns.map(column => [column, column === 'data' ? data : `''`])
}

/** Sessions and messages that one statement names at most. */
export const STRIP_NAMES_MAX = 500

/** One piece of the emptying of a table. */
export interface Strip {
  /** Gives a row where there is something to empty: most tables have nothing of most plans. */
  look: string
  update: string
}

/** The statements that empty one table (with `suffix` behind its name), in pieces of bounded length. */
export function stripsOf(table: ContentTable, plan: StripPlan, suffix: string): Strip[] {
  const name = `${table.name}${suffix}`
  const values = emptied(table)
  const full = values.map(([column, value]) => `${column} != ${value}`).join(' OR ')
  const set = values.map(([column, value]) => `${column} = ${value}`).join(', ')
  return [...ofMessages(table, plan), ...ofUsers(table, plan)].map(where => {
    return {
      look: `SELECT 1 AS found FROM ${name} WHERE (${where}) AND (${full}) LIMIT 1`,
      update: `ALTER TABLE ${name} UPDATE ${set} WHERE ${where} SETTINGS mutations_sync = 1`,
    }
  })
}

export interface Expiry {
  sessionKind: string
  /** Messages from before this time, ms since the epoch. */
  before: number
  /** Sessions under a legal hold, `u:<user>` for everything that the user said. */
  held: readonly string[]
}

/** What empties messages whose time is over. A change goes with its own time, not with that of its message. */
export function expiryOf(table: ContentTable, { sessionKind, before, held }: Expiry): Strip {
  const values = emptied(table)
  const full = values.map(([column, value]) => `${column} != ${value}`).join(' OR ')
  const set = values.map(([column, value]) => `${column} = ${value}`).join(', ')
  const kept = `[${held.map(text).join(', ')}]`
  const isOver = `sessionKind = ${text(sessionKind)} AND at < fromUnixTimestamp64Milli(toInt64(${before}), 'UTC')`
  const isFree = `NOT has(CAST(${kept}, 'Array(String)'), sessionId) AND NOT has(CAST(${kept}, 'Array(String)'), concat('u:', \`from\`))`
  const where = `${isOver} AND ${isFree}${table.ofMessages === '' ? '' : ` AND ${table.ofMessages}`} AND (${full})`
  return {
    look: `SELECT 1 AS found FROM ${table.name} WHERE ${where} LIMIT 1`,
    update: `ALTER TABLE ${table.name} UPDATE ${set} WHERE ${where} SETTINGS mutations_sync = 1`,
  }
}

/** Which rows of messages are to be emptied: looked up in one set, a condition for each took minutes. */
function ofMessages({ messageSeq, ofMessages: also }: ContentTable, { messages }: StripPlan): string[] {
  return pieces(messages).map(some => {
    const names = some.map(({ sessionId, seq }) => `(${text(sessionId)}, ${seq})`)
    return `(sessionId, ${messageSeq}) IN (${names.join(', ')})${also === '' ? '' : ` AND ${also}`}`
  })
}

/** Which rows of users are to be emptied. */
function ofUsers(table: ContentTable, plan: StripPlan): string[] {
  const kinds = table.hasKind ? ` AND kind IN (${LEFT_KINDS.map(text).join(', ')})` : ''
  const said = plan.said.map(({ sessionId, userId, seq }) => {
    return `(sessionId = ${text(sessionId)} AND seq < ${seq}${kinds}${userId === undefined ? '' : ` AND ${by(table, userId)}`})`
  })
  const users = plan.users.map(({ sessionId, seq }) => `(sessionId = ${text(sessionId)} AND seq < ${seq}${kinds})`)
  return pieces([...said, ...users]).map(some => some.join(' OR '))
}

/** Rows of what a user said; their alias may have been given by somebody else. */
function by({ hasKind }: ContentTable, userId: UserId): string {
  const from = `\`from\` = ${text(userId)}`
  return hasKind ? `(${from} OR (kind = 'AliasSet' AND JSONExtractString(data, 'userId') = ${text(userId)}))` : from
}

/** Ids hold no quotes and no backslashes (SPEC ID1), but the log may hold anything. */
function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function pieces<T>(items: readonly T[]): T[][] {
  const all: T[][] = []
  for (let start = 0; start < items.length; start += STRIP_NAMES_MAX)
    all.push(items.slice(start, start + STRIP_NAMES_MAX))
  return all
}
