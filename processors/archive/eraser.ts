import { createHash } from 'node:crypto'
import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { makePackId, type PackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Pack } from '../../schemas/pack.ts'
import { appendPack } from '../../topics/append-pack.ts'
import type { Log } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import { heldSessions } from './archive-stripper.ts'
import { ArchiveWorker } from './archive-worker.ts'

/**
 * Erases what users said elsewhere, after their UserErased: one derived EraseFrom for each session.
 *
 * What is to be done and what is done both follow from the archive, which is a copy of the log: a session is owed to an
 * erased user as long as they said something in it behind its last ContentErased of theirs. So there is no state of its
 * own to lose, a killed worker goes on where the log is, and what is said late, or was under a legal hold that has ended,
 * is erased as well. PackIds are derived from the user, the session and ten minutes of time: two workers, or one that was
 * killed before it saw the outcome, ask for the same once.
 */
export function eraser(options: EraserOptions): Service {
  const owing = new Eraser(options)
  return new ArchiveWorker({
    ...options,
    name: 'eraser',
    pauseMs: ERASE_MS,
    failure: 'what erased users said could not be erased: tried again',
    step: signal => owing.step(signal),
  })
}

class Eraser {
  private readonly options: EraserOptions
  private readonly asked = new Map<string, Millis>()
  /** Erased users, counted, when nothing was owed to any. */
  private settled = -1
  /** Steps in a row in which nothing was owed. */
  private quiet = 0

  constructor(options: EraserOptions) {
    this.options = options
  }

  /** Where nobody was erased since, it is looked now and then for what came late. */
  async step(signal: AbortSignal): Promise<void> {
    this.quiet = (await this.askForOwed(this.quiet < LATE_STEPS, signal)) ? 0 : this.quiet + 1
    if (this.quiet > LATE_STEPS * LATE_EVERY) this.quiet = 0
  }

  /** True where something was owed. */
  private async askForOwed(looksAgain: boolean, signal: AbortSignal): Promise<boolean> {
    const { clickhouse, clock } = this.options
    const [row] = await clickhouse.rows<{ users: number }>(
      `SELECT count() AS users FROM events WHERE kind = 'UserErased' SETTINGS max_threads = 1`,
    )
    const users = row?.users ?? 0
    if (users === 0 || (users === this.settled && !looksAgain)) return false
    const owed = await owedSessions(clickhouse, OWED_MAX)
    if (owed.length === 0) this.settled = users
    const now = clock.monotonic()
    for (const [key, at] of this.asked) if (at < now - ASK_AGAIN_MS) this.asked.delete(key)
    for (const each of owed) {
      const key = `${each.userId} ${each.sessionId}`
      if (this.asked.has(key) || signal.aborted) continue
      await this.ask(each)
      this.asked.set(key, now)
    }
    return owed.length > 0
  }

  private async ask({ userId, sessionId }: OwedSession): Promise<void> {
    const { log, packs, codec, clock, gateway } = this.options
    const time = Math.floor(clock.now() / BUCKET_MS) * BUCKET_MS
    const pack = makePack({
      sessionId,
      from: userId,
      body: { kind: 'EraseFrom', userId },
      packId: derivedPackId(time, `erase ${userId} ${sessionId}`),
      actor: { kind: 'SYSTEM', id: 'erase' },
      gateway,
    })
    await appendPack({ log, topic: packs, codec }, pack)
  }
}

export interface EraserOptions {
  clickhouse: ClickHouse
  log: Log
  packs: Topic
  codec: RecordCodec<Pack>
  /** Name of this process. */
  gateway: string
  clock: Clock
  logger: Logger
}

/** How often the archive is asked what is owed. */
export const ERASE_MS: Millis = 2_000
/** Sessions that one step asks for. */
export const OWED_MAX = 500
/** An outcome takes seconds to come into the archive; what has none by then is asked for again. */
const ASK_AGAIN_MS: Millis = 30_000
const BUCKET_MS: Millis = 600_000
/** Steps that look again after the last one, and how rarely afterwards. */
const LATE_STEPS = 30
const LATE_EVERY = 60

export interface OwedSession {
  userId: UserId
  sessionId: SessionId
}

/** Kinds by which a user says something. */
const SAYING = `kind IN ('MessageAccepted', 'MessageOverridden', 'FriendRequested', 'FriendRemarked', 'JoinRequested', 'AliasSet')`

/** Of every session of erased users: the last offset at which they said something, and of the last erasure. */
const SESSIONS = `SELECT userId, sessionId, max(said) AS saidAt, max(erased) AS erasedAt FROM (
  SELECT
    if(sessionKind = 'Notify', splitByChar(':', sessionId)[3],
      if(kind = 'AliasSet', JSONExtractString(data, 'userId'), \`from\`)) AS userId,
    sessionId,
    if(kind = 'ContentErased', -1, toInt64(offset)) AS said,
    if(kind = 'ContentErased', toInt64(offset), -1) AS erased
  FROM events
  WHERE sessionKind IN ('Single', 'Group', 'Notify') AND (${SAYING} OR kind = 'ContentErased')
) WHERE userId IN (SELECT \`from\` FROM events WHERE kind = 'UserErased') GROUP BY userId, sessionId`

/** What is still to be erased; what is under a legal hold is not owed until it ends. */
export async function owedSessions(clickhouse: ClickHouse, limit: number): Promise<OwedSession[]> {
  const held = [...(await heldSessions(clickhouse, ''))]
  return clickhouse.rows<OwedSession>(
    `SELECT userId, sessionId FROM (${SESSIONS})
    WHERE saidAt > erasedAt AND sessionId NOT IN {held: Array(String)} AND concat('u:', userId) NOT IN {held: Array(String)}
    ORDER BY userId, sessionId LIMIT {limit: UInt32}`,
    { held, limit },
  )
}

export interface ErasureProgress {
  sessions: number
  erased: number
  /** Under a legal hold. */
  held: SessionId[]
  /** Rows of the user's that still have content, held ones apart. */
  full: number
}

/** How far the erasure of a user has come. */
export async function erasureProgress(clickhouse: ClickHouse, userId: UserId): Promise<ErasureProgress> {
  const rows = await clickhouse.rows<{ sessionId: SessionId; isErased: 0 | 1 }>(
    `SELECT sessionId, saidAt <= erasedAt AS isErased FROM (${SESSIONS}) WHERE userId = {userId: String}`,
    { userId },
  )
  const all = await heldSessions(clickhouse, '')
  const held = rows.filter(row => row.isErased === 0 && all.has(row.sessionId)).map(({ sessionId }) => sessionId)
  const [row] = await clickhouse.rows<{ full: number }>(
    `SELECT count() AS full FROM events FINAL
    WHERE \`from\` = {userId: String} AND kind = 'MessageAccepted' AND (text != '' OR data != '' OR extra != '')
      AND sessionId NOT IN {held: Array(String)}`,
    { userId, held },
  )
  const erased = rows.filter(({ isErased }) => isErased === 1).length
  return { sessions: rows.length, erased, held, full: row?.full ?? 0 }
}

/** The same for the same time and words. */
function derivedPackId(timeMs: Millis, words: string): PackId {
  return makePackId(timeMs, createHash('sha256').update(words).digest())
}
