import type { Guard, GuardedPipes } from '../../infra/redis/guarded-pipes.ts'
import {
  type Command,
  loadScript,
  runPipeline,
  type ScriptPart,
  type SharedCall,
  sharedCalls,
} from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { GenerationWriter } from '../generation-writer.ts'
import { ViewMoved } from '../view.ts'
import { EnteredSessions } from './entered-sessions.ts'
import { type HistoryGap, type HistoryOptions, type HistoryStore, hotTime } from './history-store.ts'
import { lineFields, planSession, type SessionPlan } from './plain-session.ts'
import type { HistoryWrites, RefusalWrite, SessionWrites } from './project.ts'
import { agesKey, markField, sessionKeys, timeKey, userKeys } from './redis-history-keys.ts'
import {
  amendCommands,
  keptCommands,
  PERSONAL_SCRIPTS,
  receiptCommands,
  toldCommands,
} from './redis-personal-writes.ts'
import { type GroupState, type UserWrites, userWritesOf } from './user-lists.ts'

/**
 * The writing side of history in Redis.
 *
 * A batch goes in steps, each confirmed before the next: sessions with the lists of users that do
 * not depend on them; lists of the members of groups, what is amended, receipts and what users keep; the position. Steps with nothing to do cost nothing; lists are
 * written when a session is first active in a minute (hotTime), or when members change. Every step may be repeated,
 * whole or in part:
 * - events are appended by seq and amended by seq, marks and hot lists are max-registers, members follow the session's
 *   seq, attributes that of the user's own session;
 * - the answer of a session's script is the same for a repeated batch (who is in now, since when it is large), so a
 *   crash between two steps loses no list entry; what this writer knows to be in the lists, it knows as confirmed.
 * A session whose stored events end before the batch begins is a gap. Where the store has lost a confirmed position
 * the writer goes back to what is stored; where it has not, that session was damaged: it begins anew with the batch
 * and `onGap` tells.
 *
 * A writer that has a guard (a rebuild, which nobody reads yet) writes sessions by plain commands where it can, after it
 * has read what is stored of them; see plain-session.ts.
 */

const applySessions = loadScript(new URL('./apply-sessions.lua', import.meta.url))
const trimSession = loadScript(new URL('./trim-session.lua', import.meta.url))
const touchUsers = loadScript(new URL('./touch-users.lua', import.meta.url))
const readSessions = loadScript(new URL('./read-sessions.lua', import.meta.url))
const SCRIPTS = [applySessions, trimSession, touchUsers, readSessions, ...PERSONAL_SCRIPTS]
/** For so many events of a batch one page of sessions is swept. */
const SWEEP_EVENTS = 1_000
/** What one ZADD takes into the index of ages. */
const AGES_MAX = 500

export interface RedisHistoryStoreOptions {
  connection: RedisConnection
  writer: GenerationWriter
  options: HistoryOptions
  onGap: (gap: HistoryGap) => void
  /** For a writer that has a guard. */
  pipes?: Pick<GuardedPipes, 'write' | 'close'> | undefined
}

export class RedisHistoryStore implements HistoryStore {
  private readonly connection: RedisConnection
  private readonly writer: GenerationWriter
  private readonly options: HistoryOptions
  private readonly onGap: (gap: HistoryGap) => void
  private readonly pipes: RedisHistoryStoreOptions['pipes']
  private readonly sweptAt = new Map<Partition, number>()
  private readonly entered = new EnteredSessions()
  /** The time that each partition is known to have said. */
  private readonly timed = new Map<Partition, number>()

  constructor({ connection, writer, options, onGap, pipes }: RedisHistoryStoreOptions) {
    this.connection = connection
    this.pipes = pipes
    this.writer = writer
    this.options = options
    this.onGap = onGap
  }

  position(partition: Partition): Promise<Position | undefined> {
    this.entered.forget(partition)
    this.timed.delete(partition)
    return this.writer.position(partition)
  }

  inPlace(partition: Partition): Promise<boolean> {
    return this.writer.inPlace(partition)
  }

