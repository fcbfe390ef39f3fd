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
export const SEARCH_THREADS_MAX = 2

const DAY_MS: Millis = 86_400_000
/** Each window behind the newest one reaches so many times further back: a day, a month, three years. */
const WINDOW_GROWTH = 32

/** Candidates beyond what is wanted, in the place of those that were changed or taken back. */
const SPARE_CANDIDATES = 10

/**
 * The places of messages that fit, the newest first. The newest day is looked at first, and what is older only while
 * the page is not full: a word that everybody says is in millions of messages, of which a page wants the last twenty.
 * Candidates are found by what was ever said, and only then it is asked what became of those few: all changes of 500
 * sessions would be far more. That is asked once there are enough to fill the page, or no more.
 */
export async function searchMessages(clickhouse: ClickHouse, search: ArchiveSearch): Promise<MessagePlace[]> {
  const found: MessagePlace[] = []
  let unchecked: Candidate[] = []
  const check = async () => {
    found.push(...(await standing(clickhouse, unchecked)))
    unchecked = []
  }
  for (const window of windowsOf(search, await spanOf(clickhouse))) {
    let { after } = search
    for (let isSearched = false; !isSearched; ) {
      const limit = search.limit + SPARE_CANDIDATES - found.length - unchecked.length
      const { sql, params } = candidatesQuery({ ...search, ...window, limit, ...(after && { after }) })
      const candidates = await clickhouse.rows<Candidate>(sql, params)
      unchecked.push(...candidates)
      after = candidates.at(-1)
      isSearched = candidates.length < limit
      if (found.length + unchecked.length >= search.limit) await check()
      if (found.length >= search.limit) return found.slice(0, search.limit)
    }
  }
  await check()
  return found
}

/** A place where something that fits was said. */
interface Candidate extends MessagePlace {
  /** Seq of the edit that says it; 0: the message as it was sent. Of several the last. */
  version: Seq
}

/** The candidates that still say it: nothing has changed or taken back the message since. */
async function standing(clickhouse: ClickHouse, candidates: readonly Candidate[]): Promise<MessagePlace[]> {
  if (candidates.length === 0) return []
  const revisions = await clickhouse.rows<{ sessionId: SessionId; target: Seq; last: Seq }>(
    LAST_REVISIONS,
    placesParams(candidates),
  )
  const last = new Map(revisions.map(({ sessionId, target, last }) => [`${sessionId} ${target}`, last]))
  const isLast = ({ sessionId, seq, version }: Candidate) => (last.get(`${sessionId} ${seq}`) ?? 0) === version
  return candidates.filter(isLast).map(({ at, sessionId, seq }) => ({ at, sessionId, seq }))
}

/**
 * The rows of `message_events` at places, as a condition on them. Every row of a message has the time of the message,
 * which tells most parts, and most granules of the others, that they have nothing of it; a change whose target was
 * emptied by an early release has none.
 */
export const AT_PLACES = `
  PREWHERE (sessionId, messageSeq) IN (SELECT arrayJoin(arrayZip({ids: Array(String)}, {seqs: Array(UInt64)})))
  WHERE sentAt IN (SELECT fromUnixTimestamp64Milli(arrayJoin({ats: Array(Int64)}), 'UTC'))`

/** What AT_PLACES names. */
export function placesParams(places: readonly MessagePlace[]): QueryParams {
  return {
    ids: places.map(({ sessionId }) => sessionId),
    seqs: places.map(({ seq }) => seq),
    ats: [NO_TIME, ...places.map(({ at }) => at)],
  }
}

/** `sentAt` of a change that does not say when its message was sent. */
const NO_TIME: Millis = 0

const LAST_REVISIONS = `SELECT sessionId, messageSeq AS target, max(seq) AS last FROM message_events ${AT_PLACES}
    AND kind IN ('MessageRevoked', 'MessageDeleted', 'MessageOverridden')
  GROUP BY sessionId, messageSeq
  SETTINGS max_threads = ${SEARCH_THREADS_MAX}`

/** When the oldest and the newest message were sent: from what the server knows of its parts, no row is read. */
async function spanOf(clickhouse: ClickHouse): Promise<Span> {
  const [row] = await clickhouse.rows<Span>(
    `SELECT toUnixTimestamp64Milli(min(sentAt)) AS oldestAt, toUnixTimestamp64Milli(max(sentAt)) AS newestAt
    FROM message_events`,
  )
  return row!
}

interface Span {
  oldestAt: Millis
  newestAt: Millis
}

type Window = Pick<ArchiveSearch, 'sinceAt' | 'beforeAt'>

