import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { loadScript } from '../../infra/redis/pipeline.ts'
import type { PackId, Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type {
  HistoryPage,
  HistoryReader,
  HotSession,
  HotSessionsPage,
  PackOutcome,
  SessionHead,
} from './history-store.ts'
import { LARGE_GROUPS_MAX } from './history-store.ts'
import { beforeCursor, cursorOf, newestFirst, parseCursor } from './hot-cursor.ts'
import { HEAD_FIELD, packField, parseHead, sessionKeys, userKeys } from './redis-history-keys.ts'

/** The reading side of history in Redis. Every step is checked against the live generation (infra/redis/generations.ts). */

const pageScript = loadScript(new URL('./page.lua', import.meta.url))
const summaryScript = loadScript(new URL('./summary.lua', import.meta.url))
const SCRIPTS = [pageScript, summaryScript]

type Summary = [lastSeq: string, count: string, at: string, readSeq: string, readCount: string, json: string]

export class RedisHistoryReader implements HistoryReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async position(partition: Partition): Promise<Position | undefined> {
    const json = await this.generations.readPosition(partition)
    return json === undefined ? undefined : (JSON.parse(json) as Position)
  }

  async page(request: Parameters<HistoryReader['page']>[0]): Promise<HistoryPage> {
    const [direction, seq] =
      'afterSeq' in request ? (['after', request.afterSeq] as const) : (['before', request.beforeSeq] as const)
    const replies = await this.generations.read(keyPrefix => {
      const { session } = sessionKeys(keyPrefix, request.sessionId)
      return [pageScript.call([session], [direction, seq, request.limit])]
    }, SCRIPTS)
    const [lastSeq, firstSeq, from, ...jsons] = (replies?.[0] ?? [0, 1, 1]) as [number, number, number, ...string[]]
    // An event that is missing where it should be kept is left out: the reader sees the hole in the seqs.
    const kept = jsons.map((json, index) => ({ json, seq: from + index })).filter(({ json }) => json !== '')
    return { events: kept.map(({ json }) => json), seqs: kept.map(event => event.seq), lastSeq, firstSeq }
  }

  async heads(sessionIds: readonly SessionId[]): Promise<(SessionHead | undefined)[]> {
    if (sessionIds.length === 0) return []
    const replies = await this.generations.read(keyPrefix =>
      sessionIds.map(sessionId => ['hget', sessionKeys(keyPrefix, sessionId).session, HEAD_FIELD]),
    )
    return sessionIds.map((_, index) => {
      const text = replies?.[index] as string | null | undefined
      if (text === null || text === undefined) return undefined
      const { lastSeq, count, at } = parseHead(text)
      return { lastSeq, count, at }
    })
  }

  async outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined> {
    const { sessionId, from, packId } = request
    const refusal = `${packId}/${sessionId}`
    const replies = await this.generations.read(keyPrefix => [
      ['hget', sessionKeys(keyPrefix, sessionId).session, packField(packId, from)],
      // '0' is the character after '/': everything that begins with the pack and the session.
      ['zrangebylex', userKeys(keyPrefix, from).refusals, `[${refusal}/`, `(${refusal}0`],
    ])
    const [accepted, refusals] = (replies ?? []) as [string | null | undefined, string[] | undefined]
    if (accepted) {
      const [seq = 0, count = 0, at = 0] = accepted.split('/').map(Number)
      return { code: 0, seq, count, at }
    }
    const refused = refusals?.[0]?.split('/')
    return refused && { code: Number(refused[2]), seq: 0, count: 0, at: Number(refused[3]) }
  }

  async hotSessions(request: { userId: UserId; cursor?: string; limit: number }): Promise<HotSessionsPage> {
    const { userId, limit } = request
    const cursor = parseCursor(request.cursor)
    const replies = await this.generations.read(keyPrefix => {
      const { hot, large } = userKeys(keyPrefix, userId)
      return [
        ['zrevrangebyscore', hot, cursor?.at ?? '+inf', '-inf', 'WITHSCORES'],
        ['smembers', large],
      ]
    })
    const [hotFlat = [], large = []] = (replies ?? []) as [string[], SessionId[]]
    const largeSet = new Set<string>(large)
    const hot = pairsOf(hotFlat).filter(([sessionId]) => !largeSet.has(sessionId)) as [SessionId, string][]
    const found = await this.summaries(userId, large.sort().slice(0, LARGE_GROUPS_MAX))
    // The list tells minutes, the sessions tell times: whole minutes are read, until no other can belong to the page.
    let end = 0
    for (let more = limit + 1; more > 0 && end < hot.length; ) {
      const start = end
      end = endOfMinute(hot, start + more)
      found.push(
        ...(await this.summaries(
          userId,
          hot.slice(start, end).map(([sessionId]) => sessionId),
        )),
      )
      const since = Number(hot[end - 1]![1])
      more = limit + 1 - found.filter(session => session.at >= since && beforeCursor(session, cursor)).length
    }
    const wanted = found.filter(session => beforeCursor(session, cursor)).sort(newestFirst)
    const sessions = wanted.slice(0, limit)
    return wanted.length > limit ? { sessions, cursor: cursorOf(sessions.at(-1)!) } : { sessions }
  }

  /** Those that have events, in the order asked. */
  private async summaries(userId: UserId, sessionIds: readonly SessionId[]): Promise<HotSession[]> {
    if (sessionIds.length === 0) return []
    const replies = await this.generations.read(keyPrefix => {
      return sessionIds.map(sessionId => {
        const { session, left } = sessionKeys(keyPrefix, sessionId)
        return summaryScript.call([session, left], [userId])
      })
    }, SCRIPTS)
    return sessionIds.flatMap((sessionId, index) => {
      const summary = replies?.[index] as Summary | null | undefined
      return summary ? [hotSession(sessionId, summary)] : []
    })
  }
}

/** The first place at or after `end` where the time is another one than before it. */
function endOfMinute(hot: readonly [SessionId, string][], end: number): number {
  let place = Math.min(end, hot.length)
  while (place < hot.length && hot[place]![1] === hot[place - 1]![1]) place++
  return place
}

function hotSession(sessionId: SessionId, [lastSeq, count, at, readSeq, readCount, json]: Summary): HotSession {
  return {
    sessionId,
    lastSeq: Number(lastSeq),
    count: Number(count),
    at: Number(at),
    // UN1: what counts and is not read yet.
    unread: Math.max(0, Number(count) - Number(readCount)),
    readSeq: Number(readSeq),
    ...(json === '' ? {} : { last: json }),
  }
}
