import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import { Places } from '../infra/places.ts'
import type { Service } from '../infra/service.ts'
import { Turns } from '../infra/turns.ts'
import type { RecordCodec } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import { type FetchedBatch, type Log, type LogReader, type PartitionBounds, PositionOutOfRange } from '../topics/log.ts'
import type { Topics } from '../topics/topics.ts'
import { chainHash, POSITION_START, type Position, selectValid, type ValidBatch } from '../topics/valid-events.ts'
import { makeDeadLetters } from './dead-letter.ts'
import { EventIntake } from './event-intake.ts'
import { LetterRetries } from './letter-retries.ts'
import { mayPass, RetryLoop } from './retry-loop.ts'
import { type RunnerMetrics, runnerMetrics } from './runner-metrics.ts'
import { type PlacedEvent, type View, ViewMoved, ViewStopped } from './view.ts'

/**
 * The one consume loop of every view.
 *
 * For each partition: stored position, read im.events from there, drop junk, decode, apply in order. The view stores
 * the position after the data, so whatever breaks, the same events come again and change nothing.
 *
 * - The record at the stored position is read again and must have the stored hash: a log that was truncated or
 *   replaced is not the one that the view was built from, and is told apart from junk (RN7).
 * - A store that fails gets the same batch again, with bounded backoff, for ever: the position never passes (RN3).
 * - A store that is not where it was left (emptied, rolled back, switched by a rebuild) is asked where it is, and
 *   reading goes on from there; an emptied one is filled from the log's start without an operator (RN6).
 * - What no retry can help ends the runner with an alarm, and the positions stay: a valid record that cannot be
 *   decoded, a corrupt log, a position that the log no longer holds (RN4, RN7).
 *
 * Partitions go on side by side and do not wait for each other, nor do views. Not promised: exactly once. A view sees
 * an event at least once and in order.
 *
 * A rebuild gathers: of some partitions at a time far more is taken in before it is applied, all at once, and with it
 * what came since the position that the view has. The end of the log ends gathering, so what is there is applied.
 */

/** Events that are decoded and applied together: bounds memory and the time that the event loop is held. */
export const APPLY_EVENTS_MAX = 1_000
/** How often it is looked whether the store is still where it was left, also where nothing is to be written. */
export const LOOK_MS: Millis = 2_000

/** How much is taken in of a partition before it is applied, and of how many partitions at a time: bounds memory. */
export interface Gather {
  eventsMax: number
  /** Of their values in the log. */
  bytesMax: number
  partitionsMax: number
}

export interface RunnerOptions {
  view: View
  log: Log
  topics: Topics
  eventCodec: RecordCodec<Event>
  partitions: readonly Partition[]
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
  /** Shared by all runners of a process, whose batches then begin one after the other; its own where it is alone. */
  turns?: Turns
  /** Without it what was read is applied at once, at most APPLY_EVENTS_MAX events together. */
  gather?: Gather | undefined
}

export interface RunnerProgress {
  /** Events applied since the start. */
  applied: number
  /** Records between the first positions and the ends of the log that were taken at the start. */
  total: number
  /** How many of `total` are not read yet. */
  remaining: number
}

export interface Runner extends Service {
  /** Resolves when every partition has reached the end that it had at the start; rejects as `done` does. */
  caughtUp(): Promise<void>
  progress(): RunnerProgress
}

interface PartitionState {
  /** Of what was taken in last. */
  position: Position
  /** What was taken in and is not applied yet. */
  taken: Taken
  /** The record at `position` is still to be compared with its hash. */
  unchecked: boolean
  /** Everything below was read, and applied. */
  readUpTo: Offset
  firstOffset: Offset
  /** End of the log when the runner started. */
  target: Offset
}

interface Taken {
  events: PlacedEvent[]
  /** Valid records, also those that do not concern the view. */
  records: number
  bytes: number
  appendedAt: Millis
}

function nothing(): Taken {
  return { events: [], records: 0, bytes: 0, appendedAt: 0 }
}

export function makeRunner(options: RunnerOptions): Runner {
  return new ViewRunner(options)
}

