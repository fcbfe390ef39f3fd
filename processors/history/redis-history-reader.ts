import type { Millis } from '../../infra/clock.ts'
import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { loadScript } from '../../infra/redis/pipeline.ts'
import type { PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type {
  HistoryPage,
  HistoryReader,
  HotSession,
  HotSessionsPage,
  KeptOfSession,
  PackOutcome,
  SessionHead,
  UrgentEvent,
} from './history-store.ts'
import { hotTime, LARGE_GROUPS_MAX } from './history-store.ts'
import { beforeCursor, cursorOf, newestFirst, parseCursor, wantedSince } from './hot-cursor.ts'
import {
  HEAD_FIELD,
  markField,
  packField,
  parseHead,
  sessionKeys,
  timeKey,
  URGENT_LETTER,
  userKeys,
} from './redis-history-keys.ts'
import { KEPT_LETTERS, keptOf, markOf } from './redis-kept.ts'
import { ownMark, peerOf, type Reaction, type SessionFacts, summaryOf, withReactions } from './session-summary.ts'
import { toldEvent } from './told.ts'

/** The reading side of history in Redis. Every step is checked against the live generation (infra/redis/generations.ts). */

const pageScript = loadScript(new URL('./page.lua', import.meta.url))
const summaryScript = loadScript(new URL('./summary.lua', import.meta.url))
const SCRIPTS = [pageScript, summaryScript]

type Summary = [
  lastSeq: string,
  count: string,
  at: string,
  readSeq: string,
  readCount: string,
  json: string,
  stopped: number,
  mentions: number,
  firstMentionSeq: number,
  peerReadSeq: number,
  peerDeliveredSeq: number,
]

export class RedisHistoryReader implements HistoryReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async position(partition: Partition): Promise<Position | undefined> {
    const json = await this.generations.readPosition(partition)
    return json === undefined ? undefined : (JSON.parse(json) as Position)
  }

  filling(): Promise<string | undefined> {
    return this.generations.filling()
  }

  async page(request: Parameters<HistoryReader['page']>[0]): Promise<HistoryPage> {
    const [direction, seq] =
      'afterSeq' in request ? (['after', request.afterSeq] as const) : (['before', request.beforeSeq] as const)
    const replies = await this.generations.read(keyPrefix => {
      const { session } = sessionKeys(keyPrefix, request.sessionId)
      return [pageScript.call([session], [direction, seq, request.limit])]
    }, SCRIPTS)
    const [lastSeq, firstSeq, from, ...texts] = (replies?.[0] ?? [0, 1, 1]) as [number, number, number, ...Text[]]
    const jsons = texts.map(text => {
      return typeof text === 'string' ? text : withReactions(text[0], JSON.parse(text[1]) as Reaction[])
    })
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

  async hotSessions(request: Parameters<HistoryReader['hotSessions']>[0]): Promise<HotSessionsPage> {
    const { userId, limit } = request
    const cursor = parseCursor(request.cursor)
    const replies = await this.generations.read(keyPrefix => {
      const { hot, large, changed } = userKeys(keyPrefix, userId)
      return [
        ['zrevrangebyscore', hot, cursor?.at ?? '+inf', '-inf', 'WITHSCORES'],
        ['smembers', large],
        ['zrange', changed, 0, -1, 'WITHSCORES'],
      ]
    })
    const [hotFlat = [], large = [], changed = []] = (replies ?? []) as [string[], SessionId[], string[]]
    const largeSet = new Set<string>(large)
    const listed = pairsOf(hotFlat).filter(([sessionId]) => !largeSet.has(sessionId)) as [SessionId, string][]
    const isWanted = wantedSince(userId, pairsOf(changed), request.since)
    const hot = listed.filter(([sessionId, time]) => isWanted(sessionId, Number(time)))
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
    const wanted = found
      .filter(session => beforeCursor(session, cursor) && isWanted(session.sessionId, hotTime(session.at)))
      .sort(newestFirst)
    const sessions = wanted.slice(0, limit)
    return wanted.length > limit ? { sessions, cursor: cursorOf(sessions.at(-1)!) } : { sessions }
  }

  /** Those that have events, in the order asked. */
  private async summaries(userId: UserId, sessionIds: readonly SessionId[]): Promise<HotSession[]> {
    if (sessionIds.length === 0) return []
    const kept = await this.kept({ userId, sessionIds })
    const replies = await this.generations.read(keyPrefix => {
      return sessionIds.map((sessionId, index) => {
        const { session, left, stopped, mentions } = sessionKeys(keyPrefix, sessionId)
        const { seq, count } = ownMark(kept[index]!)
        const peer = peerOf(sessionId, userId) ?? ''
        return summaryScript.call([session, left, stopped, mentions], [userId, seq, count, peer])
      })
    }, SCRIPTS)
    return sessionIds.flatMap((sessionId, index) => {
      const summary = replies?.[index] as Summary | null | undefined
      return summary ? [summaryOf(factsOf(sessionId, summary), kept[index]!)] : []
    })
  }

  async times(partitions: readonly Partition[]): Promise<ReadonlyMap<Partition, Millis>> {
    const replies = await this.generations.read(keyPrefix => {
      return partitions.map(partition => ['get', timeKey(keyPrefix, partition)])
    })
    return new Map(partitions.map((partition, index) => [partition, Number(replies?.[index] ?? 0)]))
  }

  async kept({ userId, sessionIds }: Parameters<HistoryReader['kept']>[0]): Promise<KeptOfSession[]> {
    if (sessionIds.length === 0) return []
    const fields = sessionIds.flatMap(sessionId => KEPT_LETTERS.map(letter => letter + sessionId))
    const replies = await this.generations.read(keyPrefix => [['hmget', userKeys(keyPrefix, userId).own, ...fields]])
    const values = (replies?.[0] ?? []) as (string | null)[]
    return sessionIds.map((_, index) => keptOf(values.slice(index * KEPT_LETTERS.length)))
  }

  async readSeqs({ sessionId, userIds }: Parameters<HistoryReader['readSeqs']>[0]): Promise<Seq[]> {
    if (userIds.length === 0) return []
    const replies = await this.generations.read(keyPrefix => [
      ['hmget', sessionKeys(keyPrefix, sessionId).session, ...userIds.map(markField)],
    ])
    const marks = (replies?.[0] ?? []) as (string | null)[]
    return userIds.map((_, index) => markOf(marks[index]).seq)
  }

  async urgent({ userId, after }: Parameters<HistoryReader['urgent']>[0]): Promise<UrgentEvent[]> {
    const lists = await this.generations.read(keyPrefix => {
      const { hot, large, told } = userKeys(keyPrefix, userId)
      return [
        ['zrange', hot, 0, -1],
        ['smembers', large],
        ['zrange', told, 0, -1, 'WITHSCORES'],
      ]
    })
    const [hot = [], large = []] = (lists ?? []) as [SessionId[], SessionId[]]
    const told = pairsOf(lists?.[2])
      .map(([member, at]) => toldEvent(member, Number(at)))
      .filter(({ partition, offset }) => offset > (after.offsets.get(partition) ?? -1))
    const sessionIds = [...new Set([...hot, ...large.sort().slice(0, LARGE_GROUPS_MAX)])]
    if (sessionIds.length === 0) return told
    const partitions = sessionIds.map(after.partitionOf)
    const replies = await this.generations.read(keyPrefix =>
      sessionIds.map((sessionId, index) => {
        const offset = after.offsets.get(partitions[index]!) ?? -1
        return ['zrangebyscore', sessionKeys(keyPrefix, sessionId).urgent, `(${offset}`, '+inf', 'WITHSCORES']
      }),
    )
    const inSessions = sessionIds.flatMap((sessionId, index) =>
      pairsOf(replies?.[index]).map(([member, offset]): UrgentEvent => {
        const [seq = 0, at = 0] = member.split('/').map(Number)
        return { sessionId, seq, at, partition: partitions[index]!, offset: Number(offset) }
      }),
    )
    return [...told, ...inSessions]
  }

  async urgentTexts(events: Parameters<HistoryReader['urgentTexts']>[0]): Promise<(string | undefined)[]> {
    if (events.length === 0) return []
    const replies = await this.generations.read(keyPrefix =>
      events.map(({ sessionId, seq }) => ['hget', sessionKeys(keyPrefix, sessionId).session, URGENT_LETTER + seq]),
    )
    return events.map(({ json }, index) => json ?? (replies?.[index] as string | null | undefined) ?? undefined)
  }
}

/** An event of a page: its text, or that and the reactions to it. */
type Text = string | [json: string, reactions: string]

/** The first place at or after `end` where the time is another one than before it. */
function endOfMinute(hot: readonly [SessionId, string][], end: number): number {
  let place = Math.min(end, hot.length)
  while (place < hot.length && hot[place]![1] === hot[place - 1]![1]) place++
  return place
}

function factsOf(sessionId: SessionId, summary: Summary): SessionFacts {
  const [lastSeq, count, at, readSeq, readCount, json, stopped, mentions, firstMentionSeq, peerReadSeq, peerDelivered] =
    summary
  return {
    sessionId,
    lastSeq: Number(lastSeq),
    count: Number(count),
    at: Number(at),
    read: { seq: Number(readSeq), count: Number(readCount) },
    stopped,
    mentions,
    firstMentionSeq,
    peerReadSeq,
    peerDeliveredSeq: peerDelivered,
    last: json === '' ? undefined : json,
  }
}
