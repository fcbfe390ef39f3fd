import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import type { PushBody, PushRecord } from '../../schemas/push-record.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { MessageEvent, PushedEvent, Timed } from './jobs.ts'
import type { Intent } from './plan.ts'
import type { PushMetrics } from './push-metrics.ts'
import { acceptedState, type EventKey, type PushStore } from './push-store.ts'
import { type PushRecords, recordOf } from './records.ts'
import type { TokenPacks } from './token-packs.ts'
import type { SendResult } from './vendor.ts'

/**
 * Sends what was planned, each at most once for an event and a device.
 *
 * Order: claim, send, record the end. A crash before the send loses the push, one after it leaves a claim without an
 * end; whoever comes to it again cannot tell the two apart, so it is called unknown and is not sent (PU9). What a
 * vendor has plainly not taken is claimed anew for another attempt, by a job that waits.
 */

export interface SenderOptions {
  store: PushStore
  dispatcher: Dispatcher
  records: PushRecords
  tokens: TokenPacks
  clock: Clock
  random: Random
  metrics: PushMetrics
}

export const RETRY_MS_FIRST: Millis = 1_000
export const RETRY_MS_MAX: Millis = 60_000

/** What is sent, and how to come back to it. */
export interface Sending {
  partition: Partition
  event: PushedEvent | MessageEvent
  attempt: number
  /** The job that tries one device again. */
  again(intent: Intent, attempt: number): Timed['job']
}

export class Sender {
  private readonly options: SenderOptions
  /** Claims of this process that are under way: another job that comes to them leaves them alone. */
  private readonly underWay = new Set<string>()

  constructor(options: SenderOptions) {
    this.options = options
  }

  /** Claims and sends; resolves when every end is recorded. Rejects when the store or the log fails. */
  async send(sending: Sending, all: readonly Intent[]): Promise<void> {
    const { partition, event } = sending
    const nameOf = ({ deviceKey }: Intent) => `${partition} ${event.sessionId}#${event.seq} ${deviceKey}`
    const intents = all.filter(intent => !this.underWay.has(nameOf(intent)))
    for (const intent of intents) this.underWay.add(nameOf(intent))
    try {
      await this.sendOwn(sending, intents)
    } finally {
      for (const intent of intents) this.underWay.delete(nameOf(intent))
    }
  }

  private async sendOwn(sending: Sending, intents: readonly Intent[]): Promise<void> {
    const { store, dispatcher, metrics } = this.options
    const { event, attempt } = sending
    const key = keyOf(sending)
    const paused = intents.map(intent => dispatcher.pausedFor(intent))
    const later = intents.flatMap((intent, i) =>
      paused[i]! > 0 ? [this.again(sending, intent, attempt, paused[i]!)] : [],
    )
    const wanted = intents.filter((_, i) => paused[i] === 0)
    const answers = await store.claim(
      key,
      wanted.map(({ deviceKey }) => ({ device: deviceKey, attempt })),
    )
    if (later.length > 0) await store.settle({ partition: sending.partition, done: [], add: later })
    const unknown = wanted.filter((_, i) => answers[i] === 'unknown')
    const claimed = wanted.filter((_, i) => answers[i] === 'claimed')
    metrics.unknown.inc(unknown.length)
    const results = await dispatcher.send(claimed)
    const now = this.options.clock.now()
    const records = unknown.map(intent =>
      recordOf(event, intent, { at: now, attempt }, { kind: 'Unknown', reason: 'ended in the middle of a send' }),
    )
    await this.finish(sending, { intents: claimed, results, records })
  }

  private async finish(
    sending: Sending,
    {
      intents,
      results,
      records,
    }: { intents: readonly Intent[]; results: readonly SendResult[]; records: PushRecord[] },
  ): Promise<void> {
    const { store, clock } = this.options
    const { event, attempt } = sending
    const now = clock.now()
    const retries: Timed[] = []
    const states = intents.map((intent, i) => {
      const result = results[i]!
      const put = (body: PushBody) => records.push(recordOf(event, intent, { at: now, attempt }, body))
      if (attempt === 0) put({ kind: 'Attempted' })
      put(bodyOf(result))
      if (result.kind === 'retry') retries.push(this.again(sending, intent, attempt + 1, result.afterMs))
      return { device: intent.deviceKey, state: stateOf(result, intent.userId, event, attempt) }
    })
    await store.record(keyOf(sending), states, retries)
    const sent = intents.filter((_, i) => results[i]!.kind === 'accepted')
    await store.noteSent({
      ...keyOf(sending),
      offset: event.offset,
      devices: sent.map(({ deviceKey }) => deviceKey),
    })
    await this.dropTokens(intents, results, now)
    await this.options.records.write(records)
  }