/** Times that follow upon each other backwards and together are all that is searched; what comes meanwhile is in the first. */
export function windowsOf({ sinceAt, beforeAt, after }: ArchiveSearch, { oldestAt, newestAt }: Span): Window[] {
  const windows: Window[] = []
  const first = Math.max(oldestAt, sinceAt ?? oldestAt)
  let end = beforeAt
  let edge = Math.min(
    newestAt + 1,
    beforeAt ?? Number.POSITIVE_INFINITY,
    after === undefined ? newestAt + 1 : after.at + 1,
  )
  for (let length = DAY_MS; edge - length > first; length *= WINDOW_GROWTH) {
    edge -= length
    windows.push({ sinceAt: edge, ...(end === undefined ? {} : { beforeAt: end }) })
    end = edge
  }
  windows.push({ ...(sinceAt === undefined ? {} : { sinceAt }), ...(end === undefined ? {} : { beforeAt: end }) })
  return windows
}

/** The sessions are in PREWHERE, so that texts are read of no others. */
function candidatesQuery(search: ArchiveSearch): { sql: string; params: QueryParams } {
  const { userId, sessionId, ofApp, parts, limit } = search
  const params: QueryParams = { userId, limit, ids: parts.map(part => part.sessionId) }
  params.froms = parts.map(part => part.fromSeq)
  params.tos = parts.map(part => part.toSeq)
  if (sessionId !== undefined) params.sessionId = sessionId
  const sessions = sessionId !== undefined ? 'sessionId = {sessionId: String}' : ofApp ? OF_APP : OF_USER
  const sql = `SELECT sessionId, messageSeq AS seq, toUnixTimestamp64Milli(sentAt) AS at, version FROM
  (
    SELECT sessionId, messageSeq, sentAt, if(kind = 'MessageAccepted', 0, seq) AS version FROM message_events
    PREWHERE ${sessions} WHERE ${conditionsOf(search, params).join(' AND ')}
  ) AS found${parts.length === 0 ? '' : PARTS}
  ORDER BY sentAt DESC, sessionId DESC, messageSeq DESC, version DESC
  LIMIT 1 BY sessionId, messageSeq
  LIMIT {limit: UInt32}
  SETTINGS max_execution_time = ${SEARCH_SECONDS_MAX}, max_threads = ${SEARCH_THREADS_MAX}`
  return { sql, params }
}

/** What a message has to be, as it was sent or edited; `params` get what the conditions name. */
function conditionsOf(search: ArchiveSearch, params: QueryParams): string[] {
  const { terms, from, contentKind, sinceAt, beforeAt, after } = search
  const all = [`kind IN ('MessageAccepted', 'MessageOverridden')`]
  all.push(...terms.flatMap((term, index) => termConditions(term, `term${index}`, params)))
  if (from !== undefined) all.push(given(params, 'from', from, name => `\`from\` = {${name}: String}`))
  if (contentKind !== undefined) {
    all.push(given(params, 'contentKind', contentKind, name => `contentKind = {${name}: String}`))
  }
  if (sinceAt !== undefined) all.push(given(params, 'sinceAt', sinceAt, name => `sentAt >= ${millis(name)}`))
  if (beforeAt !== undefined) all.push(given(params, 'beforeAt', beforeAt, name => `sentAt < ${millis(name)}`))
  if (after !== undefined) {
    Object.assign(params, { afterAt: after.at, afterSession: after.sessionId, afterSeq: after.seq })
    all.push(`sentAt <= ${millis('afterAt')}`)
    all.push(`(sentAt, sessionId, messageSeq) < (${millis('afterAt')}, {afterSession: String}, {afterSeq: UInt64})`)
  }
  return all
}

const OF_USER = 'sessionId IN (SELECT sessionId FROM member_changes WHERE userId = {userId: String})'
const OF_APP = `(substring(sessionId, 1, 2) IN ('s:', 'g:') OR startsWith(sessionId, concat('b:', {userId: String}, ':')))`

/** A session that is not named is searched whole. */
const PARTS = `
  LEFT JOIN (SELECT arrayJoin(arrayZip({ids: Array(String)}, {froms: Array(UInt64)}, {tos: Array(UInt64)})) AS part,
    part.1 AS id, part.2 AS fromSeq, part.3 AS toSeq) AS parts ON found.sessionId = parts.id
  WHERE parts.id = '' OR messageSeq BETWEEN parts.fromSeq AND parts.toSeq`

function given(params: QueryParams, name: string, value: unknown, condition: (name: string) => string): string {
  params[name] = value
  return condition(name)
}

function millis(name: string): string {
  return `fromUnixTimestamp64Milli({${name}: Int64}, 'UTC')`
}

/**
 * The words and pairs are those of the indexes in migrations/0013-message-events.sql, whose tokenizers the server takes for
 * parts without an index as well. One that is named here keeps the server from using the index at all.
 */
function termConditions({ kind, text }: SearchTerm, name: string, params: QueryParams): string[] {
  params[name] = text
  if (kind === 'word') return [`hasAllTokens(lower(text), {${name}: String})`]
  const pairs = `hasAllTokens(lowerUTF8(text), {${name}: String})`
  // Of a single pair the index says everything, and no text is read.
  return [...text].length === 2 ? [pairs] : [pairs, `position(lowerUTF8(text), {${name}: String}) > 0`]
}
