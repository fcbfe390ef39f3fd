import type { Partition, SessionId, UserId } from '../schemas/ids.ts'
import { LogCorrupt } from '../topics/valid-events.ts'
import { type Difference, NOTHING } from './difference.ts'
import type { FirstPass } from './first-pass.ts'
import { PARTITIONS_AT_ONCE } from './first-pass.ts'
import { PartitionFold } from './fold.ts'
import { comparePerson, NO_PERSON } from './people.ts'
import { forAll, persist } from './pool.ts'
import { PartitionReader } from './read-log.ts'
import { Suspects } from './suspects.ts'
import { compareHistoryUser, compareMembershipUser, Moves } from './users.ts'
import type { Verified } from './verify.ts'
import { compareMessages } from './verify-archive.ts'
import { checkSessions, READ_TRIES_MAX, READS_AT_ONCE } from './verify-sessions.ts'

/** Compares a row that was read with the fold, and what happened since. */
type UserCheck = (moves: Moves) => Difference[]

/**
 * Looks closer at what the first pass and the stores do not agree on: reads the log of those sessions and users again, and
 * compares row by row. A view that moved on, or is right in another way, turns out to be right here.
 */
export class SecondPass {
  /** Messages of the archive that were compared. */
  messages = 0
  private readonly verified: Verified
  private readonly first: FirstPass
  private readonly sameMessages: ReadonlyMap<Partition, number>
  private readonly suspects: Suspects

  /** `sameMessages`: by partition, as verify-archive.ts gives them. */
  constructor(verified: Verified, first: FirstPass, sameMessages: ReadonlyMap<Partition, number>) {
    this.verified = verified
    this.first = first
    this.sameMessages = sameMessages
    this.suspects = new Suspects(verified.sums.differing())
  }

  /** The sessions that differ, and the messages of partitions in which not all is equal. */
  async checkSessions(): Promise<void> {
    const { sums, bounds } = this.verified
    const withSuspects = new Set([...this.suspects.tags].map(tag => sums.partitionOf(tag)))
    // The sessions of a user lie anywhere.
    const isEverywhere = this.canCompareUsers() && this.suspects.users.size > 0
    const partitions = [...bounds.keys()].filter(partition => !this.first.corruptPartitions.has(partition))
    await forAll(
      partitions.sort((a, b) => a - b),
      PARTITIONS_AT_ONCE,
      async partition => {
        const areMessagesRight = this.areMessagesRight(partition)
        if (areMessagesRight) this.messages += this.sameMessages.get(partition) ?? 0
        if (!areMessagesRight || isEverywhere || withSuspects.has(partition)) {
          await this.readAgain(partition, areMessagesRight)
        }
      },
    )
  }

  private areMessagesRight(partition: Partition): boolean {
    if (this.verified.options.archive === undefined) return true
    return this.first.rightPartitions.has(partition) && this.sameMessages.has(partition)
  }

  /** What a user has depends on all sessions, from their beginnings. */
  private canCompareUsers(): boolean {
    return this.first.partialPartitions.length === 0 && this.first.corruptPartitions.size === 0
  }

  private async readAgain(partition: Partition, areMessagesRight: boolean): Promise<void> {
    const { source, options, differences, bounds } = this.verified
    const { start, end } = bounds.get(partition)!
    const { limits, archive, history, membership } = options
    const withMessages = !areMessagesRight
    const isPartial = start > 0
    const fold = new PartitionFold({
      partition,
      isPartial,
      largeAbove: limits.hotGroupMembersMax,
      limits,
      withMessages,
    })
    const reader = new PartitionReader(source, partition, start)
    const wants = withMessages ? undefined : (sessionId: string) => this.suspects.concerns(sessionId)
    // What is wrong with the log up to here was told.
    await reader.readTo(end, (event, offset) => void fold.add(event, offset), wants)
    if (archive !== undefined && withMessages) {
      const logEnd = async () => (await this.verified.boundsNow()).get(partition)!.end
      const scope = { partition, firstOffset: start, lastOffset: end - 1, differences, logEnd }
      const compared = await compareMessages(archive, fold, scope)
      // Another partition adds to it meanwhile.
      this.messages += compared
    }
    const goOn = (after: (sessionId: string) => void) => this.goOn(reader, fold, { after, wants })
    const sessions = [...fold.sessions.values()].filter(({ sessionId }) => this.suspects.tags.has(sessionId))
    await this.telling(partition, () =>
      checkSessions(fold, sessions, { history, membership, kept: limits }, { differences, goOn }),
    )
    this.first.users.addSessions(fold, this.suspects.users)
  }