class ViewRunner implements Runner {
  readonly name: string
  readonly done: Promise<void>
  private readonly options: RunnerOptions
  private readonly view: View
  private readonly metrics: RunnerMetrics
  private readonly labels: { view: string }
  private readonly retry: RetryLoop
  private readonly intake: EventIntake
  private readonly letters: LetterRetries
  private readonly turns: Turns
  /** Of partitions that gather. */
  private readonly places: Places<Partition> | undefined
  private readonly states = new Map<Partition, PartitionState>()
  private readonly incomplete = new Set<Partition>()
  private readonly abort = new AbortController()
  private readonly waiting: (() => void)[] = []
  /** Partitions whose batch is being applied, and looks at the store that are under way: never both at once. */
  private readonly busy = new Set<Partition>()
  private readonly looks = new Map<Partition, Promise<boolean>>()
  private endWait: () => void = () => {}
  private running: Promise<void> | undefined
  private reader: LogReader | undefined
  private applied = 0
  private finished = false
  private settle!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(options: RunnerOptions) {
    const { view, log, topics, metrics, gather } = options
    this.options = options
    this.places = gather && new Places(gather.partitionsMax)
    this.turns = options.turns ?? new Turns(options.clock)
    this.view = view
    this.name = view.name
    this.labels = { view: view.name }
    this.metrics = runnerMetrics(metrics)
    this.retry = new RetryLoop({
      ...options,
      view: view.name,
      signal: this.abort.signal,
      onFailure: () => this.metrics.failures.inc(this.labels),
    })
    this.intake = new EventIntake({
      view,
      topic: topics.events.name,
      eventCodec: options.eventCodec,
      dead: makeDeadLetters({ log, dead: topics.dead, topic: topics.events.name, processor: view.name }),
      retry: this.retry,
      onSkipped: skipped => {
        this.metrics.skipped.inc(this.labels)
        options.logger.warn({ view: view.name, ...skipped }, 'event skipped')
      },
    })
    this.letters = new LetterRetries({ ...options, dead: topics.dead, intake: this.intake, retry: this.retry })
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    // Whoever waits for `done` hears of a failure; the process must not end where nobody does yet.
    this.done.catch(() => {})
  }

  /** Resolves at once: a store or a broker that is down is waited for in the background and holds up no one else. */
  async start(): Promise<void> {
    this.running = this.run().then(
      () => this.finish(),
      error => this.finish(error),
    )
  }

  private async run(): Promise<void> {
    const { log, topics, partitions } = this.options
    const bounds = await this.retry.run('reading the bounds of the log', () => log.bounds(topics.events.name))
    if (bounds === undefined) return
    await Promise.all(partitions.map(partition => this.locate(partition, bounds)))
    for (const partition of this.incomplete) await this.storeBeginning(partition)
    if (this.abort.signal.aborted) return
    this.reader = log.read({
      topic: topics.events.name,
      from: new Map(partitions.map(partition => [partition, this.firstOffset(partition)])),
      pauseMs: this.view.pauseMs,
      onBatch: batch => this.onBatch(batch),
    })
    this.wake()
    if (this.view.reasonToSkip !== undefined) {
      await this.retry.run('reading im.dead', () => this.letters.start(partitions))
    }
    await Promise.all([this.reader.done, this.watch()])
  }

  /** Looks at the store while nothing is written: nobody else would notice that it was emptied (RN6). */
  private async watch(): Promise<void> {
    const { clock, partitions } = this.options
    while (!this.finished) {
      await new Promise<void>(resolve => {
        const cancel = clock.schedule(LOOK_MS, resolve)
        this.endWait = () => {
          cancel()
          resolve()
        }
      })
      if (this.finished || this.abort.signal.aborted) return
      const idle = partitions.filter(partition => !this.busy.has(partition))
      for (const partition of idle) this.looks.set(partition, this.look(partition))
      await Promise.all(this.looks.values())
    }
  }

  /** True when the store was not where it was left: reading goes on elsewhere. */
  private async look(partition: Partition): Promise<boolean> {
    try {
      const inPlace = await this.view.inPlace?.(partition).catch(error => {
        if (!mayPass(error)) throw error
        // It is down: the next look or the next batch tells.
        return true
      })
      if (inPlace !== false || this.abort.signal.aborted) {
        await this.retryLetters(partition)
        return false
      }
      await this.move(partition, new ViewMoved('it was emptied, or has lost what it had confirmed'))
      return true
    } finally {
      this.looks.delete(partition)
    }
  }

