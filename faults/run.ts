import { join } from 'node:path'
import { Redis } from 'ioredis'
import { developmentTokens } from '../client/terminal/development-token.ts'
import { type Clock, type Millis, systemRandom } from '../infra/clock.ts'
import { Ledger } from '../infra/local/ledger.ts'
import { Book } from './book.ts'
import { type Checked, check } from './check/check.ts'
import { type Deployment, deploy } from './deployment.ts'
import { Load } from './load.ts'
import type { FaultsOptions } from './options.ts'
import { describeFault, type Fault } from './plan.ts'
import { strike } from './strike.ts'

export interface FaultsRun {
  checked: Checked
  refillsMs: Millis[]
  failures: string[]
  elapsedMs: Millis
}

/** How long after a fault the next one waits for acks everywhere; the checker judges by less. */
const RECOVERY_MS_MAX: Millis = 60_000
/** How long everything may take to arrive after the last message. */
const SETTLE_MS_MAX: Millis = 120_000
const POLL_MS: Millis = 100
const PROGRESS_MS: Millis = 10_000

/**
 * Starts everything, lets people chat, strikes as planned, waits until all is quiet, checks, and stops everything.
 * Throws LocalStackError when it cannot be started. An aborted signal ends the chat early; what there is is checked.
 */
export async function runFaults(how: {
  options: FaultsOptions
  plan: readonly Fault[]
  dataDir: string
  clock: Clock
  signal: AbortSignal
  say(line: string): void
}): Promise<FaultsRun> {
  const { options, dataDir, clock, say } = how
  const ledger = await Ledger.open(dataDir, { clock, log: say })
  const bookFile = join(dataDir, 'book.txt')
  const book = new Book(bookFile)
  let onEnd = (name: string, end: string) => say(`${name} ended ${end} during the start`)
  const deployment = await deploy({
    dataDir,
    brokers: options.brokers,
    ledger,
    clock,
    random: systemRandom,
    log: say,
    onEnd: (name, end) => onEnd(name, end),
  }).catch(error => {
    ledger.close()
    throw error
  })
  try {
    const tokens = await developmentTokens(deployment.env)
    const load = new Load({
      ...options,
      gatewayUrls: deployment.gatewayUrls,
      name: `f${options.seed}`,
      token: userId => tokens.token(userId, clock.now()),
      book,
      clock,
      random: systemRandom,
    })
    onEnd = (name, end) => {
      say(`  ${name} ended ${end} by itself: it is started again`)
      book.ended(name, end, load.now())
    }
    try {
      const chatted = await new Chat({ ...how, deployment, load, book }).run()
      await book.close()
      return { ...chatted, checked: await check({ bookFile, env: deployment.env, log: say }) }
    } finally {
      load.close()
    }
  } finally {
    say('stopping everything')
    await deployment.stop()
    ledger.close()
  }
}

interface ChatParts {
  options: FaultsOptions
  plan: readonly Fault[]
  deployment: Deployment
  load: Load
  book: Book
  clock: Clock
  signal: AbortSignal
  say(line: string): void
}

/** People chat, and things break. */
class Chat {
  private readonly parts: ChatParts
  private readonly refillsMs: Millis[] = []
  private readonly failures: string[] = []

  constructor(parts: ChatParts) {
    this.parts = parts
  }

  async run(): Promise<Omit<FaultsRun, 'checked'>> {
    const { load, options, plan, clock, signal, say } = this.parts
    say(`connecting ${2 * options.pairs} people`)
    await load.connectAll()
    const begunAt = load.now()
    const sending = load.run()
    const quiet = new AbortController()
    void this.showProgress(quiet.signal)
    for (const fault of plan) {
      await clock.sleep(begunAt + fault.atMs - load.now(), signal)
      if (signal.aborted) break
      await this.perform(fault)
    }
    await clock.sleep(begunAt + options.seconds * 1_000 - load.now(), signal)
    load.stop()
    await sending
    const elapsedMs = load.now() - begunAt
    quiet.abort()
    say('no more messages: waiting until everything has arrived')
    if (!(await load.settle(SETTLE_MS_MAX)))
      this.failures.push(`not everything arrived within ${SETTLE_MS_MAX / 1_000} s`)
    return { refillsMs: this.refillsMs, failures: this.failures, elapsedMs }
  }

  private async perform(fault: Fault): Promise<void> {
    const { deployment, load, book, clock, options, say } = this.parts
    const begunAt = load.now()
    say(`${seconds(begunAt)}  ${describeFault(fault, options.brokers)}`)
    book.fault('f', fault.number, begunAt, fault.kind)
    let backAt = begunAt
    const onBack = () => {
      backAt = load.now()
      book.fault('b', fault.number, backAt)
    }
    try {
      const emptyRedis = () => flushAll(deployment.env.REDIS_URL!)
      const { refillMs } = await strike(fault, { deployment, clock, emptyRedis, onBack })
      if (refillMs !== undefined) this.refilled(fault, refillMs)
    } catch (error) {
      this.failures.push(`fault ${fault.number} (${fault.kind}): ${error instanceof Error ? error.message : error}`)
    }
    const isBack = await this.untilAcked(backAt)
    book.fault('e', fault.number, load.now())
    const acks = isBack ? 'acks everywhere' : 'NO acks in places'
    say(
      `${seconds(load.now())}        back after ${seconds(backAt - begunAt)}, ${acks} ${seconds(load.now() - backAt)} later`,
    )
  }

  private refilled({ number }: Fault, refillMs: Millis): void {
    this.refillsMs.push(refillMs)
    if (!Number.isFinite(refillMs)) this.failures.push(`fault ${number}: the views did not fill Redis again`)
    this.parts.say(`        Redis was filled again after ${seconds(refillMs)}`)
  }

  private async untilAcked(since: Millis): Promise<boolean> {
    const { load, clock } = this.parts
    const deadline = load.now() + RECOVERY_MS_MAX
    while (!load.ackedSince(since)) {
      if (load.now() > deadline) return false
      await clock.sleep(POLL_MS)
    }
    return true
  }

  private async showProgress(signal: AbortSignal): Promise<void> {
    const { load, clock, say } = this.parts
    while (!signal.aborted) {
      await clock.sleep(PROGRESS_MS, signal)
      const { sent, acked, delivered, refused, open, connections } = load.figures()
      const all = `${sent} sent, ${acked} acked, ${open} open, ${refused} refused, ${delivered} delivered`
      say(`${seconds(load.now())}        ${all}, ${connections} connections made`)
    }
  }
}

async function flushAll(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}

const seconds = (ms: Millis): string => `${(ms / 1_000).toFixed(1)} s`
