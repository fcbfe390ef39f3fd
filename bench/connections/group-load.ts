import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { type GroupId, groupSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { connectUsers } from '../connect-users.ts'
import { Histogram, type LatencySummary } from '../histogram.ts'
import { runSchedule, Schedule } from '../pacing.ts'
import type { RawClient } from '../raw-client.ts'
import { indexedPackId, scanFrame } from '../scan-frame.ts'
import type { TallyFigures } from '../tally.ts'
import { GroupTally } from './group-tally.ts'

/**
 * One member of a group writes, everybody connected receives: every message is followed to every member. Members that
 * are absent are in the group and have no connection.
 *
 * Order: connect, found the group, warm up (checked and not counted), measure, wait for stragglers.
 */

export interface GroupParameters {
  /** Connected members, the sender among them. */
  members: number
  absent: number
  ratePerSecond: number
  seconds: number
  warmupSeconds: number
  bytes: number
}

export interface GroupLoadOptions extends GroupParameters {
  gatewayUrl: string
  token(userId: UserId): Promise<string>
  clock: Clock
  random: Random
  log(line: string): void
  /** Called when the measured part begins, and when its last message has been sent. */
  onMeasure(phase: 'begin' | 'end'): Promise<void> | void
}

export interface GroupLoadResult extends TallyFigures {
  ackMs: LatencySummary
  /** From when a message was due until a member had it: one value per member. */
  deliveryMs: LatencySummary
  generatorLateMs: LatencySummary
  sentPerSecond: number
  /** Deliveries between the two phases of `onMeasure`, and how long that took. */
  measuredDeliveries: number
  measuredMs: Millis
  connectionsLost: number
}

/** The group could not be founded; the message says which code the server gave and what to do. */
export class GroupRefused extends Error {
  override readonly name = 'GroupRefused'
}

/** As many user ids as the rules let one pack name unless they are changed. */
const NAMED_MAX = 5_000
/** Indices of the packs that found the group lie above those of messages. */
const FOUNDING_FROM = 2 ** 40
const STRAGGLERS_MS_MAX = 10_000
const STRAGGLERS_POLL_MS = 20

export async function runGroupLoad(options: GroupLoadOptions): Promise<GroupLoadResult> {
  const load = new GroupLoad(options)
  try {
    return await load.run()
  } finally {
    load.close()
  }
}

class GroupLoad {
  private readonly options: GroupLoadOptions
  private readonly run6: string
  private readonly users: UserId[]
  private readonly sessionId: SessionId
  private readonly tally: GroupTally
  private readonly warmup: number
  private readonly count: number
  private readonly late = new Histogram()
  private readonly padding: string
  private clients: RawClient[] = []
  private sent = 0
  private founded = 0
  private answered: ((refusal: string | undefined) => void) | undefined
  private connectionsLost = 0

  constructor(options: GroupLoadOptions) {
    this.options = options
    const { members, absent, ratePerSecond, seconds, warmupSeconds, bytes } = options
    this.run6 = options.random.bytes(3).toString('hex')
    this.users = Array.from({ length: members + absent }, (_, user) => `bench-${this.run6}-${user}` as UserId)
    this.sessionId = groupSessionId(`bench-${this.run6}` as GroupId)
    this.warmup = Math.round(ratePerSecond * warmupSeconds)
    this.count = this.warmup + Math.round(ratePerSecond * seconds)
    this.tally = new GroupTally({ count: this.count, members, measuredFrom: this.warmup })
    this.padding = 'x'.repeat(bytes)
  }

  async run(): Promise<GroupLoadResult> {
    const { clock, members, absent, log, onMeasure } = this.options
    log(`connecting ${members} users`)
    this.clients = await connectUsers({
      ...this.options,
      users: this.users.slice(0, members),
      onText: (user, text) => this.received(user, text),
      onLost: (user, reason) => this.lost(user, reason),
    })
    log(`founding a group of ${members + absent}`)
    await this.found()
    log(`warming up: ${this.warmup} messages`)
    await this.send(this.warmup)
    await onMeasure('begin')
    const [before, beganAt] = [this.tally.deliveries, clock.monotonic()]
    log(`measuring: ${this.count - this.warmup} messages`)
    const elapsedMs = await this.send(this.count - this.warmup)
    const [measuredDeliveries, measuredMs] = [this.tally.deliveries - before, clock.monotonic() - beganAt]
    await onMeasure('end')
    const until = clock.monotonic() + STRAGGLERS_MS_MAX
    const mayCome = () => !this.tally.isComplete && this.connectionsLost < members
    while (mayCome() && clock.monotonic() < until) await clock.sleep(STRAGGLERS_POLL_MS)
    return {
      ...this.tally.figures(),
      ackMs: this.tally.ackMs.summary(),
      deliveryMs: this.tally.deliveryMs.summary(),
      generatorLateMs: this.late.summary(),
      sentPerSecond: Math.round(((this.count - this.warmup) * 1_000) / elapsedMs),
      measuredDeliveries,
      measuredMs: Math.round(measuredMs),
      connectionsLost: this.connectionsLost,
    }
  }

  close(): void {
    for (const client of this.clients) client.close()
  }

  /** Creates the group and adds everybody, a pack per NAMED_MAX of them. */
  private async found(): Promise<void> {
    const [, ...others] = this.users
    const groupId = this.sessionId.slice(2)
    await this.ask(
      `"type":"createGroup","groupId":"${groupId}","info":{"name":"bench"},"members":${named(others.slice(0, NAMED_MAX))}`,
    )
    for (let from = NAMED_MAX; from < others.length; from += NAMED_MAX) {
      const some = named(others.slice(from, from + NAMED_MAX))
      await this.ask(`"type":"addMembers","sessionId":"${this.sessionId}","userIds":${some}`)
    }
  }

  private async ask(fields: string): Promise<void> {
    const packId = indexedPackId(this.options.clock.now(), this.run6, FOUNDING_FROM + this.founded++)
    const answer = new Promise<string | undefined>(resolve => {
      this.answered = resolve
    })
    this.clients[0]!.send(`{${fields},"packId":"${packId}"}`)
    const refusal = await answer
    if (refusal === undefined) return
    throw new GroupRefused(
      `a group of ${this.users.length} was refused with ${refusal}: let the rules allow it ` +
        '(PACKLOG_RULES_FILE with groupMembersMax), or let the bench start a stack of its own (--start)',
    )
  }

  private send(count: number): Promise<Millis> {
    const { clock, ratePerSecond } = this.options
    return runSchedule(new Schedule(ratePerSecond, count), clock, dueAt => this.sendOne(dueAt))
  }

  private sendOne(dueAt: Millis): void {
    const { clock, bytes } = this.options
    const index = this.sent++
    const now = clock.now()
    const text = `${index} ${now} ${this.padding}`.slice(0, bytes)
    this.tally.sent(index, dueAt)
    if (index >= this.warmup) this.late.record(clock.monotonic() - dueAt)
    this.clients[0]!.send(
      `{"type":"send","packId":"${indexedPackId(now, this.run6, index)}","sessionId":"${this.sessionId}",` +
        `"flags":${Flag.COUNTER},"content":{"kind":"Text","text":"${text}"}}`,
    )
  }

  private received(user: number, text: string): void {
    const scanned = scanFrame(text)
    if (scanned.kind === 'other') return
    if (scanned.index >= FOUNDING_FROM) {
      if (scanned.kind !== 'refused') this.tally.joined(user, scanned.seq)
      if (user === 0 && scanned.kind !== 'event') this.answered?.(scanned.kind === 'refused' ? scanned.code : undefined)
      return
    }
    if (!(scanned.index < this.count)) throw new Error(`a frame of no message of ours: ${text.slice(0, 200)}`)
    const now = this.options.clock.monotonic()
    if (scanned.kind === 'ack') this.tally.acked(scanned.index, scanned.seq, now)
    else if (scanned.kind === 'event') this.tally.delivered(scanned.index, scanned.seq, user, now)
    else this.tally.refused(scanned.index, scanned.code)
  }

  private lost(user: number, reason: string): void {
    this.connectionsLost++
    if (this.connectionsLost <= 5) this.options.log(`the connection of ${this.users[user]} was lost: ${reason}`)
  }
}

function named(userIds: readonly UserId[]): string {
  return JSON.stringify(userIds)
}