  /** The log may break off behind the end that was taken. */
  private async telling(partition: Partition, task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      if (!(error instanceof LogCorrupt)) throw error
      this.first.corruptPartitions.add(partition)
      const place = { sessionId: '', partition, offset: error.offset }
      this.verified.differences.add({ view: 'log', what: 'chain', expected: 'valid', found: error.message, ...place })
    }
  }

  /** Takes a fold to the present end of the log. */
  private async goOn(
    reader: PartitionReader,
    fold: PartitionFold,
    { after, wants }: { after: (sessionId: string) => void; wants: ((sessionId: string) => boolean) | undefined },
  ): Promise<boolean> {
    const before = fold.events
    const { end } = (await this.verified.boundsNow()).get(fold.partition)!
    await reader.readTo(
      end,
      (event, offset) => {
        this.verified.differences.addAll(fold.add(event, offset))
        after(event.sessionId)
        return undefined
      },
      wants,
    )
    return fold.events > before
  }

  async checkUsersAndExtras(): Promise<void> {
    if (!this.canCompareUsers()) return
    const [userIds, sessionIds] = await Promise.all([this.differingUsers(), this.unknownSessions()])
    if (userIds.size === 0 && sessionIds.size === 0) return
    // Something differs: it is read again, then the log, which by then holds what made it differ, if anything did.
    const checks = new Map<UserId, UserCheck>()
    await forAll(userIds, READS_AT_ONCE, async userId => {
      checks.set(userId, await this.readUser(userId))
    })
    const { differences } = this.verified
    const moves = await this.readMoves()
    for (const check of checks.values()) differences.addAll(check(moves))
    for (const [sessionId, view] of sessionIds) {
      if (moves.sessions.has(sessionId)) continue
      differences.add({ view, sessionId, what: 'session', expected: NOTHING, found: 'one' })
    }
  }

  /** Of those whose sums differ, and of those whose friends and own facts no sum tells. */
  private async differingUsers(): Promise<Set<UserId>> {
    const differing = new Set<UserId>()
    const still = new Moves()
    await forAll(new Set([...this.suspects.users, ...this.first.people.keys()]), READS_AT_ONCE, async userId => {
      const check = await this.readUser(userId)
      if (check(still).length > 0) differing.add(userId)
    })
    return differing
  }

  /** Sessions that a view has and the log does not. */
  private async unknownSessions(): Promise<Map<SessionId, 'history' | 'membership'>> {
    const { options, sums } = this.verified
    const { history, membership } = options
    const unknown = new Map<SessionId, 'history' | 'membership'>()
    const strange = [...this.suspects.tags].filter(tag => sums.partitionOf(tag) === undefined)
    await forAll(strange as SessionId[], READS_AT_ONCE, async sessionId => {
      const [group, session] = await Promise.all([
        persist(async () => membership?.group(sessionId), READ_TRIES_MAX),
        persist(async () => history?.session(sessionId), READ_TRIES_MAX),
      ])
      if (group !== undefined) unknown.set(sessionId, 'membership')
      else if (session !== undefined) unknown.set(sessionId, 'history')
    })
    return unknown
  }

  private async readUser(userId: UserId): Promise<UserCheck> {
    const { history, membership, limits } = this.verified.options
    const user = this.first.users.users.get(userId)
    const isSuspect = this.suspects.users.has(userId)
    const [hot, groups, row] = await Promise.all([
      persist(async () => (isSuspect ? history?.user(userId) : undefined), READ_TRIES_MAX),
      persist(async () => (isSuspect ? membership?.user(userId) : undefined), READ_TRIES_MAX),
      persist(async () => membership?.person(userId), READ_TRIES_MAX),
    ])
    const person = this.first.people.get(userId) ?? NO_PERSON
    return moves => [
      ...(history && isSuspect ? compareHistoryUser({ userId, user, row: hot, moves }, limits) : []),
      ...(membership && isSuspect ? compareMembershipUser({ userId, user, row: groups, moves }) : []),
      ...(membership ? comparePerson({ userId, person, row, moves: moves.people }) : []),
    ]
  }

  /** What happened behind the end that was taken. */
  private async readMoves(): Promise<Moves> {
    const moves = new Moves()
    for (const [partition, { end }] of await this.verified.boundsNow()) {
      await this.first.readers.get(partition)!.readTo(end, event => {
        moves.add(event)
        return undefined
      })
    }
    return moves
  }
}