  async write({ partition, writes, position }: Parameters<HistoryStore['write']>[0]): Promise<void> {
    const keyPrefix = this.writer.keyPrefix(partition)
    const due = writes.sessions.filter(session => this.isDue(partition, session))
    const groups = await this.writeSessions(keyPrefix, partition, writes, due)
    // Behind the timelines: what is amended has to be there.
    const commands = [
      ...this.userCommands(keyPrefix, userWritesOf(groups.sessions, groups.states)),
      ...amendCommands(this.connection, keyPrefix, writes.sessions, this.options),
      ...receiptCommands(this.connection, keyPrefix, writes.receipts),
      ...keptCommands(this.connection, keyPrefix, writes.kept, this.options),
      ...toldCommands(keyPrefix, partition, writes.told, this.options),
    ]
    const time = hotTime(writes.at)
    // Said only behind everything up to there; the lists of users are no more exact than that.
    const isLater = time > (this.timed.get(partition) ?? 0)
    if (isLater) commands.push(['set', timeKey(keyPrefix, partition), time])
    await runPipeline(this.connection, commands, SCRIPTS)
    if (isLater) this.timed.set(partition, time)
    for (const { sessionId, lines } of due) this.entered.add(partition, sessionId, hotTime(lines.at(-1)!.at))
    await this.sweep(keyPrefix, partition, writes)
    await this.writer.storePosition(partition, position)
  }

  /** Whether the lists of users have to be told of the session. */
  private isDue(partition: Partition, { sessionId, lines, changes }: SessionWrites): boolean {
    return changes.length > 0 || !this.entered.has(partition, sessionId, hotTime(lines.at(-1)!.at))
  }

  /** Writes sessions, and what does not depend on their answers; gives the groups that are due, as they are after the batch. */
  private async writeSessions(
    keyPrefix: string,
    partition: Partition,
    { sessions, refusals }: HistoryWrites,
    due: readonly SessionWrites[],
  ) {
    const asked = new Set(due)
    const guard = this.pipes && (await this.writer.guard())
    const plans = guard === undefined ? undefined : await this.plan(guard, keyPrefix, sessions)
    const rest = plans === undefined ? sessions : sessions.filter(session => plans.get(session)!.kind === 'script')
    const [answers] = await allDone([
      this.applyByScript(keyPrefix, partition, rest, { asked, plans }),
      guard && this.writePlain(guard, [...plans!.values()]),
      this.writeBeside(keyPrefix, partition, due, refusals),
    ])
    const groups = due.filter(({ isGroup }) => isGroup)
    const stateOf = (group: SessionWrites) => {
      const plan = plans?.get(group)
      return plan?.kind === 'plain' ? plan.state : groupState(answers.get(group)!)
    }
    return { sessions: groups, states: groups.map(stateOf) }
  }

  /** How each session is to be written, by what is stored of it. */
  private async plan(guard: Guard, keyPrefix: string, sessions: readonly SessionWrites[]) {
    const parts = sessions.map(({ sessionId, isGroup }): ScriptPart => {
      const { session, members } = sessionKeys(keyPrefix, sessionId)
      return isGroup ? { keys: [session, members], args: ['group'] } : { keys: [session], args: ['single'] }
    })
    const calls = sharedCalls(this.connection, readSessions, [], parts)
    const commands: Command[] = [['get', guard.key], ...calls.map(({ command }) => command)]
    const [builder, ...replies] = await runPipeline(this.connection, commands, SCRIPTS)
    this.writer.checkGuard(guard, builder as string | null)
    const plans = new Map<SessionWrites, SessionPlan>()
    for (const [index, { parts }] of calls.entries()) {
      for (const [at, answer] of (replies[index] as (string | [string, ...UserId[]])[]).entries()) {
        const writes = sessions[parts[at]!]!
        const [head, ...members] = typeof answer === 'string' ? [answer] : answer
        const keys = sessionKeys(keyPrefix, writes.sessionId)
        plans.set(writes, planSession(writes, { head, members }, { keys, limits: this.options }))
      }
    }
    return plans
  }

