import type { Clock, Millis } from '../infra/clock.ts'
import type { ArchiveInspector } from '../processors/archive/inspect.ts'
import type { HistoryInspector } from '../processors/history/inspect.ts'
import type { MembershipInspector } from '../processors/membership/inspect.ts'
import type { Partition, SessionId, UserId } from '../schemas/ids.ts'
import type { PartitionBounds } from '../topics/log.ts'
import { sessionPartition, type Topic } from '../topics/topics.ts'
import { LogCorrupt, type Position } from '../topics/valid-events.ts'
import type { Kept } from './compare-history.ts'
import { type Difference, Differences, describe, NOTHING } from './difference.ts'
import { messageText, PartitionFold } from './fold.ts'
import type { ReadingLimits } from './fold-reading.ts'
import { comparePerson, NO_PERSON, type PersonFold } from './people.ts'
import { forAll, persist } from './pool.ts'
import { countBehind, type LogSource, PartitionReader, readEventAt } from './read-log.ts'
import { compareHistoryUser, compareMembershipUser, Moves, UserFolds, type UserLimits } from './users.ts'
import { type ArchiveScope, checkMessages, EventsCheck } from './verify-archive.ts'
import { checkSessions, READ_TRIES_MAX, READS_AT_ONCE } from './verify-sessions.ts'

/**
 * Proves that every view says what the log says, or names each place where one does not.
 *
 * Problem: the views move while they are compared, and no moment holds still. Order of steps:
 *   1. take the end of every partition; wait until each view has passed it;
 *   2. for each partition: read the log up to that end once, fold it (fold.ts: a fold of our own), compare `events` of
 *      the archive row by row on the way, then `messages`, then each session of history and membership; what differs is
 *      looked at again while the fold goes on to the present end (verify-sessions.ts);
 *   3. compare the archive's other tables with its `events`, in the server;
 *   4. compare what is kept for each user, and look for what no event explains.
 * Memory: the folds of PARTITIONS_AT_ONCE partitions, about 250 bytes an event, and the session lists of all users.
 * Not compared: what the log no longer holds, list versions, and what the views keep for nobody to see.
 */
export interface VerifyOptions {
  source: Omit<LogSource, 'topic'>
  topic: Topic
  /** Views that are left out are not compared. */
  history?: HistoryInspector
  membership?: MembershipInspector
  archive?: ArchiveInspector
  /** How much history keeps: its own options. */
  limits: Kept & UserLimits & ReadingLimits & { hotGroupMembersMax: number }
  clock: Clock
}

export interface VerifyResult {
  sessions: number
  events: number
  messages: number
  users: number
  /** Partitions whose beginning the log has lost: sessions that began there are compared in part. */
  partialPartitions: Partition[]
  /** All differences; `differences` holds the first of them. */
  total: number
  differences: Difference[]
}

/** Something that is needed to compare is missing: exit code 2. */
export class CannotVerify extends Error {
  override readonly name = 'CannotVerify'
}

/** How long a view may take to pass the end of the log that was taken at the start. */
export const VIEW_WAIT_MS_MAX: Millis = 60_000
const VIEW_POLL_MS: Millis = 200
/** While one partition waits for the log or a store, another one is folded. Each has its fold in memory. */
const PARTITIONS_AT_ONCE = 2

