import type { ClickHouse, QueryParams } from '../../infra/clickhouse/clickhouse.ts'
import type { Millis } from '../../infra/clock.ts'
import type { ContentKind } from '../../schemas/content.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { SearchTerm } from './search-words.ts'

/** Finds messages by what they say now, in the sessions of one user. The gateway says what of them may be seen. */

export interface ArchiveSearch {
  /** Whose sessions are searched; with `sessionId` only that one, and nobody's membership counts. */
  userId: UserId
  sessionId?: SessionId
  /** True: `userId` is an app, for which every chat and group is searched, and what it says itself. */
  ofApp?: boolean
  /** Sessions of which only these parts are searched; the others are searched whole. */
  parts: readonly SearchedPart[]
  /** All have to be in the text; none: every message. */
  terms: readonly SearchTerm[]
  from?: UserId
  contentKind?: ContentKind
  /** Sent at or after, and before. */
  sinceAt?: Millis
  beforeAt?: Millis
  /** Goes on behind this message. */
  after?: MessagePlace
  limit: number
}

/** Seqs of a session, both included; a session may have several, and one with fromSeq above toSeq is left out. */
export interface SearchedPart {
  sessionId: SessionId
  fromSeq: Seq
  toSeq: Seq
}

/** Where a message stands among what is found: the newest first, by log time, then by session and seq downwards. */
export interface MessagePlace {
  at: Millis
  sessionId: SessionId
  seq: Seq
}

/** Seconds after which the database gives a search up. */
const SEARCH_SECONDS_MAX = 4
/** Threads of one search: several run at once, beside the loads. */
const SEARCH_THREADS_MAX = 2

/** The places of messages that fit, the newest first. */
export async function searchMessages(clickhouse: ClickHouse, search: ArchiveSearch): Promise<MessagePlace[]> {
  const { sql, params } = searchQuery(search)
  return clickhouse.rows<MessagePlace>(sql, params)
}

/**
 * The sessions are in PREWHERE, so that texts are read of no others. A message that was changed counts with its last
 * content, which stands in message_changes, and one that was taken back does not count.
 */
function searchQuery(search: ArchiveSearch): { sql: string; params: QueryParams } {
  const { userId, sessionId, ofApp, parts, terms, from, contentKind, sinceAt, beforeAt, after, limit } = search
  const params: QueryParams = { userId, limit, ids: parts.map(part => part.sessionId) }
  params.froms = parts.map(part => part.fromSeq)
  params.tos = parts.map(part => part.toSeq)
  if (sessionId !== undefined) params.sessionId = sessionId
  const sessions = sessionId !== undefined ? 'sessionId = {sessionId: String}' : ofApp ? OF_APP : OF_USER
  const conditions = (at: string, seq: string) => {
    const all = terms.flatMap((term, index) => termConditions(term, `term${index}`, params))
    if (from !== undefined) all.push(given(params, 'from', from, name => `\`from\` = {${name}: String}`))
    if (contentKind !== undefined) {
      all.push(given(params, 'contentKind', contentKind, name => `contentKind = {${name}: String}`))
    }
    if (sinceAt !== undefined) all.push(given(params, 'sinceAt', sinceAt, name => `${at} >= ${millis(name)}`))
    if (beforeAt !== undefined) all.push(given(params, 'beforeAt', beforeAt, name => `${at} < ${millis(name)}`))
    if (after !== undefined) {
      Object.assign(params, { afterAt: after.at, afterSession: after.sessionId, afterSeq: after.seq })
      all.push(`${at} <= ${millis('afterAt')}`)
      all.push(`(${at}, sessionId, ${seq}) < (${millis('afterAt')}, {afterSession: String}, {afterSeq: UInt64})`)
    }
    return all.length === 0 ? '1' : all.join(' AND ')
  }
  const sql = `SELECT sessionId, seq, toUnixTimestamp64Milli(sentAt) AS at FROM
  (
    SELECT sessionId, seq, at AS sentAt FROM messages
    PREWHERE ${sessions}
    WHERE ${conditions('at', 'seq')} AND (sessionId, seq) NOT IN
      (SELECT sessionId, targetSeq FROM message_changes WHERE ${sessions} AND ${IS_REVISION})
    UNION ALL
    SELECT sessionId, targetSeq AS seq, targetAt AS sentAt FROM message_changes AS c
    PREWHERE ${sessions}
    WHERE kind = 'MessageOverridden' AND ${conditions('targetAt', 'targetSeq')} AND (sessionId, targetSeq, c.seq) IN
      (SELECT sessionId, targetSeq, max(seq) FROM message_changes WHERE ${sessions} AND ${IS_REVISION}
        GROUP BY sessionId, targetSeq)
  ) AS found${parts.length === 0 ? '' : PARTS}
  ORDER BY sentAt DESC, sessionId DESC, seq DESC
  LIMIT 1 BY sessionId, seq
  LIMIT {limit: UInt32}
  SETTINGS max_execution_time = ${SEARCH_SECONDS_MAX}, max_threads = ${SEARCH_THREADS_MAX}`
  return { sql, params }
}

const OF_USER = 'sessionId IN (SELECT sessionId FROM member_changes WHERE userId = {userId: String})'
const OF_APP = `(substring(sessionId, 1, 2) IN ('s:', 'g:') OR startsWith(sessionId, concat('b:', {userId: String}, ':')))`
const IS_REVISION = `kind IN ('MessageRevoked', 'MessageDeleted', 'MessageOverridden')`

/** A session that is not named is searched whole. */
const PARTS = `
  LEFT JOIN (SELECT arrayJoin(arrayZip({ids: Array(String)}, {froms: Array(UInt64)}, {tos: Array(UInt64)})) AS part,
    part.1 AS id, part.2 AS fromSeq, part.3 AS toSeq) AS parts ON found.sessionId = parts.id
  WHERE parts.id = '' OR seq BETWEEN parts.fromSeq AND parts.toSeq`

function given(params: QueryParams, name: string, value: unknown, condition: (name: string) => string): string {
  params[name] = value
  return condition(name)
}

function millis(name: string): string {
  return `fromUnixTimestamp64Milli({${name}: Int64}, 'UTC')`
}

/** The tokenizers are those of the indexes in migrations/0007-timelines.sql. */
function termConditions({ kind, text }: SearchTerm, name: string, params: QueryParams): string[] {
  params[name] = text
  if (kind === 'word') return [`hasAllTokens(lower(text), {${name}: String}, 'asciiCJK')`]
  return [
    `hasAllTokens(lowerUTF8(text), {${name}: String}, 'ngrams(2)')`,
    `position(lowerUTF8(text), {${name}: String}) > 0`,
  ]
}