  private async writePlain(guard: Guard, plans: readonly SessionPlan[]): Promise<void> {
    const units = plans.map(plan => (plan.kind === 'plain' ? plan.commands : []))
    try {
      await this.pipes!.write(guard, units)
    } catch (error) {
      this.writer.guardFailed(guard)
      throw error
    }
  }

  private async applyByScript(
    keyPrefix: string,
    partition: Partition,
    sessions: readonly SessionWrites[],
    { asked, plans }: { asked: ReadonlySet<SessionWrites>; plans: ReadonlyMap<SessionWrites, SessionPlan> | undefined },
  ): Promise<Map<SessionWrites, Answer>> {
    const resets = sessions.filter(session => resetOf(plans, session) !== undefined)
    const appends = sessions.filter(session => resetOf(plans, session) === undefined)
    const apply = async (some: readonly SessionWrites[], allowGap: boolean) => {
      const parts = some.map(session => {
        return sessionPart(keyPrefix, resetOf(plans, session) ?? session, asked.has(session))
      })
      const calls = this.applyCalls(parts, allowGap)
      const commands = calls.map(({ command }) => command)
      return answersOf(some, calls, await runPipeline(this.connection, commands, SCRIPTS))
    }
    const [answers, ofResets] = await Promise.all([apply(appends, false), apply(resets, true)])
    for (const [session, answer] of ofResets) answers.set(session, answer)
    const gaps = appends.filter(session => answers.get(session)?.[1] === 'GAP')
    if (gaps.length > 0) {
      await this.checkInPlace(partition, gaps)
      for (const [session, answer] of await apply(gaps, true)) answers.set(session, answer)
    }
    return answers
  }

  private async writeBeside(
    keyPrefix: string,
    partition: Partition,
    due: readonly SessionWrites[],
    refusals: readonly RefusalWrite[],
  ): Promise<void> {
    const singles = due.filter(({ isGroup }) => !isGroup)
    const commands = [
      ...this.userCommands(keyPrefix, userWritesOf(singles, [])),
      ...this.refusalCommands(keyPrefix, refusals),
    ]
    for (let from = 0; from < due.length; from += AGES_MAX) {
      const ages = due.slice(from, from + AGES_MAX).flatMap(({ sessionId, lines }) => [lines[0]!.at, sessionId])
      commands.push(['zadd', agesKey(keyPrefix, partition), 'NX', ...ages])
    }
    await runPipeline(this.connection, commands, SCRIPTS)
  }

  /** Sessions may begin anew with the batch only where the store has lost nothing that was confirmed. */
  private async checkInPlace(partition: Partition, gaps: readonly SessionWrites[]): Promise<void> {
    if (!(await this.writer.inPlace(partition))) {
      throw new ViewMoved(`partition ${partition}: ${gaps[0]!.sessionId} lacks events that were confirmed`)
    }
    for (const { sessionId, lines } of gaps) this.onGap({ sessionId, firstSeq: lines[0]!.seq })
  }

  private applyCalls(parts: readonly ScriptPart[], allowGap: boolean): SharedCall[] {
    const { eventsPerSessionMax, eventAgeMs, hotGroupMembersMax } = this.options
    const limits = [eventsPerSessionMax, eventAgeMs, allowGap ? 1 : 0, hotGroupMembersMax]
    return sharedCalls(this.connection, applySessions, limits, parts)
  }

