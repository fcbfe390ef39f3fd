import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { GenerationWriter } from '../generation-writer.ts'
import { ViewMoved } from '../view.ts'
import type { HistoryGap, HistoryOptions, HistoryStore } from './history-store.ts'
import type { HistoryWrites, RefusalWrite, SessionWrites } from './project.ts'
import { agesKey, sessionKeys, userKeys } from './redis-history-keys.ts'
import { type GroupState, type UserWrites, userWritesOf } from './user-lists.ts'

/**
 * The writing side of history in Redis.
 *
 * A batch goes in steps, each confirmed before the next: sessions (one script each) with the lists of users that do
 * not depend on them, lists of the members of groups, what outgrew its bound, the position. Steps with nothing to do
 * cost nothing. Every step may be repeated, whole or in part:
 * - events are appended by seq, marks and hot lists are max-registers, members follow the session's seq;
 * - the answer of a session's script is the same for a repeated batch (who is in now, since when it is large), so a
 *   crash between two steps loses no list entry.
 * A session whose stored events end before the batch begins is a gap. Where the store has lost a confirmed position
 * the writer goes back to what is stored; where it has not, that session was damaged: it begins anew with the batch
 * and `onGap` tells.
 */

const applySession = loadScript(new URL('./apply-session.lua', import.meta.url))
const trimSession = loadScript(new URL('./trim-session.lua', import.meta.url))
const SCRIPTS = [applySession, trimSession]

export interface RedisHistoryStoreOptions {
  connection: RedisConnection
  writer: GenerationWriter
  options: HistoryOptions
  onGap: (gap: HistoryGap) => void
}

export class RedisHistoryStore implements HistoryStore {
  private readonly connection: RedisConnection
  private readonly writer: GenerationWriter
  private readonly options: HistoryOptions
  private readonly onGap: (gap: HistoryGap) => void
  private readonly sweptAt = new Map<Partition, number>()

  constructor({ connection, writer, options, onGap }: RedisHistoryStoreOptions) {
    this.connection = connection
    this.writer = writer
    this.options = options
    this.onGap = onGap
  }

  position(partition: Partition): Promise<Position | undefined> {
    return this.writer.position(partition)
  }

  async write({ partition, writes, position }: Parameters<HistoryStore['write']>[0]): Promise<void> {
    const keyPrefix = this.writer.keyPrefix(partition)
    const groups = await this.writeSessions(keyPrefix, partition, writes)
    const lists = this.userCommands(keyPrefix, userWritesOf(groups.sessions, groups.states))
    await this.trimGrown(lists, await runPipeline(this.connection, lists))
    await this.sweep(keyPrefix, partition, writes.at)
    await this.writer.storePosition(partition, position)
  }

  /** Writes sessions, and what does not depend on their answers; gives the groups, with their state after the batch. */
  private async writeSessions(keyPrefix: string, partition: Partition, { sessions, refusals }: HistoryWrites) {
    const applies = sessions.map(writes => this.applyCommand(keyPrefix, writes, false))
    const singles = sessions.filter(({ isGroup }) => !isGroup)
    const lists = this.userCommands(keyPrefix, userWritesOf(singles, []))
    const commands = [...applies, ...lists, ...this.refusalCommands(keyPrefix, refusals)]
    if (sessions.length > 0) {
      const ages = sessions.flatMap(({ sessionId, lines }) => [lines[0]!.at, sessionId])
      commands.push(['zadd', agesKey(keyPrefix, partition), 'NX', ...ages])
    }
    const replies = await runPipeline(this.connection, commands, SCRIPTS)
    await this.trimGrown(lists, replies.slice(applies.length))
    const answers = replies.slice(0, applies.length) as string[][]
    const gaps = sessions.filter((_, index) => answers[index]![0] === 'GAP')
    const repaired = gaps.length === 0 ? [] : await this.writeAfterGap(keyPrefix, partition, gaps)
    const states = answers.map(answer => groupState(answer[0] === 'GAP' ? repaired.shift()! : answer))
    return {
      sessions: sessions.filter(({ isGroup }) => isGroup),
      states: states.filter((_, index) => sessions[index]!.isGroup),
    }
  }