  private finish(error?: unknown): void {
    this.finished = true
    this.endWait()
    if (error === undefined || this.abort.signal.aborted) this.settle.resolve()
    else {
      const reason = this.explain(error)
      this.metrics.stopped.set(this.labels, 1)
      this.options.logger.fatal({ err: reason, view: this.name }, 'the view has stopped; its positions stay')
      this.settle.reject(reason)
    }
    this.wake()
  }

  private explain(error: unknown): unknown {
    if (!(error instanceof PositionOutOfRange)) return error
    return new ViewStopped(`${this.name}: ${error.message}. Build it anew: npm run rebuild -- ${this.name}`, {
      cause: error,
    })
  }

  /** Reads where the view is in a partition, now and whenever its store has moved. */
  private async locate(partition: Partition, bounds: ReadonlyMap<Partition, PartitionBounds>): Promise<void> {
    const stored = await this.retry.run('reading the position', async () => ({
      position: await this.view.position(partition),
    }))
    if (stored === undefined) return
    const { start, end } = bounds.get(partition) ?? { start: 0, end: 0 }
    const position = stored.position ?? this.beginning(partition, start)
    const before = this.states.get(partition)
    this.states.set(partition, {
      position,
      taken: nothing(),
      unchecked: stored.position?.hash != null && position.offset >= start,
      readUpTo: position.offset + 1,
      firstOffset: before?.firstOffset ?? position.offset + 1,
      target: before?.target ?? end,
    })
  }

  /** The position before the first record that the log still holds. */
  private beginning(partition: Partition, start: Offset): Position {
    if (start === 0) this.incomplete.delete(partition)
    else this.incomplete.add(partition)
    this.metrics.incomplete.set(this.labels, this.incomplete.size)
    if (start === 0) return POSITION_START
    this.options.logger.error(
      { view: this.name, partition, start },
      'the view is filled from a log that has lost its beginning: what is older is missing',
    )
    return { offset: start - 1, cause: null, hash: null }
  }

  /** Says that the view has begun, also where nothing may come any more: readers tell that from "not begun". */
  private async storeBeginning(partition: Partition): Promise<void> {
    const { position } = this.states.get(partition)!
    await this.retry.run('storing the beginning', () => this.view.apply({ partition, events: [], position }))
  }

  private firstOffset(partition: Partition): Offset {
    const { position, unchecked } = this.states.get(partition)!
    return unchecked ? position.offset : position.offset + 1
  }

  private async onBatch(batch: FetchedBatch): Promise<void> {
    const { partition } = batch
    const look = this.looks.get(partition)
    if (look !== undefined && (await look)) return
    this.busy.add(partition)
    try {
      await this.takeBatch(batch)
      await this.retryLetters(partition)
    } finally {
      this.busy.delete(partition)
    }
  }

  private async takeBatch({ partition, records, end }: FetchedBatch): Promise<void> {
    for (let start = 0; start < records.length; start += APPLY_EVENTS_MAX) {
      if (this.places !== undefined) await this.places.take(partition)
      await this.turns.next()
      if (this.abort.signal.aborted) return
      const slice = records.slice(start, start + APPLY_EVENTS_MAX)
      const state = this.states.get(partition)!
      const batch = selectValid(partition, state.position, this.withoutKnown(partition, state, slice))
      this.metrics.junk.inc(this.labels, batch.junk)
      if (batch.records.length > 0 && !(await this.takeIn(batch, state.taken))) return
      state.position = batch.position
      const readUpTo = slice.at(-1)!.offset + 1
      if (readUpTo < end && this.isGathering(state.taken)) continue
      if (state.taken.records > 0 && !(await this.applyTaken(partition, state))) return
      state.readUpTo = readUpTo
      this.places?.give(partition)
      this.metrics.lag.set({ ...this.labels, partition }, Math.max(0, end - readUpTo))
    }
    this.wake()
  }

