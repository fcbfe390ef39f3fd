import type { Clock, Millis, Random } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Metrics } from '../infra/metrics.ts'
import type { RecordCodec } from '../schemas/codec.ts'
import type { Event } from '../schemas/event.ts'
import type { Log } from '../topics/log.ts'
import type { Topics } from '../topics/topics.ts'
import { makeRunner, type Runner } from './runner.ts'
import type { View } from './view.ts'

/**
 * What a view that can be built anew beside the live one gives to `rebuild`.
 *
 * The order is begin, then the runner applies the whole log to the view that begin gave, then commit while that
 * runner still goes on, then close. Readers see the old generation until commit and the new one after it.
 */
export interface Rebuildable {
  readonly name: string
  /** Makes an empty generation beside the live one; what an earlier, unfinished rebuild left is thrown away. */
  begin(): Promise<View>
  /**
   * Makes the new generation the live one in one step, once it is at least as far as the live one in every
   * partition (the caller keeps applying meanwhile), then deletes the old one. Rejects when that does not come about
   * within a named time: nothing has changed then, and commit may be called again.
   */
  commit(): Promise<void>
  /** Throws the new generation away; does nothing after commit. */
  abort(): Promise<void>
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
  /** Build from a log that has lost its beginning: what is older is then missing from the view. Default false. */
  allowIncomplete?: boolean
}

/**
 * Builds a view anew from the log beside the live one and switches over. Rejects with RebuildFailed, or with what
 * stopped the runner; the live view is then untouched.
 */
export async function rebuildView(options: RebuildOptions): Promise<void> {
  const { rebuildable, print, clock } = options
  await refuseIncomplete(options)
  const startedAt = clock.monotonic()
  const view = await rebuildable.begin()
  const { log, topics, eventCodec, random, logger, metrics } = options
  const partitions = Array.from({ length: topics.events.partitions }, (_, partition) => partition)
  const runner = makeRunner({ view, log, topics, eventCodec, partitions, clock, random, logger, metrics })
  let committed = false
  try {
    await runner.start()
    await fill(runner, options)
    await commit(runner, options)
    committed = true
  } finally {
    await runner.drain()
    if (!committed) await rebuildable.abort()
  }
  const seconds = (clock.monotonic() - startedAt) / 1_000
  const { applied } = runner.progress()
  print(`${rebuildable.name}: rebuilt from ${applied} events in ${seconds.toFixed(1)} s; the new one is live`)
}

async function refuseIncomplete({ rebuildable, log, topics, allowIncomplete }: RebuildOptions): Promise<void> {
  const bounds = await log.bounds(topics.events.name)
  const lost = [...bounds].filter(([, { start }]) => start > 0).map(([partition]) => partition)
  if (lost.length === 0 || allowIncomplete === true) return
  throw new RebuildFailed(
    `${rebuildable.name}: ${topics.events.name} has lost its beginning in the partitions ${lost.join(', ')}: ` +
      'a view built from it would lack what is older',
  )
}

/** Waits until everything that was in the log at the start is applied. */
async function fill(runner: Runner, { rebuildable, clock, signal, print }: RebuildOptions): Promise<void> {
  const filled = new AbortController()
  const caughtUp = runner.caughtUp().finally(() => filled.abort())
  const report = async () => {
    let before = 0
    while (!filled.signal.aborted && !signal.aborted) {
      await clock.sleep(PROGRESS_EVERY_MS, filled.signal)
      const { applied, total, remaining } = runner.progress()
      const percent = total === 0 ? 100 : Math.floor((100 * (total - remaining)) / total)
      const perSecond = Math.round(((applied - before) * 1_000) / PROGRESS_EVERY_MS)
      before = applied
      if (!filled.signal.aborted) print(`${rebuildable.name}: ${percent} %, ${applied} events, ${perSecond}/s`)
    }
  }
  await Promise.race([caughtUp, aborted(signal), Promise.all([report(), caughtUp])])
}

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

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => reject(new RebuildFailed('given up'))
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
  })
}
