import type { Partition, UserId } from '../schemas/ids.ts'
import type { PartitionBounds } from '../topics/log.ts'
import { LogCorrupt } from '../topics/valid-events.ts'
import { Differences } from './difference.ts'
import { type ExpectedOptions, expectFriends, expectPartition } from './expected-sums.ts'
import { PartitionFold } from './fold.ts'
import type { PersonFold } from './people.ts'
import { forAll } from './pool.ts'
import { PartitionReader } from './read-log.ts'
import { UserFolds } from './users.ts'
import type { Verified } from './verify.ts'
import { EventsCheck } from './verify-archive.ts'

/** While one partition waits for the log or a store, another one is folded. Each has its fold in memory. */
export const PARTITIONS_AT_ONCE = 2

/** Events that are folded before the answers of stores are looked at: a millisecond or two. */
const EVENTS_IN_A_ROW = 64

/**
 * Reads the log once, from its beginning to the end that was taken: checks it, compares the archive's `events` with it, and
 * adds up what the views must hold. Of a partition nothing stays but that, and what is said of few users.
 */
export class FirstPass {
  readonly counts = { sessions: 0, events: 0 }
  /** Partitions whose beginning the log has lost. */
  readonly partialPartitions: Partition[] = []
  /** Partitions where the log breaks off. */
  readonly corruptPartitions = new Set<Partition>()
  /** Partitions in which neither the log nor `events` is wrong. */
  readonly rightPartitions = new Set<Partition>()
  /** Each stands at the end that was taken, or where the log breaks off. */
  readonly readers = new Map<Partition, PartitionReader>()
  /** What the log says of users besides their sessions. */
  readonly users = new UserFolds()
  people: ReadonlyMap<UserId, PersonFold> = new Map()
  private readonly verified: Verified
  private readonly expected: ExpectedOptions

  constructor(verified: Verified) {
    this.verified = verified
    const { history, membership, limits } = verified.options
    this.expected = { kept: limits, views: { history: history !== undefined, membership: membership !== undefined } }
  }

  async run(): Promise<void> {
    const inOrder = [...this.verified.bounds].sort(([a], [b]) => a - b)
    await forAll(inOrder, PARTITIONS_AT_ONCE, ([partition, bounds]) => this.readPartition(partition, bounds))
    this.people = this.users.people()
    const withFriends = [...this.people].filter(([, { pairs }]) => pairs.size > 0)
    expectFriends(
      withFriends.map(([userId]) => userId),
      this.expected,
      this.verified.sums,
    )
  }

  private async readPartition(partition: Partition, bounds: PartitionBounds): Promise<void> {
    const { differences, options, sums, source } = this.verified
    const isPartial = bounds.start > 0
    if (isPartial) this.partialPartitions.push(partition)
    const { limits } = options
    const fold = new PartitionFold({ partition, isPartial, largeAbove: limits.hotGroupMembersMax, limits })
    const reader = new PartitionReader(source, partition, bounds.start)
    this.readers.set(partition, reader)
    const found = new Differences()
    try {
      await this.readAndCompareEvents(reader, fold, { bounds, found })
    } catch (error) {
      if (!(error instanceof LogCorrupt)) throw error
      this.corruptPartitions.add(partition)
      const place = { sessionId: '', partition, offset: error.offset }
      found.add({ view: 'log', what: 'chain', expected: 'valid', found: error.message, ...place })
    }
    differences.addFrom(found)
    if (this.corruptPartitions.has(partition)) return
    if (found.total === 0) this.rightPartitions.add(partition)
    expectPartition(fold, this.expected, sums)
    this.users.addPersonal(fold)
    this.counts.sessions += fold.sessions.size
    this.counts.events += fold.events
  }

  /** The stores make their sums meanwhile: they wait for nobody who takes what they have made. */
  private letOthersWork(): Promise<void> {
    return new Promise(resolve => this.verified.options.clock.defer(resolve))
  }

  /** What is wrong with the log itself, and with `events`. */
  private async readAndCompareEvents(
    reader: PartitionReader,
    fold: PartitionFold,
    { bounds, found }: { bounds: PartitionBounds; found: Differences },
  ): Promise<void> {
    const { archive } = this.verified.options
    const { partition } = fold
    const logEnd = async () => (await this.verified.boundsNow()).get(partition)!.end
    const scope = { partition, firstOffset: bounds.start, lastOffset: bounds.end - 1, differences: found, logEnd }
    const events = archive && new EventsCheck(archive, fold, scope)
    await reader.readTo(bounds.end, (event, offset) => {
      found.addAll(fold.add(event, offset))
      const waits = events?.add(event, offset)
      return waits ?? (fold.events % EVENTS_IN_A_ROW === 0 ? this.letOthersWork() : undefined)
    })
    await events?.finish()
    events?.checkEmptied()
  }
}