  private isGathering({ records, bytes }: Taken): boolean {
    const { gather } = this.options
    return gather !== undefined && records < gather.eventsMax && bytes < gather.bytesMax
  }

  /** Takes the record at the stored position off, once it was seen to be the one that the view has applied. */
  private withoutKnown(partition: Partition, state: PartitionState, records: FetchedBatch['records']) {
    const first = records[0]
    if (!state.unchecked || first === undefined) return records
    state.unchecked = false
    if (first.offset !== state.position.offset) return records
    if (chainHash(first) !== state.position.hash) {
      throw new ViewStopped(
        `${this.name}: the record at ${this.options.topics.events.name}/${partition}@${first.offset} is not the one ` +
          `that the view has applied: the log was truncated or replaced. Build it anew: npm run rebuild -- ${this.name}`,
      )
    }
    return records.slice(1)
  }

  /** False when the runner ends meanwhile. */
  private async takeIn(batch: ValidBatch, taken: Taken): Promise<boolean> {
    const events = await this.intake.take(batch)
    if (events === undefined) return false
    for (const event of events) taken.events.push(event)
    taken.records += batch.records.length
    for (const { value } of batch.records) taken.bytes += value!.length
    taken.appendedAt = batch.records.at(-1)!.appendedAt
    return true
  }

  /** False when what was taken in is not applied because the runner ends or reads on from elsewhere. */
  private async applyTaken(partition: Partition, state: PartitionState): Promise<boolean> {
    const { position, taken } = state
    const { events, records, appendedAt } = taken
    const outcome = await this.retry.run('applying a batch', async () => {
      try {
        await this.view.apply({ partition, events, position })
        return 'applied'
      } catch (error) {
        if (error instanceof ViewMoved) return error
        throw error
      }
    })
    if (outcome instanceof ViewMoved) await this.move(partition, outcome)
    if (outcome !== 'applied') return false
    state.taken = nothing()
    this.applied += records
    this.metrics.applied.inc(this.labels, records)
    this.metrics.batchSize.observe(this.labels, records)
    const delayMs = Math.max(0, this.options.clock.now() - appendedAt)
    this.metrics.delay.observe(this.labels, delayMs / 1_000)
    return true
  }

  private async move(partition: Partition, reason: ViewMoved): Promise<void> {
    const { log, topics, logger } = this.options
    logger.warn({ view: this.name, partition, reason: reason.message }, 'the store has moved: reading on from there')
    this.metrics.moved.inc(this.labels)
    const bounds = await this.retry.run('reading the bounds of the log', () => log.bounds(topics.events.name))
    if (bounds === undefined) return
    await this.locate(partition, bounds)
    this.places?.give(partition)
    if (!this.abort.signal.aborted) this.reader?.seek(partition, this.firstOffset(partition))
  }

  /** Tries again what operators asked for (RN19), between two batches: the view gets one call at a time. */
  private async retryLetters(partition: Partition): Promise<void> {
    const { taken, position } = this.states.get(partition)!
    // What was taken in is not applied: the position is not the view's.
    if (taken.records === 0) await this.letters.retry(partition, position, this.abort.signal)
  }

  ready(): boolean {
    return !this.finished && this.reader !== undefined && this.behind() === 0
  }

  private behind(): number {
    let records = 0
    for (const { readUpTo, target } of this.states.values()) records += Math.max(0, target - readUpTo)
    return records
  }

  async caughtUp(): Promise<void> {
    while (!this.ready()) {
      if (this.finished) return this.done.then(() => Promise.reject(new ViewStopped(`${this.name}: it was drained`)))
      await new Promise<void>(resolve => this.waiting.push(resolve))
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  progress(): RunnerProgress {
    let total = 0
    for (const { firstOffset, target } of this.states.values()) total += Math.max(0, target - firstOffset)
    return { applied: this.applied, total, remaining: this.reader === undefined ? total : this.behind() }
  }

  async drain(): Promise<void> {
    // The reader first: once it is closed no batch comes behind one that was given up.
    const closed = this.reader?.close()
    this.abort.abort()
    this.places?.close()
    this.endWait()
    await closed
    await this.letters.close()
    await this.running
    if (this.running === undefined) this.finish()
    await this.view.close()
  }
}