/** Compares everything. Throws CannotVerify, or what a store or the log threw. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  return new Verification(options).run()
}

class Verification {
  private readonly options: VerifyOptions
  private readonly source: LogSource
  private readonly differences = new Differences()
  private readonly users = new UserFolds()
  private people: ReadonlyMap<UserId, PersonFold> = new Map()
  private readonly sessionIds = new Set<SessionId>()
  private readonly readers = new Map<Partition, PartitionReader>()
  private readonly counts = { sessions: 0, events: 0, messages: 0 }
  private readonly partialPartitions: Partition[] = []
  private isCorrupt = false

  constructor(options: VerifyOptions) {
    this.options = options
    this.source = { ...options.source, topic: options.topic.name }
  }

  async run(): Promise<VerifyResult> {
    const bounds = await this.bounds()
    await this.untilViewsPassed(bounds)
    const inOrder = [...bounds].sort(([a], [b]) => a - b)
    await forAll(inOrder, PARTITIONS_AT_ONCE, ([partition, range]) => this.checkPartition(partition, range))
    await this.checkDerived(bounds)
    await this.checkUsersAndExtras()
    await this.explain()
    return {
      ...this.counts,
      users: this.users.users.size,
      partialPartitions: this.partialPartitions,
      total: this.differences.total,
      differences: this.differences.shown,
    }
  }

  private async bounds(): Promise<ReadonlyMap<Partition, PartitionBounds>> {
    const bounds = await this.source.log.bounds(this.source.topic)
    if (bounds.size === 0) throw new CannotVerify(`${this.source.topic} has no partitions`)
    return bounds
  }

  private async untilViewsPassed(bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<void> {
    const { history, membership, archive } = this.options
    const views = { history, membership, archive }
    for (const [name, view] of Object.entries(views)) if (view !== undefined) await this.untilPassed(name, view, bounds)
  }

  private async untilPassed(
    name: string,
    view: { positions(): Promise<ReadonlyMap<Partition, Position>> },
    bounds: ReadonlyMap<Partition, PartitionBounds>,
  ): Promise<void> {
    const deadline = this.options.clock.monotonic() + VIEW_WAIT_MS_MAX
    for (;;) {
      const positions = await persist(() => view.positions(), READ_TRIES_MAX)
      let behind = 0
      for (const [partition, { start, end }] of bounds) {
        const position = positions.get(partition)
        if ((position?.offset ?? -1) >= end - 1) continue
        behind += await countBehind(this.source, { partition, position, start, end })
      }
      if (behind === 0) return
      if (this.options.clock.monotonic() > deadline) {
        throw new CannotVerify(`${name} is ${behind} events behind and did not catch up: is its role running?`)
      }
      await this.options.clock.sleep(VIEW_POLL_MS)
    }
  }

  private async checkPartition(partition: Partition, bounds: PartitionBounds): Promise<void> {
    try {
      await this.comparePartition(partition, bounds)
    } catch (error) {
      if (!(error instanceof LogCorrupt)) throw error
      this.isCorrupt = true
      const place = { sessionId: '', partition, offset: error.offset }
      this.differences.add({ view: 'log', what: 'chain', expected: 'valid', found: error.message, ...place })
    }
  }

  private async comparePartition(partition: Partition, { start, end }: PartitionBounds): Promise<void> {
    const { history, membership, archive, limits } = this.options
    const isPartial = start > 0
    if (isPartial) this.partialPartitions.push(partition)
    const fold = new PartitionFold({ partition, isPartial, largeAbove: limits.hotGroupMembersMax, limits })
    const reader = new PartitionReader(this.source, partition, start)
    this.readers.set(partition, reader)
    const found = await this.readAndCompareEvents(reader, fold, { start, end })
    this.differences.addFrom(found)
    if (archive !== undefined) {
      const scope = this.archiveScope(partition, { start, end }, this.differences)
      // Another partition adds to it meanwhile.
      const messages = await checkMessages(archive, fold, { scope, areEventsRight: found.total === 0 })
      this.counts.messages += messages
    }
    const goOn = (after: (sessionId: string) => void) => this.goOn(reader, fold, after)
    await checkSessions(fold, { history, membership, kept: limits }, { differences: this.differences, goOn })
    this.counts.sessions += fold.sessions.size
    this.counts.events += fold.events
    for (const sessionId of fold.sessions.keys()) this.sessionIds.add(sessionId)
    this.users.add(fold)
  }

  /** What is wrong with the log itself, and with `events`. */
  private async readAndCompareEvents(
    reader: PartitionReader,
    fold: PartitionFold,
    bounds: PartitionBounds,
  ): Promise<Differences> {
    const { archive } = this.options
    const found = new Differences()
    const events = archive && new EventsCheck(archive, this.archiveScope(fold.partition, bounds, found))
    try {
      await reader.readTo(bounds.end, (event, offset) => {
        found.addAll(fold.add(event, offset))
        return events?.add(event, offset)
      })
    } catch (error) {
      this.differences.addFrom(found)
      throw error
    }
    await events?.finish()
    events?.checkEmptied(fold)
    return found
  }

  private archiveScope(partition: Partition, { start, end }: PartitionBounds, differences: Differences): ArchiveScope {
    const logEnd = async () => (await this.bounds()).get(partition)!.end
    return { partition, firstOffset: start, lastOffset: end - 1, differences, logEnd }
  }

  /** Takes a fold to the present end of the log. */
  private async goOn(
    reader: PartitionReader,
    fold: PartitionFold,
    after: (sessionId: string) => void,
  ): Promise<boolean> {
    const before = fold.events
    const { end } = (await this.bounds()).get(fold.partition)!
    await reader.readTo(end, (event, offset) => {
      this.differences.addAll(fold.add(event, offset))
      after(event.sessionId)
      return undefined
    })
    return fold.events > before
  }

  /** The archive's other tables, against `events`, which was compared with the log. */
  private async checkDerived(bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<void> {
    const { archive } = this.options
    const upTo = new Map([...bounds].map(([partition, { end }]) => [partition, end - 1]))
    // A rebuild may exchange the tables in between: what differs is looked at once more.
    const isDifferent = ((await archive?.derived(upTo)) ?? []).length > 0
    for (const { table, is, rows, of } of (isDifferent && (await archive?.derived(upTo))) || []) {
      const [sessionId, userId] = table === 'user_days' ? ['', of as UserId] : [of, undefined]
      const place = { view: 'archive' as const, sessionId, ...(userId && { userId }), what: `rows of ${table}` }
      const [expected, found] = is === 'missing' ? [`${rows} more`, NOTHING] : [NOTHING, `${rows} more`]
      this.differences.add({ ...place, expected, found })
    }
  }

  private async checkUsersAndExtras(): Promise<void> {
    // What a user has depends on all sessions, from their beginnings.
    if (this.partialPartitions.length > 0 || this.isCorrupt) return
    this.people = this.users.people()
    // The server goes through its keys while users are compared.
    const [userIds, sessionIds] = await Promise.all([this.differingUsers(), this.unknownSessions()])
    if (userIds.size === 0 && sessionIds.size === 0) return
    // Something differs: it is read again, then the log, which by then holds what made it differ, if anything did.
    const checks = new Map<UserId, UserCheck>()
    await forAll(userIds, READS_AT_ONCE, async userId => {
      checks.set(userId, await this.readUser(userId))
    })
    const moves = await this.readMoves()
    for (const check of checks.values()) this.differences.addAll(check(moves))
    for (const [sessionId, view] of sessionIds) {
      if (moves.sessions.has(sessionId)) continue
      this.differences.add({ view, sessionId, what: 'session', expected: NOTHING, found: 'one' })
    }
  }

  private async differingUsers(): Promise<Set<UserId>> {
    const differing = new Set<UserId>()
    const still = new Moves()
    const look = async (userId: UserId) => {
      const check = await this.readUser(userId)
      if (check(still).length > 0) differing.add(userId)
    }
    const known = new Set<UserId>([...this.users.users.keys(), ...this.people.keys()])
    const [unknown] = await Promise.all([this.unknownUsers(known), forAll(known, READS_AT_ONCE, look)])
    await forAll(unknown, READS_AT_ONCE, look)
    return differing
  }

  /** Users of whom a view has something and the folds have nothing. */
  private async unknownUsers(known: ReadonlySet<UserId>): Promise<Set<UserId>> {
    const unknown = new Set<UserId>()
    for (const view of [this.options.history, this.options.membership]) {
      for await (const page of view?.userIds() ?? []) {
        for (const userId of page) if (!known.has(userId)) unknown.add(userId)
      }
    }
    return unknown
  }

  /** Sessions that a view has and the folds do not. */
  private async unknownSessions(): Promise<Map<SessionId, 'history' | 'membership'>> {
    const { history, membership } = this.options
    const unknown = new Map<SessionId, 'history' | 'membership'>()
    const addAll = (view: 'history' | 'membership', page: readonly SessionId[]) => {
      for (const sessionId of page) if (!this.sessionIds.has(sessionId)) unknown.set(sessionId, view)
    }
    for await (const page of history?.sessionIds() ?? []) addAll('history', page)
    for await (const page of membership?.groupIds() ?? []) addAll('membership', page)
    return unknown
  }

  private async readUser(userId: UserId): Promise<UserCheck> {
    const { history, membership, limits } = this.options
    const user = this.users.users.get(userId)
    const [hot, groups, row] = await Promise.all([
      persist(async () => history?.user(userId), READ_TRIES_MAX),
      persist(async () => membership?.user(userId), READ_TRIES_MAX),
      persist(async () => membership?.person(userId), READ_TRIES_MAX),
    ])
    const person = this.people.get(userId) ?? NO_PERSON
    return moves => [
      ...(history ? compareHistoryUser({ userId, user, row: hot, moves }, limits) : []),
      ...(membership ? compareMembershipUser({ userId, user, row: groups, moves }) : []),
      ...(membership ? comparePerson({ userId, person, row, moves: moves.people }) : []),
    ]
  }

  private async readMoves(): Promise<Moves> {
    const moves = new Moves()
    for (const [partition, { end }] of await this.bounds()) {
      await this.readers.get(partition)!.readTo(end, event => {
        moves.add(event)
        return undefined
      })
    }
    return moves
  }

  /** Puts the event itself into what is shown, where only a digest of it was kept. */
  private async explain(): Promise<void> {
    for (const difference of this.differences.shown) {
      const { partition = sessionPartition(this.options.topic, difference.sessionId), offset, view } = difference
      if (offset === undefined || (difference.expected !== 'what the log says' && difference.expected !== 'one'))
        continue
      const event = await readEventAt(this.source, partition, offset)
      if (event === undefined) continue
      difference.expected = view === 'archive' ? messageText(event) : JSON.stringify(event.body)
    }
  }
}

