import type { Clock, Millis } from '../infra/clock.ts'
import { GenerationUnstable } from '../infra/redis/generations.ts'
import type { ArchiveInspector, DerivedDifference } from '../processors/archive/inspect.ts'
import type { HistoryInspector } from '../processors/history/inspect.ts'
import type { MembershipInspector } from '../processors/membership/inspect.ts'
import type { Partition, UserId } from '../schemas/ids.ts'
import type { PartitionBounds } from '../topics/log.ts'
import { sessionPartition, type Topic } from '../topics/topics.ts'
import type { Position } from '../topics/valid-events.ts'
import type { Kept } from './compare-history.ts'
import { type Difference, Differences, describe, NOTHING } from './difference.ts'
import { tagOf } from './expected-sums.ts'
import { FirstPass } from './first-pass.ts'
import { messageText } from './fold.ts'
import type { ReadingLimits } from './fold-reading.ts'
import { persist } from './pool.ts'
import { countBehind, type LogSource, readEventAt } from './read-log.ts'
import { SecondPass } from './second-pass.ts'
import type { UserLimits } from './users.ts'
import { sameMessages } from './verify-archive.ts'
import { READ_TRIES_MAX } from './verify-sessions.ts'
import { type SummedView, ViewSums } from './view-sums.ts'

/**
 * Proves that every view says what the log says, or names each place where one does not.
 *
 * Problem: the views move while they are compared, and no moment holds still. Order of steps:
 *   1. take the end of every partition; wait until each view has passed it;
 *   2. read the log up to that end once (first-pass.ts): fold it (fold.ts: a fold of our own), compare `events` of the
 *      archive with it on the way, and add up what the views must hold of each session and user (expected-sums.ts).
 *      Meanwhile the stores do the same with what they hold: Redis adds up its keys, ClickHouse its tables;
 *   3. where the sums differ, read the log of those sessions and users once more and compare row by row
 *      (second-pass.ts): only this says what differs, or that it is right after all.
 * Memory: the folds of PARTITIONS_AT_ONCE partitions, about 1.5 kB a session and 500 bytes an event, and 250 bytes for
 * every session and user. Not compared: what the log no longer holds, list versions, and what the views keep for nobody to see.
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

/** Compares everything. Throws CannotVerify, or what a store or the log threw. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  return new Verification(options).run()
}

/** What both passes work on. */
export interface Verified {
  options: VerifyOptions
  source: LogSource
  /** The ends that are compared up to. */
  bounds: ReadonlyMap<Partition, PartitionBounds>
  /** The ends as they are now. */
  boundsNow(): Promise<ReadonlyMap<Partition, PartitionBounds>>
  differences: Differences
  sums: ViewSums
}

class Verification {
  private readonly options: VerifyOptions
  private readonly source: LogSource
  private readonly differences = new Differences()
  private readonly sums = new ViewSums()

  constructor(options: VerifyOptions) {
    this.options = options
    this.source = { ...options.source, topic: options.topic.name }
  }

  async run(): Promise<VerifyResult> {
    const { options, source, differences, sums } = this
    const bounds = await this.bounds()
    await this.untilViewsPassed(bounds)
    const verified: Verified = { options, source, bounds, boundsNow: () => this.bounds(), differences, sums }
    const first = new FirstPass(verified)
    const [messages, isDerived] = await Promise.all([
      this.sameMessages(bounds),
      this.derived(bounds).then(found => found.length === 0),
      first.run(),
      this.sumUp('history', options.history),
      this.sumUp('membership', options.membership),
    ])
    const second = new SecondPass(verified, first, messages)
    await second.checkSessions()
    if (!isDerived) await this.tellDerived(bounds)
    await second.checkUsersAndExtras()
    await this.explain()
    return {
      ...first.counts,
      messages: second.messages,
      users: sums.users,
      partialPartitions: first.partialPartitions,
      total: differences.total,
      differences: differences.shown,
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

  private async sameMessages(bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<ReadonlyMap<Partition, number>> {
    if (this.options.archive === undefined) return new Map()
    const scopes = [...bounds].map(([partition, { start, end }]) => {
      const logEnd = async () => (await this.bounds()).get(partition)!.end
      return { partition, firstOffset: start, lastOffset: end - 1, logEnd }
    })
    return sameMessages(this.options.archive, scopes)
  }

  /** What a view holds. One that has no sums is told by its ids, so that all of it is compared row by row. */
  private async sumUp(name: SummedView, view: HistoryInspector | MembershipInspector | undefined): Promise<void> {
    if (view?.sums === undefined) {
      for await (const tags of tagsOf(view)) for (const tag of tags) this.sums.find(name, { tag, sum: 1 })
      return
    }
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const page of view.sums()) for (const sum of page) this.sums.find(name, sum)
        return
      } catch (error) {
        if (!(error instanceof GenerationUnstable) || attempt >= READ_TRIES_MAX) throw error
        this.sums.forgetFound(name)
      }
    }
  }

  /** The archive's other tables, against `events`, which is compared with the log. */
  private async derived(bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<readonly DerivedDifference[]> {
    const upTo = new Map([...bounds].map(([partition, { end }]) => [partition, end - 1]))
    return (await this.options.archive?.derived(upTo)) ?? []
  }

  /** A rebuild may exchange the tables in between: what differs is looked at once more. */
  private async tellDerived(bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<void> {
    for (const { table, is, rows, of } of await this.derived(bounds)) {
      const [sessionId, userId] = table === 'user_days' ? ['', of as UserId] : [of, undefined]
      const place = { view: 'archive' as const, sessionId, ...(userId && { userId }), what: `rows of ${table}` }
      const [expected, found] = is === 'missing' ? [`${rows} more`, NOTHING] : [NOTHING, `${rows} more`]
      this.differences.add({ ...place, expected, found })
    }
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

async function* tagsOf(view: HistoryInspector | MembershipInspector | undefined): AsyncIterable<readonly string[]> {
  if (view === undefined) return
  yield* 'groupIds' in view ? view.groupIds() : view.sessionIds()
  for await (const userIds of view.userIds()) yield userIds.map(tagOf)
}

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
