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
import { beforeCursor, cursorOf, type HotEntry, newestFirst, parseCursor } from './hot-cursor.ts'
import { sessionKeys, userKeys } from './redis-history-keys.ts'

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
      const { head, events } = sessionKeys(keyPrefix, request.sessionId)
      return [pageScript.call([head, events], [direction, seq, request.limit])]
    }, SCRIPTS)
    const [lastSeq, firstSeq, from, ...jsons] = (replies?.[0] ?? [0, 1, 1]) as [number, number, number, ...string[]]
    // An event that is missing where it should be kept is left out: the reader sees the hole in the seqs.
    const kept = jsons.map((json, index) => ({ json, seq: from + index })).filter(({ json }) => json !== '')
    return { events: kept.map(({ json }) => json), seqs: kept.map(event => event.seq), lastSeq, firstSeq }
  }

  async heads(sessionIds: readonly SessionId[]): Promise<(SessionHead | undefined)[]> {
    if (sessionIds.length === 0) return []
    const replies = await this.generations.read(keyPrefix =>
      sessionIds.map(sessionId => ['hmget', sessionKeys(keyPrefix, sessionId).head, 'lastSeq', 'count', 'at']),
    )
    return sessionIds.map((_, index) => {
      const [lastSeq, count, at] = (replies?.[index] ?? []) as (string | null)[]
      if (lastSeq === null || lastSeq === undefined) return undefined
      return { lastSeq: Number(lastSeq), count: Number(count), at: Number(at) }
    })
  }

  async outcome(request: { sessionId: SessionId; from: UserId; packId: PackId }): Promise<PackOutcome | undefined> {
    const { sessionId, from, packId } = request
    const refusal = `${packId}/${sessionId}`
    const replies = await this.generations.read(keyPrefix => [
      ['hget', sessionKeys(keyPrefix, sessionId).packs, `${packId}/${from}`],
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
    // The whole rest of the list, which is bounded: sessions of one millisecond come in one answer, and large groups
    // are sorted in.
    const replies = await this.generations.read(keyPrefix => {
      const { hot, large } = userKeys(keyPrefix, userId)
      return [
        ['zrevrangebyscore', hot, cursor?.at ?? '+inf', '-inf', 'WITHSCORES'],
        ['smembers', large],
      ]
    })
    const [hotFlat = [], large = []] = (replies ?? []) as [string[], SessionId[]]
    const largeIds = large.sort().slice(0, LARGE_GROUPS_MAX)
    const largeSummaries = await this.summaries(userId, largeIds)
    const largeSet = new Set<string>(large)
    const entries: HotEntry[] = []
    for (const [sessionId, at] of pairsOf(hotFlat)) {
      if (!largeSet.has(sessionId)) entries.push({ sessionId: sessionId as SessionId, at: Number(at) })
    }
    for (const [index, summary] of largeSummaries.entries()) {
      if (summary !== undefined) entries.push({ sessionId: largeIds[index]!, at: summary.at })
    }
    const wanted = entries.filter(entry => beforeCursor(entry, cursor)).sort(newestFirst)
    const page = wanted.slice(0, limit)
    const summaries = await this.summaries(
      userId,
      page.map(({ sessionId }) => sessionId),
    )
    const sessions = summaries.filter(summary => summary !== undefined)
    return wanted.length > limit ? { sessions, cursor: cursorOf(page.at(-1)!) } : { sessions }
  }

  private async summaries(userId: UserId, sessionIds: readonly SessionId[]): Promise<(HotSession | undefined)[]> {
    if (sessionIds.length === 0) return []
    const replies = await this.generations.read(keyPrefix => {
      return sessionIds.map(sessionId => {
        const { head, events, marks, left } = sessionKeys(keyPrefix, sessionId)
        return summaryScript.call([head, events, marks, left], [userId])
      })
    }, SCRIPTS)
    return sessionIds.map((sessionId, index) => {
      const summary = replies?.[index] as Summary | null | undefined
      return summary ? hotSession(sessionId, summary) : undefined
    })
  }
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