/** Compares a row that was read with the fold, and what happened since. */
type UserCheck = (moves: Moves) => Difference[]

export interface RunVerifyOptions extends VerifyOptions {
  /** One JSON object instead of lines for people. */
  json: boolean
  print: (line: string) => void
  /** Gets what was found, before it is printed. */
  onResult?: (result: VerifyResult) => void
}

/** Compares everything and prints what came of it. 0: all is equal, 1: it is not, 2: it could not be compared. */
export async function runVerify({ json, print, onResult, ...options }: RunVerifyOptions): Promise<number> {
  const begun = options.clock.monotonic()
  try {
    const result = await verify(options)
    onResult?.(result)
    const elapsedMs = Math.round(options.clock.monotonic() - begun)
    if (json) print(JSON.stringify({ ok: result.total === 0, elapsedMs, ...result }))
    else for (const line of linesOf(result, elapsedMs)) print(line)
    return result.total === 0 ? 0 : 1
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    print(json ? JSON.stringify({ ok: false, error: reason }) : `could not verify: ${reason}`)
    return 2
  }
}

function linesOf(result: VerifyResult, elapsedMs: number): string[] {
  const { sessions, events, messages, users, partialPartitions, total, differences } = result
  const lines = differences.map(describe)
  if (differences.length < total) lines.push(`... and ${total - differences.length} more differences`)
  if (partialPartitions.length > 0) {
    const text = 'the log has lost its beginning, older events, members and user lists were not compared'
    lines.push(`partitions ${partialPartitions.join(', ')}: ${text}`)
  }
  const compared = `${sessions} sessions, ${events} events, ${messages} archived messages, ${users} users`
  lines.push(
    `compared ${compared} in ${(elapsedMs / 1_000).toFixed(1)} s: ${total === 0 ? 'all equal' : `${total} differences`}`,
  )
  return lines
}