  private async dropTokens(intents: readonly Intent[], results: readonly SendResult[], now: Millis): Promise<void> {
    for (const [i, result] of results.entries()) {
      if (result.kind !== 'invalidToken') continue
      const { userId, device } = intents[i]!
      const { serviceType, token } = device
      const before = result.before ?? now
      await this.options.tokens.invalidate({ userId, serviceType, token, before, reason: result.reason })
    }
  }

  /** Withdraws what these devices show. Gives after how long to try again with those that could not be told yet. */
  async withdraw(sending: Omit<Sending, 'again'>, intents: readonly Intent[]): Promise<Millis | undefined> {
    const { store, dispatcher, records, clock } = this.options
    const { event, attempt } = sending
    const able = intents.filter(intent => dispatcher.withdrawalOf(intent) !== 'none')
    const answers = await store.claim(
      keyOf(sending),
      able.map(({ deviceKey }) => ({ device: deviceKey, attempt })),
    )
    const claimed = able.filter((_, i) => answers[i] === 'claimed')
    const paused = claimed.map(intent => dispatcher.pausedFor(intent))
    const wanted = claimed.filter((_, i) => paused[i] === 0)
    const results = await dispatcher.send(wanted, { isWithdrawal: true })
    const later = claimed.filter((_, i) => paused[i]! > 0)
    const refused = wanted.filter((_, i) => results[i]!.kind === 'retry')
    const states = [
      ...claimed.map(({ deviceKey }) => ({ device: deviceKey, state: 'done withdrawn' })),
      ...[...later, ...refused].map(({ deviceKey }) => ({ device: deviceKey, state: `retry ${attempt + 1}` })),
    ]
    await store.record(keyOf(sending), states, [])
    const at = clock.now()
    const done = wanted.filter((_, i) => results[i]!.kind === 'accepted')
    await records.write(
      done.map(intent =>
        recordOf(event, intent, { at, attempt }, { kind: 'Withdrawn', how: dispatcher.withdrawalOf(intent) }),
      ),
    )
    const waits = [...paused, ...results.map(result => (result.kind === 'retry' ? result.afterMs : 0))]
    return later.length + refused.length === 0 ? undefined : this.delayOf(attempt + 1, Math.max(...waits))
  }

  /** Ends what waited for another attempt. */
  async cancel(sending: Sending, intent: Pick<Intent, 'pushId' | 'userId' | 'device' | 'deviceKey'>, body: PushBody) {
    const { store, records, clock } = this.options
    await store.record(keyOf(sending), [{ device: intent.deviceKey, state: `done ${body.kind}` }], [])
    await records.write([recordOf(sending.event, intent, { at: clock.now(), attempt: sending.attempt }, body)])
  }

  private again(sending: Sending, intent: Intent, attempt: number, afterMs: Millis): Timed {
    const dueAt = Math.ceil(this.options.clock.now() + this.delayOf(attempt, afterMs))
    // Another id than that of the job which this comes from: that one is taken away when it is done.
    const id = `a${sending.event.offset}-${intent.deviceKey}-${attempt}-${dueAt}`
    return { id, dueAt, job: sending.again(intent, attempt) }
  }

  /** How long the next attempt waits: longer each time, and as long as the vendor asks. */
  private delayOf(attempt: number, afterMs: Millis): Millis {
    const backoff = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** attempt)
    return Math.max(afterMs, backoff * (0.5 + this.options.random.next() / 2))
  }
}

function keyOf({ partition, event }: Pick<Sending, 'partition' | 'event'>): EventKey {
  return { partition, sessionId: event.sessionId, seq: event.seq }
}

function stateOf(result: SendResult, userId: UserId, { seq }: PushedEvent, attempt: number): string {
  switch (result.kind) {
    case 'accepted':
      return acceptedState({ userId, seq })
    case 'retry':
      return `retry ${attempt + 1}`
    case 'unknown':
      return 'unknown'
    default:
      return `done ${result.kind}`
  }
}

function bodyOf(result: SendResult): PushBody {
  switch (result.kind) {
    case 'accepted':
      return { kind: 'Accepted', messageId: result.messageId }
    case 'retry':
      return { kind: 'Delayed', reason: result.reason, afterMs: Math.ceil(result.afterMs) }
    case 'unknown':
      return { kind: 'Unknown', reason: result.reason }
    default:
      return { kind: 'Failed', cause: result.kind, reason: result.reason }
  }
}
