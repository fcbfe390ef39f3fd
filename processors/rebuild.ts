import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { RecordCodec } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { Log, PartitionBounds } from '../topics/log.ts'
import type { Topics } from '../topics/topics.ts'
import { fillOlder, type OlderEvents } from './older-events.ts'
import { type Gather, makeRunner, type Runner } from './runner.ts'
import type { View } from './view.ts'

/**
 * What a view that can be built anew beside the live one gives to `rebuild`.
 *
 * The order is begin, then the runner applies the whole log to the view that begin gave, then commit while that
 * runner still goes on, then close. Readers see the old generation until commit and the new one after it.
 */
export interface Rebuildable {
  readonly name: string
  /** How much the view takes at once; left out where it gathers itself. */
  readonly gather?: Gather
  /**
   * Makes an empty generation beside the live one; what an earlier, unfinished rebuild left is thrown away, or with
   * `resume` gone on with, where there is any.
   */
  begin(options?: { resume?: boolean }): Promise<View>
  /**
   * For the archive, which has the older events itself: takes its own rows of a partition below `start`, before the view
   * is asked for its position. Other views are given events by `fillOlder`.
   */
  copyOlder?(place: { partition: Partition; start: Offset; signal: AbortSignal }): Promise<void>
  /**
   * Makes the new generation the live one in one step, once it is at least as far as the live one in every
   * partition (the caller keeps applying meanwhile), then deletes the old one. Rejects when that does not come about
   * within a named time: nothing has changed then, and commit may be called again.
   */
  commit(): Promise<void>
  /** Throws away what a rebuild, this one or one that died, has built and not made live; false where there was none. */
  abort(): Promise<boolean>
}

/** How often commit is tried before the rebuild gives up. */
export const COMMIT_TRIES_MAX = 5
const PROGRESS_EVERY_MS: Millis = 1_000

/** The rebuild was not finished; the live view is as it was. */
export class RebuildFailed extends Error {
  override readonly name = 'RebuildFailed'
}

export interface RebuildOptions {
  rebuildable: Rebuildable
  log: Log
  topics: Topics
  eventCodec: RecordCodec<Event>
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
  /** Gives the rebuild up; the live view stays. */
  signal: AbortSignal
  /** Gets a line now and then. */
  print: (line: string) => void
  /** What the log no longer holds. Without it a log that has lost its beginning is refused. */
  older?: OlderEvents
  /** Goes on with what an earlier rebuild has left. Default false. */
  resume?: boolean
  /** Build from a log that has lost its beginning: what is older is then missing from the view. Default false. */
  allowIncomplete?: boolean
}

/**
 * Builds a view anew from the log beside the live one, and from the archive where the log has lost its beginning, and
 * switches over. Rejects with RebuildFailed, OlderEventsMissing, or with what stopped the runner; the live view is then
 * untouched, and what was built stays, to be resumed or thrown away by the next rebuild.
 */
export async function rebuildView(options: RebuildOptions): Promise<void> {
  const { rebuildable, print, clock } = options
  const bounds = await boundsOf(options)
  const startedAt = clock.monotonic()
  const view = await rebuildable.begin({ resume: options.resume === true })
  const filled = await fillView(view, {
    ...options,
    name: rebuildable.name,
    copyOlder: rebuildable.copyOlder?.bind(rebuildable),
    bounds,
    gather: rebuildable.gather,
  })
  try {
    await commit(filled.runner, options)
  } finally {
    await filled.runner.drain()
  }
  const seconds = (clock.monotonic() - startedAt) / 1_000
  print(`${rebuildable.name}: rebuilt from ${filled.events()} events in ${seconds.toFixed(1)} s; the new one is live`)
}

/** The bounds of the log. Rejects where its beginning is lost and nothing else has it. */
async function boundsOf(options: RebuildOptions): Promise<ReadonlyMap<Partition, PartitionBounds>> {
  const { rebuildable, log, topics, allowIncomplete, older } = options
  const bounds = await log.bounds(topics.events.name)
  const lost = [...bounds].filter(([, { start }]) => start > 0).map(([partition]) => partition)
  if (lost.length === 0 || allowIncomplete === true || older !== undefined) return bounds
  throw new RebuildFailed(
    `${rebuildable.name}: ${topics.events.name} has lost its beginning in the partitions ${lost.join(', ')}: ` +
      'a view built from it would lack what is older',
  )
}

export interface FillOptions extends Omit<RebuildOptions, 'rebuildable' | 'resume' | 'allowIncomplete'> {
  name: string
  bounds: ReadonlyMap<Partition, PartitionBounds>
  copyOlder?: Rebuildable['copyOlder']
  gather?: Gather | undefined
}

/**
 * Gives a view everything that it lacks up to the ends that the log had at the start; its runner goes on until it is
 * drained. Rejects with RebuildFailed when the signal says so.
 */
