import type { Clock, Millis, Random } from '../infra/clock.ts'
import { singleSessionId, type UserId } from '../schemas/ids.ts'
import { Flag } from '../schemas/pack.ts'
import { connectUsers } from './connect-users.ts'
import { Histogram, type LatencySummary } from './histogram.ts'
import { Pacing, Schedule } from './pacing.ts'
import type { RawClient } from './raw-client.ts'
import { indexedPackId, scanFrame } from './scan-frame.ts'
import { Tally, type TallyFigures } from './tally.ts'
import { Traffic } from './traffic.ts'

/**
 * Chat load on a gateway: pairs of users, each on a connection of its own, an open-loop schedule, every message
 * followed from the moment it was due to its ack and to its receiver.
 *
 * Order: connect everybody, warm up (same traffic, checked and not counted), measure, wait for stragglers. It runs in
 * the process that calls it and is meant to be alone there.
 */

export interface ChatLoadOptions {
  gatewayUrl: string
  ratePerSecond: number
  pairs: number
  seconds: number
  /** Length of the text of a message. */
  bytes: number
  newSessionsPercent: number
  warmupSeconds: number
  token(userId: UserId): Promise<string>
  clock: Clock
  random: Random
  log(line: string): void
  /** Called when the measured part begins, and when its last message has been sent. */
  onMeasure(phase: 'begin' | 'end'): Promise<void> | void
}

export interface ChatLoadResult extends TallyFigures {
  ackMs: LatencySummary
  endToEndMs: LatencySummary
  /** How late messages left this process, measured from when they were due. */
  generatorLateMs: LatencySummary
  /** Sent per second, as it was. */
  sentPerSecond: number
  newSessions: number
  connectionsLost: number
}

/** How long to wait for what is still under way after the last message, in ms. */
export const STRAGGLERS_MS_MAX = 10_000
const STRAGGLERS_POLL_MS = 20

export async function runChatLoad(options: ChatLoadOptions): Promise<ChatLoadResult> {
  const load = new ChatLoad(options)
  try {
    await load.connectAll()
    return await load.run()
  } finally {
    load.close()
  }
}

class ChatLoad {
  private readonly options: ChatLoadOptions
  private readonly run6: string
  private clients: RawClient[] = []
  private readonly users: UserId[]
  private readonly traffic: Traffic
  private readonly tally: Tally
  private readonly warmup: number
  private readonly count: number
  private readonly late = new Histogram()
  private readonly padding: string
  private connectionsLost = 0
  private isMeasuring = false
  private pacing: Pacing | undefined
  private sent = 0

  constructor(options: ChatLoadOptions) {
    this.options = options
    const { ratePerSecond, pairs, seconds, warmupSeconds, bytes } = options
    this.run6 = options.random.bytes(3).toString('hex')
    this.users = Array.from({ length: 2 * pairs }, (_, user) => {
      return `bench-${this.run6}-${user % 2 === 0 ? 'a' : 'b'}${user >> 1}` as UserId
    })
    this.traffic = new Traffic(options)
    this.warmup = Math.round(ratePerSecond * warmupSeconds)
    this.count = this.warmup + Math.round(ratePerSecond * seconds)
    const sessions = pairs + Math.min(this.count, pairs * (pairs - 1))
    this.tally = new Tally({ count: this.count, sessions, measuredFrom: this.warmup })
    this.padding = 'x'.repeat(bytes)
  }

  async connectAll(): Promise<void> {
    const { users, options } = this
    options.log(`connecting ${users.length} users`)
    this.clients = await connectUsers({
      ...options,
      users,
      onText: (user, text) => this.received(user, text),
      onLost: (user, reason) => this.lost(user, reason),
    })
  }

  async run(): Promise<ChatLoadResult> {
    const { clock, ratePerSecond, log, onMeasure } = this.options
    if (this.warmup > 0) log(`warming up: ${this.warmup} messages`)
    await this.send(new Schedule(ratePerSecond, this.warmup))
    await onMeasure('begin')
    log(`measuring: ${this.count - this.warmup} messages`)
    this.isMeasuring = true
    const elapsedMs = await this.send(new Schedule(ratePerSecond, this.count - this.warmup))
    await onMeasure('end')
    const until = clock.monotonic() + STRAGGLERS_MS_MAX
    const mayCome = () => !this.tally.isComplete && this.connectionsLost < this.clients.length
    while (mayCome() && clock.monotonic() < until) await clock.sleep(STRAGGLERS_POLL_MS)
    return {
      ...this.tally.figures(),
      ackMs: this.tally.ackMs.summary(),
      endToEndMs: this.tally.endToEndMs.summary(),
      generatorLateMs: this.late.summary(),
      sentPerSecond: Math.round(((this.count - this.warmup) * 1_000) / elapsedMs),
      newSessions: this.traffic.newSessions,
      connectionsLost: this.connectionsLost,
    }
  }

  close(): void {
    for (const client of this.clients) client.close()
  }

  /** Sends all messages of the schedule; resolves with how long it took, in ms. */
  private send(schedule: Schedule): Promise<Millis> {
    this.pacing = new Pacing(schedule, this.options.clock, dueAt => this.sendOne(dueAt))
    return this.pacing.run()
  }

  private sendOne(dueAt: Millis): void {
    const { clock, bytes } = this.options
    const index = this.sent++
    const message = this.traffic.next()
    const now = clock.now()
    const sessionId = singleSessionId(this.users[message.sender]!, this.users[message.receiver]!)
    // Every message carries its number and the time at which it was sent.
    const text = `${index} ${now} ${this.padding}`.slice(0, bytes)
    this.tally.sent(index, message, dueAt)
    if (this.isMeasuring) this.late.record(clock.monotonic() - dueAt)
    this.clients[message.sender]!.send(
      `{"type":"send","packId":"${indexedPackId(now, this.run6, index)}","sessionId":"${sessionId}",` +
        `"flags":${Flag.COUNTER},"content":{"kind":"Text","text":"${text}"}}`,
    )
  }

  private received(user: number, text: string): void {
    const scanned = scanFrame(text)
    if (scanned.kind === 'other') return
    if (!(scanned.index < this.count)) throw new Error(`a frame of no message of ours: ${text.slice(0, 200)}`)
    const now = this.options.clock.monotonic()
    switch (scanned.kind) {
      case 'ack':
        this.tally.acked(scanned.index, scanned.seq, now)
        break
      case 'event':
        this.tally.delivered(scanned.index, scanned.seq, user, now)
        break
      case 'refused':
        this.tally.refused(scanned.index, scanned.code)
    }
    this.pacing?.catchUp()
  }

  private lost(user: number, reason: string): void {
    this.connectionsLost++
    if (this.connectionsLost <= 5) this.options.log(`the connection of ${this.users[user]} was lost: ${reason}`)
  }
}
