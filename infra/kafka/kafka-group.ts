import type { Partition } from '../../schemas/ids.ts'
import { assignPartitions, type Claim } from '../../topics/assign-partitions.ts'
import type { Member, Membership, Ownership } from '../../topics/ownership.ts'
import { assert } from '../assert.ts'
import { type Clock, type Millis, systemClock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { type Channel, Cluster } from './cluster.ts'
import { Coordinator } from './coordinator.ts'
import {
  type Assigned,
  decodeAssigned,
  decodeSubscription,
  encodeAssigned,
  encodeSubscription,
  type GroupMember,
  heartbeatCall,
  type JoinAnswer,
  joinGroupCall,
  leaveGroupCall,
  syncGroupCall,
} from './group-protocol.ts'
import type { KafkaLogOptions } from './kafka-log.ts'
import { type Call, ErrorCode, errorName } from './protocol.ts'
import { findGroupCoordinatorCall } from './transaction-protocol.ts'

/**
 * Agreement on partitions by Kafka's group protocol; nothing is read or committed through the group.
 *
 * Members join with what they own; the one that the coordinator makes leader shares the partitions out
 * (assign-partitions.ts). Whoever has to let something go works on until it has, then asks for another agreement, in
 * which its new owner gets it. Heartbeats tell everyone of the next agreement. The member is named after its process:
 * one that was killed and is started again takes its former place at once.
 *
 * Invariant: what a member was assigned stays assigned until the next agreement. A coordinator that is away is looked
 * for again for ever; meanwhile nothing is taken away and nothing given.
 */

/** A member that is silent for so long is dead. Brokers take no less than 6 s unless they are told to. */
export const SESSION_MS: Millis = 6_000
const HEARTBEAT_MS: Millis = 500
/** How long an agreement waits for a member that has not heard of it yet; more than HEARTBEAT_MS and one timed-out request. */
const REBALANCE_MS: Millis = 5_000
/** An answer to a join comes when everyone has joined: at most after REBALANCE_MS and the broker's delay for a new group. */
const JOIN_MS_MAX: Millis = 20_000
/** Partitions that are nobody's for so long are asked for again: whoever was to let them go may have died over it. */
const WITHHELD_MS: Millis = 5_000
const PAUSE_MS_MIN: Millis = 100
const PAUSE_MS_MAX: Millis = 2_000

export interface KafkaGroupOptions extends KafkaLogOptions {
  groupId: string
  /** The topic whose partitions are shared; the others of the product have the same ones. */
  topic: string
  partitions: number
  /** Name of the process, unique in the group. */
  instance: string
}

/** The group as this process takes part in it; connects when it joins. */
export function kafkaGroup(options: KafkaGroupOptions): Ownership {
  assert(REBALANCE_MS < SESSION_MS, 'an agreement ends before its members count as dead')
  return { isFixed: false, join: member => new KafkaMembership(options, member) }
}

/** What the coordinator said; the next step depends on the code. */
class GroupRefused extends Error {
  override readonly name = 'GroupRefused'
  readonly errorCode: number
  constructor(step: string, errorCode: number) {
    super(`${step}: ${errorName(errorCode)}`)
    this.errorCode = errorCode
  }
}

class KafkaMembership implements Membership {
  private readonly options: KafkaGroupOptions
  private readonly member: Member
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly cluster: Cluster
  private readonly leaving = new AbortController()
  private readonly coordinator: Coordinator
  private memberId = ''
  private instanceId: string | null
  private generation = -1
  /** The agreement by which it owns what it owns. */
  private assignedBy = -1
  private turn = 0
  private isReleased = false
  private wake: () => void = () => {}
  private left: Promise<void> | undefined

  constructor(options: KafkaGroupOptions, member: Member) {
    const { clock = systemClock, logger = silentLogger } = options
    this.options = options
    this.member = member
    this.clock = clock
    this.logger = logger.child({ group: options.groupId })
    this.cluster = new Cluster({ ...options, clock, logger })
    this.coordinator = new Coordinator(this.cluster, findGroupCoordinatorCall(options.groupId))
    this.instanceId = options.instance
    void this.run()
  }

  released(): void {
    this.isReleased = true
    this.wake()
  }

  leave(): Promise<void> {
    this.left ??= this.leaveNow()
    return this.left
  }

  private async leaveNow(): Promise<void> {
    this.leaving.abort()
    this.wake()
    try {
      if (this.memberId !== '') await this.ask(leaveGroupCall(this.self()), 'calls')
    } catch (error) {
      this.logger.warn({ err: error }, 'the group could not be left: it finds out when the session is over')
    }
    await this.cluster.close()
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.leaving.signal.aborted; ) {
      try {
        const { withheld } = await this.agree()
        failures = 0
        await this.beat(withheld)
      } catch (error) {
        if (this.leaving.signal.aborted) return
        if (error instanceof GroupRefused && this.heeded(error)) continue
        this.logger.warn({ err: error }, 'no agreement on partitions: those that are owned stay')
        const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(failures++, 10))
        await this.clock.sleep(pauseMs, this.leaving.signal)
      }
    }
  }

  /** True when the refusal says what to do, and the next attempt does it at once. */
  private heeded({ errorCode }: GroupRefused): boolean {
    switch (errorCode) {
      case ErrorCode.MEMBER_ID_REQUIRED:
      case ErrorCode.REBALANCE_IN_PROGRESS:
      case ErrorCode.ILLEGAL_GENERATION:
        return true
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.memberId = ''
        return true
      case ErrorCode.FENCED_INSTANCE_ID:
        this.logger.error({ instance: this.instanceId }, 'another process has this name: going on without one')
        this.memberId = ''
        this.instanceId = null
        return true
      default:
        return false
    }
  }

  /** Joins, shares out as the leader, and takes what it is assigned. */
  private async agree(): Promise<Assigned> {
    const { options, member } = this
    this.isReleased = false
    const joined = await this.join()
    this.memberId = joined.memberId
    this.generation = joined.generation
    const assignments = joined.leader === joined.memberId ? this.shareOut(joined) : new Map<string, Buffer>()
    const answer = await this.ask(syncGroupCall(this.self(), assignments, JOIN_MS_MAX), 'fetches')
    this.check('SyncGroup', answer.errorCode)
    const assigned = decodeAssigned(answer.assignment)
    const partitions = assigned.partitions.filter(partition => partition < options.partitions)
    if (this.leaving.signal.aborted) return assigned
    this.assignedBy = this.generation
    this.logger.info({ generation: this.generation, partitions, withheld: assigned.withheld }, 'partitions agreed on')
    member.assigned(partitions)
    return assigned
  }

  private async join(): Promise<JoinAnswer> {
    const { topic } = this.options
    const owned = this.member.owned()
    const metadata = encodeSubscription(topic, { owned, generation: this.assignedBy, turn: this.turn })
    const limits = { sessionMs: SESSION_MS, rebalanceMs: REBALANCE_MS, timeoutMs: JOIN_MS_MAX }
    const answer = await this.ask(joinGroupCall(this.self(), { ...limits, metadata }), 'fetches')
    if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.memberId = answer.memberId
    this.check('JoinGroup', answer.errorCode)
    return answer
  }

  private shareOut({ members }: JoinAnswer): Map<string, Buffer> {
    const { topic, partitions } = this.options
    const claims = members.map(({ memberId, metadata }): Claim => {
      const { owned, generation } = decodeSubscription(metadata)
      return { member: memberId, owned: owned as readonly Partition[], generation }
    })
    const { assigned, withheld } = assignPartitions(claims, partitions)
    return new Map([...assigned].map(([id, own]) => [id, encodeAssigned(topic, { partitions: own, withheld })]))
  }

  /** Keeps the membership alive until another agreement is due, or wanted by this member. */
  private async beat(withheld: number): Promise<void> {
    const begun = this.clock.monotonic()
    while (!this.leaving.signal.aborted) {
      const isOverdue = withheld > 0 && this.clock.monotonic() - begun >= WITHHELD_MS
      if (this.isReleased || isOverdue) {
        this.turn++
        return
      }
      await this.pause()
      if (this.isReleased || this.leaving.signal.aborted) continue
      try {
        const { errorCode } = await this.ask(heartbeatCall(this.self()), 'calls')
        this.check('Heartbeat', errorCode)
      } catch (error) {
        if (error instanceof GroupRefused && !isCoordinators(error.errorCode)) throw error
        this.logger.warn({ err: error }, 'the coordinator of the group does not answer: what is owned stays')
      }
    }
  }

  private async pause(): Promise<void> {
    const woken = new AbortController()
    this.wake = () => woken.abort()
    // A release may have come before there was anything to wake.
    if (this.isReleased || this.leaving.signal.aborted) woken.abort()
    await this.clock.sleep(HEARTBEAT_MS, woken.signal)
  }

  private self(): GroupMember {
    const { memberId, instanceId, generation } = this
    return { groupId: this.options.groupId, memberId, instanceId, generation }
  }

  private check(step: string, errorCode: number): void {
    if (errorCode === ErrorCode.NONE) return
    if (isCoordinators(errorCode)) this.coordinator.forget()
    throw new GroupRefused(step, errorCode)
  }

  private async ask<T extends object>(call: Call<T>, channel: Channel): Promise<T> {
    const link = await this.coordinator.link()
    try {
      return await link.send(call, channel)
    } catch (error) {
      this.cluster.drop(link)
      this.coordinator.forget()
      throw error
    }
  }
}

/** It is not the coordinator, or not yet: that says nothing of the membership. */
function isCoordinators(errorCode: number): boolean {
  return (
    errorCode === ErrorCode.NOT_COORDINATOR ||
    errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE ||
    errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
  )
}