export async function fillView(view: View, options: FillOptions): Promise<{ runner: Runner; events(): number }> {
  const { log, topics, eventCodec, clock, random, logger, metrics, bounds, signal, gather } = options
  const bar = new ProgressBar(options)
  const partitions = [...bounds.keys()]
  try {
    await fillAllOlder(view, options, bar)
  } catch (error) {
    bar.end()
    await view.close()
    throw error
  }
  const runner = makeRunner({ view, log, topics, eventCodec, partitions, clock, random, logger, metrics, gather })
  try {
    await runner.start()
    const caughtUp = runner.caughtUp()
    bar.follow(runner)
    await Promise.race([caughtUp, aborted(signal, options.name)])
  } catch (error) {
    await runner.drain()
    throw error
  } finally {
    bar.end()
  }
  return { runner, events: () => bar.older + runner.progress().applied }
}

/** Partitions side by side: each waits for a store or the archive most of the time. */
async function fillAllOlder(view: View, options: FillOptions, bar: ProgressBar): Promise<void> {
  const { older, log, topics, eventCodec: codec, bounds, signal, name, copyOlder } = options
  if (older === undefined) return
  const lost = [...bounds].filter(([, { start }]) => start > 0)
  await Promise.all(
    lost.map(async ([partition, { start }]) => {
      await copyOlder?.({ partition, start, signal })
      const before = (await view.position(partition))?.offset ?? -1
      bar.expect(partition, start - 1 - before)
      const onTaken = ({ offset, events }: { offset: Offset; events: number }) => {
        bar.took(partition, { left: Math.max(0, start - 1 - offset), events })
      }
      await fillOlder({ partition, start, view, older, log, topic: topics.events.name, codec, signal, onTaken })
    }),
  )
  if (signal.aborted) throw new RebuildFailed(`${name}: given up`)
}

/** Prints how far it is: of all offsets that are to be passed, by the archive or the log. */
class ProgressBar {
  older = 0
  private readonly options: FillOptions
  private readonly left = new Map<Partition, number>()
  private runner: Runner | undefined
  private total = 0
  private readonly over = new AbortController()

  constructor(options: FillOptions) {
    this.options = options
    for (const { start, end } of options.bounds.values()) this.total += end - start
    void this.report()
  }

  expect(partition: Partition, offsets: number): void {
    this.left.set(partition, Math.max(0, offsets))
    this.total += Math.max(0, offsets)
  }

  took(partition: Partition, { left, events }: { left: number; events: number }): void {
    this.left.set(partition, left)
    this.older += events
  }

  follow(runner: Runner): void {
    this.runner = runner
  }

  end(): void {
    this.over.abort()
  }

  private remaining(): number {
    let offsets = [...this.left.values()].reduce((sum, left) => sum + left, 0)
    if (this.runner !== undefined) return offsets + this.runner.progress().remaining
    for (const { start, end } of this.options.bounds.values()) offsets += end - start
    return offsets
  }

  private async report(): Promise<void> {
    const { clock, name, print } = this.options
    let before = { events: 0, remaining: this.total }
    while (!this.over.signal.aborted) {
      await clock.sleep(PROGRESS_EVERY_MS, this.over.signal)
      if (this.over.signal.aborted) return
      const now = { events: this.older + (this.runner?.progress().applied ?? 0), remaining: this.remaining() }
      print(`${name}: ${progressLine({ ...now, total: this.total, before })}`)
      before = now
    }
  }
}

/** `[#####.....] 50 %, 1000 events, 500/s, 2 s left`; what is left goes by the last second. */
export function progressLine(state: {
  total: number
  remaining: number
  events: number
  before: { events: number; remaining: number }
}): string {
  const { total, remaining, events, before } = state
  const share = total === 0 ? 1 : Math.max(0, total - remaining) / total
  const filled = Math.floor(share * BAR_CHARS)
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_CHARS - filled)
  const perSecond = (events - before.events) / (PROGRESS_EVERY_MS / 1_000)
  const passed = (before.remaining - remaining) / (PROGRESS_EVERY_MS / 1_000)
  const left = passed <= 0 ? '' : `, ${Math.ceil(remaining / passed)} s left`
  return `[${bar}] ${Math.floor(share * 100)} %, ${events} events, ${Math.round(perSecond)}/s${left}`
}

const BAR_CHARS = 20

/** Switches over while the runner keeps up with the log. */
async function commit(runner: Runner, { rebuildable, signal, logger }: RebuildOptions): Promise<void> {
  let stopped: { reason: unknown } | undefined
  runner.done.catch(reason => {
    stopped = { reason }
  })
  for (let tries = 1; ; tries++) {
    if (signal.aborted) throw new RebuildFailed(`${rebuildable.name}: given up`)
    try {
      await rebuildable.commit()
      return
    } catch (error) {
      if (stopped !== undefined) throw stopped.reason
      if (tries === COMMIT_TRIES_MAX) {
        throw new RebuildFailed(`${rebuildable.name}: the new view does not become live`, { cause: error })
      }
      logger.warn({ err: error, view: rebuildable.name, tries }, 'the switch failed and is tried again')
    }
  }
}

function aborted(signal: AbortSignal, name: string): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => reject(new RebuildFailed(`${name}: given up`))
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
  })
}
