import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { type VendorName, vendorOf } from '../../schemas/push-devices.ts'
import type { Intent } from './plan.ts'
import type { PushMetrics } from './push-metrics.ts'
import { configError, type PushMessage, type SendResult, type Vendor } from './vendor.ts'

/**
 * Gives what is to be sent to the vendors: in batches of their size, no faster than they take it, and not at all while
 * one has asked to be left alone. Each app has credentials of its own, and so a vendor of its own: one that is broken
 * or throttled holds up no other.
 */

/** How long a notification waits at the vendor for a device that is off. */
export const TTL_MS: Millis = 86_400_000
/** Calls to one vendor of one app that are under way at once. */
export const CALLS_MAX = 32
export const PAUSE_MS_MAX: Millis = 60_000
/** A vendor that fails again and again is left alone twice as long each time, up to PAUSE_MS_MAX. */
const PAUSE_MS_FIRST: Millis = 500

export interface DispatcherOptions {
  /** The vendor of an app; undefined where there are no credentials for it. */
  vendor(name: VendorName, packageName: string): Vendor | undefined
  clock: Clock
  random: Random
  logger: Logger
  metrics: PushMetrics
}

interface Lane {
  vendor: Vendor
  /** Nothing is sent before. */
  pausedUntil: Millis
  failures: number
  /** When the next message may go out by the vendor's rate. */
  freeAt: Millis
  calls: number
  waiting: (() => void)[]
}

export class Dispatcher {
  private readonly options: DispatcherOptions
  private readonly lanes = new Map<string, Lane>()
  private readonly missing = new Set<string>()

  constructor(options: DispatcherOptions) {
    this.options = options
  }

  /** How long the vendor of this device is to be left alone yet, in ms. */
  pausedFor(intent: Pick<Intent, 'device'>): Millis {
    const lane = this.laneOf(intent)
    return lane === undefined ? 0 : Math.max(0, lane.pausedUntil - this.options.clock.monotonic())
  }

  withdrawalOf(intent: Pick<Intent, 'device'>): Vendor['withdrawal'] {
    return this.laneOf(intent)?.vendor.withdrawal ?? 'none'
  }

  /** One result for each intent, in their order. Never rejects. */
  async send(intents: readonly Intent[], { isWithdrawal = false } = {}): Promise<SendResult[]> {
    const results = new Array<SendResult>(intents.length)
    const groups = new Map<Lane, number[]>()
    for (const [index, intent] of intents.entries()) {
      const lane = this.laneOf(intent)
      if (lane === undefined) results[index] = configError('there are no credentials for this vendor and app')
      else groups.set(lane, [...(groups.get(lane) ?? []), index])
    }
    const calls: Promise<void>[] = []
    for (const [lane, indexes] of groups) {
      for (let start = 0; start < indexes.length; start += lane.vendor.batchMax) {
        const batch = indexes.slice(start, start + lane.vendor.batchMax)
        const messages = batch.map(index =>
          messageOf(intents[index]!, { isWithdrawal, sentAt: this.options.clock.now() }),
        )
        const call = this.call(lane, messages).then(answers => {
          for (const [i, index] of batch.entries()) results[index] = answers[i]!
        })
        calls.push(call)
      }
    }
    await Promise.all(calls)
    return results
  }

  private async call(lane: Lane, messages: readonly PushMessage[]): Promise<SendResult[]> {
    const { clock, metrics } = this.options
    await this.enter(lane)
    try {
      const { vendor } = lane
      const wait = this.reserve(lane, messages.length)
      if (wait > 0) await clock.sleep(wait)
      const begun = clock.monotonic()
      const isRecall = messages[0]!.isWithdrawal && vendor.recall !== undefined
      const results = isRecall
        ? await Promise.all(messages.map(one => vendor.recall!(one)))
        : await vendor.send(messages)
      metrics.calls.observe({ vendor: vendor.name }, (clock.monotonic() - begun) / 1_000)
      for (const { kind } of results) metrics.results.inc({ vendor: vendor.name, result: kind })
      this.learn(lane, results)
      return results
    } finally {
      lane.calls--
      lane.waiting.shift()?.()
    }
  }

  private async enter(lane: Lane): Promise<void> {
    while (lane.calls >= CALLS_MAX) await new Promise<void>(resolve => lane.waiting.push(resolve))
    lane.calls++
  }

  /** How long to wait so that the vendor's rate is kept. */
  private reserve(lane: Lane, messages: number): Millis {
    const now = this.options.clock.monotonic()
    const start = Math.max(now - BURST_MS, lane.freeAt)
    lane.freeAt = start + (messages * 1_000) / lane.vendor.perSecondMax
    return Math.max(0, start - now)
  }

  /** Leaves a vendor alone that asked for it, longer each time. */
  private learn(lane: Lane, results: readonly SendResult[]): void {
    const { clock, random, logger } = this.options
    const asked = results.flatMap(result => (result.kind === 'retry' && result.scope === 'service' ? [result] : []))[0]
    // A vendor that does not answer is left alone as well; what was sent to it is not sent again.
    const lost = results.flatMap(result => (result.kind === 'unknown' ? [result] : []))
    if (asked === undefined && lost.length < results.length) {
      if (results.some(({ kind }) => kind === 'accepted')) lane.failures = 0
      return
    }
    const backoff = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** lane.failures) * (0.5 + random.next() / 2)
    if (lane.failures === 0) {
      const { reason } = asked ?? lost[0]!
      logger.warn({ vendor: lane.vendor.name, reason }, 'a push vendor takes nothing for now')
    }
    lane.failures = Math.min(lane.failures + 1, BACKOFF_STEPS_MAX)
    lane.pausedUntil = Math.max(lane.pausedUntil, clock.monotonic() + Math.max(asked?.afterMs ?? 0, backoff))
  }

  private laneOf({ device }: Pick<Intent, 'device'>): Lane | undefined {
    const name = vendorOf(device.serviceType)
    const key = `${device.serviceType} ${device.packageName}`
    const known = this.lanes.get(key)
    if (known !== undefined) return known
    const vendor = name === undefined ? undefined : this.options.vendor(name, device.packageName)
    if (vendor === undefined) {
      this.reportMissing(key, name ?? String(device.serviceType), device.packageName)
      return undefined
    }
    const lane: Lane = { vendor, pausedUntil: 0, failures: 0, freeAt: 0, calls: 0, waiting: [] }
    this.lanes.set(key, lane)
    return lane
  }

  /** Once: every device of such an app would say so again. Users name apps, so that the list has to have an end. */
  private reportMissing(key: string, vendor: string, packageName: string): void {
    if (this.missing.has(key) || this.missing.size >= MISSING_MAX) return
    this.missing.add(key)
    this.options.logger.warn({ vendor, packageName }, 'devices are registered for a vendor and app without credentials')
  }
}

/** What was not sent within this time may be sent at once. */
const BURST_MS: Millis = 100
const BACKOFF_STEPS_MAX = 16
const MISSING_MAX = 1_000

function messageOf(intent: Intent, more: Pick<PushMessage, 'isWithdrawal' | 'sentAt'>): PushMessage {
  const { pushId, device, title, body, uri, badge, collapseKey, isUrgent, data, options } = intent
  const { token, packageName } = device
  const base = { pushId, token, packageName, title, body, uri, badge, collapseKey, isUrgent, data, options }
  return { ...base, ttlMs: TTL_MS, ...more }
}