  private async writeAfterGap(keyPrefix: string, partition: Partition, gaps: SessionWrites[]): Promise<string[][]> {
    if (!(await this.writer.inPlace(partition))) {
      throw new ViewMoved(`partition ${partition}: ${gaps[0]!.sessionId} lacks events that were confirmed`)
    }
    for (const { sessionId, lines } of gaps) this.onGap({ sessionId, firstSeq: lines[0]!.seq })
    const commands = gaps.map(writes => this.applyCommand(keyPrefix, writes, true))
    return (await runPipeline(this.connection, commands, SCRIPTS)) as string[][]
  }

  private applyCommand(keyPrefix: string, writes: SessionWrites, allowGap: boolean): Command {
    const { head, events, packs, marks, members, left } = sessionKeys(keyPrefix, writes.sessionId)
    const { eventsPerSessionMax, eventAgeMs, hotGroupMembersMax } = this.options
    const args: (string | number)[] = [
      eventsPerSessionMax,
      eventAgeMs,
      allowGap ? 1 : 0,
      writes.isGroup ? hotGroupMembersMax : -1,
      writes.lines.length,
      writes.marks.size,
      writes.changes.length,
    ]
    for (const { seq, count, at, packId, from, json } of writes.lines) {
      args.push(seq, count, at, `${packId}/${from}`, json)
    }
    for (const [userId, { seq, count }] of writes.marks) args.push(userId, seq, count)
    for (const { kind, seq, count, at, userIds } of writes.changes) {
      args.push(kind === 'join' ? '+' : '-', seq, count, at, userIds.length, ...userIds)
    }
    const keys = [head, events, packs, marks]
    return applySession.call(writes.isGroup ? [...keys, members, left] : keys, args)
  }

  private userCommands(keyPrefix: string, users: ReadonlyMap<UserId, UserWrites>): Command[] {
    const commands: Command[] = []
    for (const [userId, { hot, large }] of users) {
      const keys = userKeys(keyPrefix, userId)
      if (hot.size > 0) commands.push(['zadd', keys.hot, 'GT', ...[...hot].flatMap(([id, at]) => [at, id])])
      if (large.size > 0) commands.push(['sadd', keys.large, ...large], ['zrem', keys.hot, ...large])
    }
    return commands
  }

  /** Only a hot list with a new session can have outgrown its bound. */
  private async trimGrown(lists: readonly Command[], replies: readonly unknown[]): Promise<void> {
    const grown = lists.filter(([name], index) => name === 'zadd' && Number(replies[index]) > 0)
    const trims = grown.map(([, key]): Command => ['zremrangebyrank', key!, 0, -this.options.hotSessionsMax - 1])
    await runPipeline(this.connection, trims)
  }

  private refusalCommands(keyPrefix: string, refusals: readonly RefusalWrite[]): Command[] {
    return refusals.flatMap(({ userId, packId, sessionId, code, at }): Command[] => {
      const key = userKeys(keyPrefix, userId).refusals
      return [
        ['zadd', key, 0, `${packId}/${sessionId}/${code}/${at}`],
        ['zremrangebyrank', key, 0, -this.options.refusalsPerUserMax - 1],
      ]
    })
  }

  /** Trims sessions that have fallen silent, now and then, by the log time of the batch. */
  private async sweep(keyPrefix: string, partition: Partition, at: number): Promise<void> {
    const { sweepEveryMs, sweepSessionsMax, eventAgeMs } = this.options
    if (at < (this.sweptAt.get(partition) ?? 0) + sweepEveryMs) return
    const index = agesKey(keyPrefix, partition)
    const cutoff = at - eventAgeMs
    const old = (await this.connection.client.zrangebyscore(
      index,
      '-inf',
      `(${cutoff}`,
      'LIMIT',
      0,
      sweepSessionsMax,
    )) as SessionId[]
    // A full page means that more are waiting: the next batch goes on.
    if (old.length < sweepSessionsMax) this.sweptAt.set(partition, at)
    const trims = old.map(sessionId => {
      const { head, events, packs } = sessionKeys(keyPrefix, sessionId)
      return trimSession.call([head, events, packs], [cutoff])
    })
    const firstAts = (await runPipeline(this.connection, trims, SCRIPTS)) as string[]
    const updates = old.map(
      (sessionId, i): Command => (firstAts[i] ? ['zadd', index, firstAts[i], sessionId] : ['zrem', index, sessionId]),
    )
    await runPipeline(this.connection, updates)
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}

/** What apply-session.lua answers, for a group. */
function groupState([, largeSince, at, ...members]: string[]): GroupState {
  return { largeSince: Number(largeSince), at: Number(at), members: members as UserId[] }
}