  private userCommands(keyPrefix: string, users: ReadonlyMap<UserId, UserWrites>): Command[] {
    const parts = [...users].map(([userId, { hot, large }]) => {
      const keys = userKeys(keyPrefix, userId)
      const times = [...hot].flatMap(([sessionId, time]) => [time, sessionId])
      return { keys: [keys.hot, keys.large], args: [hot.size, large.size, ...times, ...large] }
    })
    const calls = sharedCalls(this.connection, touchUsers, [this.options.hotSessionsMax], parts)
    return calls.map(({ command }) => command)
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

  /** Trims sessions that have fallen silent, now and then, by the log time of the batch; of a large one as many as of its parts. */
  private async sweep(keyPrefix: string, partition: Partition, { at, sessions }: HistoryWrites): Promise<void> {
    if (at < (this.sweptAt.get(partition) ?? 0) + this.options.sweepEveryMs) return
    let lines = 0
    for (const session of sessions) lines += session.lines.length
    for (let page = 0; page <= lines / SWEEP_EVENTS; page++) {
      if (!(await this.sweepPage(keyPrefix, partition, at))) {
        this.sweptAt.set(partition, at)
        return
      }
    }
  }

  /** True where more may be waiting: the next page, or the next batch, goes on. */
  private async sweepPage(keyPrefix: string, partition: Partition, at: number): Promise<boolean> {
    const { sweepSessionsMax, eventAgeMs } = this.options
    const index = agesKey(keyPrefix, partition)
    const cutoff = at - eventAgeMs
    const { client } = this.connection
    const page = ['LIMIT', 0, sweepSessionsMax] as const
    const old = (await client.zrangebyscore(index, '-inf', `(${cutoff}`, ...page)) as SessionId[]
    const trims = old.map(sessionId => {
      return trimSession.call([sessionKeys(keyPrefix, sessionId).session], [cutoff])
    })
    const firstAts = (await runPipeline(this.connection, trims, SCRIPTS)) as string[]
    const updates = old.map(
      (sessionId, i): Command => (firstAts[i] ? ['zadd', index, firstAts[i], sessionId] : ['zrem', index, sessionId]),
    )
    // The next event of a session that is empty now enters it again.
    for (const sessionId of old) this.entered.delete(partition, sessionId)
    await runPipeline(this.connection, updates)
    return old.length === sweepSessionsMax
  }

  async close(): Promise<void> {
    this.pipes?.close()
    await this.connection.close()
  }
}

/** All of them, also where one fails: nothing of a batch may be under way when it is repeated. */
async function allDone<Tasks extends readonly unknown[]>(
  tasks: [...Tasks],
): Promise<{ [I in keyof Tasks]: Awaited<Tasks[I]> }> {
  await Promise.allSettled(tasks)
  return Promise.all(tasks)
}

/** What is to be written of a session that begins anew. */
function resetOf(plans: ReadonlyMap<SessionWrites, SessionPlan> | undefined, session: SessionWrites) {
  const plan = plans?.get(session)
  return plan?.kind === 'script' && plan.resets ? plan.writes : undefined
}

/** What apply-sessions.lua gets for a session. */
function sessionPart(keyPrefix: string, writes: SessionWrites, isAsked: boolean): ScriptPart {
  const { sessionId, isGroup, lines, marks, changes } = writes
  const last = lines.at(-1)!
  const kind = isGroup ? (isAsked ? 'asked' : 'group') : 'single'
  const args: (string | number)[] = [kind, lines[0]!.seq, last.seq, last.at, marks.size]
  for (const line of lines) args.push(...lineFields(line))
  for (const [userId, { seq, count }] of marks) args.push(markField(userId), `${seq}/${count}`)
  const { session, members, left } = sessionKeys(keyPrefix, sessionId)
  if (!isGroup) return { keys: [session], args }
  args.push(changes.length)
  for (const { kind, seq, count, at, userIds } of changes) {
    args.push(kind === 'join' ? '+' : '-', seq, count, at, userIds.length, ...userIds)
  }
  return { keys: [session, members, left], args }
}

/** What apply-sessions.lua answers for a session. */
type Answer = [number: number, 'GAP'] | [number: number, 'OK', largeSince: string, at: string, ...members: string[]]

/** The answers of calls, whose replies come first, by session; sessions without a word have none. */
function answersOf(
  sessions: readonly SessionWrites[],
  calls: readonly SharedCall[],
  replies: readonly unknown[],
): Map<SessionWrites, Answer> {
  const answers = new Map<SessionWrites, Answer>()
  for (const [index, { parts }] of calls.entries()) {
    for (const answer of replies[index] as Answer[]) answers.set(sessions[parts[answer[0] - 1]!]!, answer)
  }
  return answers
}

function groupState([, , largeSince, at, ...members]: Answer | string[]): GroupState {
  return { largeSince: Number(largeSince), at: Number(at), members: members as UserId[] }
}
