import type { Millis } from '../../infra/clock.ts'
import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { type KeyAnswers, KeyReader } from '../../infra/redis/key-reader.ts'
import { keySums, type TagSum } from '../../infra/redis/key-sums.ts'
import { loadScript } from '../../infra/redis/pipeline.ts'
import { tagsOf } from '../../infra/redis/tags.ts'
import type { Count, Offset, PackId, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import { byKey } from '../by-key.ts'
import type { KeptOfSession } from './history-store.ts'
import {
  DELIVERED_LETTER,
  EVENT_LETTER,
  HEAD_FIELD,
  MARK_LETTER,
  PACK_LETTER,
  parseHead,
  REACTIONS_LETTER,
  sessionKeys,
  URGENT_LETTER,
  userKeys,
} from './redis-history-keys.ts'
import { KEPT_LETTERS, keptOf } from './redis-kept.ts'
import type { Reaction } from './session-summary.ts'
import { byPlace, toldEvent } from './told.ts'

/**
 * The history view as plain rows, for `verify` and for tests that compare two views. Rows are read from the store as
 * they are; nothing here folds events.
 */

export interface HistoryMark {
  userId: UserId
  seq: Seq
  count: Count
}

/** Everything that the view holds of one session. Lists are sorted by their first field. */
export interface HistorySessionRow {
  sessionId: SessionId
  /** `firstSeq` is the first seq still kept, lastSeq + 1 where none is. `at` is that of the last event. */
  head: { lastSeq: Seq; firstSeq: Seq; count: Count; at: Millis }
  /** `json` is the text of the event's frame, exactly as clients get it. */
  events: { seq: Seq; json: string }[]
  marks: HistoryMark[]
  /** Accepted packs of the events that are kept. */
  outcomes: { packId: PackId; from: UserId; seq: Seq; count: Count; at: Millis }[]
  /** Groups: who is in. */
  members: UserId[]
  /** Groups: who has left and not come back, with the event that ended the stay. */
  left: { userId: UserId; seq: Seq; count: Count; at: Millis }[]
  /** Groups: seq of the event with which it outgrew the per-member hot lists; 0 where it has not. */
  largeSince: Seq
  /** How far each user has received the session. */
  delivered: { userId: UserId; seq: Seq }[]
  /** Counted messages that stopped counting, ascending. */
  stopped: Seq[]
  /** seq/userId, or seq/* for everybody, as text. */
  mentions: string[]
  /** For events that are kept, ascending. */
  reactions: { seq: Seq; reactions: Reaction[] }[]
  /** What must not be missed, in the order of the log. */
  urgent: { seq: Seq; at: Millis; offset: Offset; json: string }[]
}

/** Everything that the view holds of one user. */
export interface HistoryUserRow {
  userId: UserId
  /** Sorted by sessionId; `at` is the hotTime of the last event that the user may see. */
  hot: { sessionId: SessionId; at: Millis }[]
  /** Large groups, by id: their activity is read from their heads. */
  largeGroups: SessionId[]
  /** Final refusals, by packId. */
  refusals: { packId: PackId; sessionId: SessionId; code: number; at: Millis }[]
  /** What must not be missed and no timeline holds, by place. */
  told: { partition: Partition; offset: Offset; at: Millis; json: string }[]
  /** What the user keeps of sessions, by session. */
  kept: ({ sessionId: SessionId } & KeptOfSession)[]
}

/** Every call rejects when the store cannot be reached, or when a rebuild switched generations meanwhile (ask again). */
export interface HistoryInspector {
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Ids of all sessions and users that the view holds anything of, in no order, each once, a page at a time. */
  sessionIds(): AsyncIterable<SessionId[]>
  userIds(): AsyncIterable<UserId[]>
  /**
   * Sums of all that the rows say, by session id and u:<userId>, in pieces that add up; verify/expected-sums.ts says of
   * which facts. A view without them is compared row by row.
   */
  sums?(): AsyncIterable<readonly TagSum[]>
  session(sessionId: SessionId): Promise<HistorySessionRow | undefined>
  user(userId: UserId): Promise<HistoryUserRow | undefined>
}

/** Rows of the live generation in Redis. */
export function inspectHistory(generations: Generations): HistoryInspector {
  return new RedisHistoryInspector(generations)
}

const sumKeys = loadScript(new URL('./sum-keys.lua', import.meta.url))

class RedisHistoryInspector implements HistoryInspector {
  private readonly generations: Generations
  private readonly sessions: KeyReader<SessionId>
  private readonly users: KeyReader<UserId>

  constructor(generations: Generations) {
    this.generations = generations
    this.sessions = new KeyReader(generations, {
      kinds: 'hshmmz',
      keysOf: (keyPrefix, sessionId) => {
        const { session, members, left, stopped, mentions, urgent } = sessionKeys(keyPrefix, sessionId)
        return [session, members, left, stopped, mentions, urgent]
      },
    })
    this.users = new KeyReader(generations, {
      kinds: 'zsmhz',
      keysOf: (keyPrefix, userId) => {
        const { hot, large, refusals, own, told } = userKeys(keyPrefix, userId)
        return [hot, large, refusals, own, told]
      },
    })
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const stored = await this.generations.readPositions()
    return new Map([...stored].map(([partition, json]) => [partition, JSON.parse(json) as Position]))
  }

  async *sessionIds(): AsyncIterable<SessionId[]> {
    for await (const tags of tagsOf(this.generations, '*', ['session'])) yield tags as SessionId[]
  }

  async *userIds(): AsyncIterable<UserId[]> {
    for await (const tags of tagsOf(this.generations, 'u:*', ['hot', 'large', 'refusals', 'own', 'told'])) {
      yield tags.map(tag => tag.slice('u:'.length)) as UserId[]
    }
  }

  sums(): AsyncIterable<readonly TagSum[]> {
    return keySums(this.generations, sumKeys)
  }

  async session(sessionId: SessionId): Promise<HistorySessionRow | undefined> {
    const answers = await this.sessions.read(sessionId)
    return answers && sessionRow(sessionId, answers)
  }

  async user(userId: UserId): Promise<HistoryUserRow | undefined> {
    const answers = await this.users.read(userId)
    if (answers === undefined) return undefined
    const [hot = [], large = [], refusals = [], own, toldPairs] = answers
    const kept = new Map(pairsOf(own))
    const told = pairsOf(toldPairs).map(([member, at]) => toldEvent(member, Number(at)))
    if (hot.length + large.length + refusals.length + kept.size + told.length === 0) return undefined
    const sessionIds = [...new Set([...kept.keys()].map(field => field.slice(1) as SessionId))].sort()
    return {
      userId,
      kept: sessionIds.map(sessionId => {
        return { sessionId, ...keptOf(KEPT_LETTERS.map(letter => kept.get(letter + sessionId))) }
      }),
      hot: sortedPairs(hot).map(([sessionId, at]) => ({ sessionId: sessionId as SessionId, at: Number(at) })),
      largeGroups: [...(large as SessionId[])].sort(),
      told: told.sort(byPlace).map(({ sessionId: _, seq: __, ...event }) => event),
      refusals: refusals.map(text => {
        const [packId, sessionId, code, at] = text.split('/') as [PackId, SessionId, string, string]
        return { packId, sessionId, code: Number(code), at: Number(at) }
      }),
    }
  }
}

/** The fields of a session's hash by their letters, and the lists beside it; undefined where it has no head. */
function sessionRow(
  sessionId: SessionId,
  [flat = [], members = [], left, stopped = [], mentions = [], urgent]: KeyAnswers,
): HistorySessionRow | undefined {
  let head: string | undefined
  const row: Pick<HistorySessionRow, 'events' | 'reactions'> = { events: [], reactions: [] }
  const pairs: Record<'marks' | 'outcomes' | 'delivered', [string, string][]> = {
    marks: [],
    outcomes: [],
    delivered: [],
  }
  const urgentTexts = new Map<string, string>()
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [name, value] = [flat[at]!, flat[at + 1]!]
    const rest = name.slice(1)
    switch (name[0]) {
      case HEAD_FIELD:
        if (rest === '') head = value
        break
      case EVENT_LETTER:
        row.events.push({ seq: Number(rest), json: value })
        break
      case MARK_LETTER:
        pairs.marks.push([rest, value])
        break
      case PACK_LETTER:
        pairs.outcomes.push([rest, value])
        break
      case DELIVERED_LETTER:
        pairs.delivered.push([rest, value])
        break
      case REACTIONS_LETTER:
        row.reactions.push({ seq: Number(rest), reactions: JSON.parse(value) as Reaction[] })
        break
      case URGENT_LETTER:
        urgentTexts.set(rest, value)
        break
      default:
    }
  }
  if (head === undefined) return undefined
  const { lastSeq, firstSeq, count, at, largeSince } = parseHead(head)
  return {
    sessionId,
    head: { lastSeq, firstSeq, count, at },
    events: row.events.sort(bySeq),
    marks: numberPairs(pairs.marks).map(([userId, [seq, count]]) => ({ userId: userId as UserId, seq, count })),
    outcomes: numberPairs(pairs.outcomes).map(([pack, [seq, count, at]]) => {
      const [packId, from] = pack.split('/') as [PackId, UserId]
      return { packId, from, seq, count, at }
    }),
    members: [...(members as UserId[])].sort(),
    left: numberPairs(pairsOf(left)).map(([userId, [seq, count, at]]) => {
      return { userId: userId as UserId, seq, count, at }
    }),
    largeSince,
    delivered: numberPairs(pairs.delivered).map(([userId, [seq]]) => ({ userId: userId as UserId, seq })),
    stopped: stopped.map(Number),
    mentions: [...mentions].sort(),
    reactions: row.reactions.sort(bySeq),
    urgent: pairsOf(urgent).map(([member, offset]) => {
      const [seq = 0, at = 0] = member.split('/').map(Number)
      return { seq, at, offset: Number(offset), json: urgentTexts.get(String(seq)) ?? '' }
    }),
  }
}

function bySeq(one: { seq: Seq }, other: { seq: Seq }): number {
  return one.seq - other.seq
}

function sortedPairs(reply: unknown): [string, string][] {
  return pairsOf(reply).sort(byKey)
}

/** Pairs whose values are numbers with slashes between them, sorted. */
function numberPairs(pairs: [string, string][]): [string, [number, number, number]][] {
  return pairs.sort(byKey).map(([field, value]) => {
    const [first = 0, second = 0, third = 0] = value.split('/').map(Number)
    return [field, [first, second, third]]
  })
}
