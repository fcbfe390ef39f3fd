import type { BuildShare } from '../../infra/redis/generations.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { PartitionBounds } from '../../topics/log.ts'
import type { Gather } from '../runner.ts'
import type { View } from '../view.ts'
import { Filling, type FillOptions, RebuildFailed } from './filling.ts'
import { type FillProgress, ProgressBar, sumOf } from './progress-bar.ts'

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
   * What others have to know to build some of the partitions at the same time, one share for each of them; after `begin`.
   * Left out where one builds alone.
   */
  shares?(): readonly BuildShare[]
  /** A part in what another thread has begun. */
  join?(share: BuildShare): BuildPart
  /**
   * For the archive, which has the older events itself: takes its own rows of a partition below `start`, before the view
   * is asked for its position. Other views are given events by `fillOlder`.
   */
  copyOlder?(place: { partition: Partition; start: Offset; signal: AbortSignal }): Promise<void>
  /**
   * Makes the new generation the live one in one step, once it is at least as far as the live one in every
   * partition (the caller keeps applying meanwhile). Rejects when that does not come about within a named time: nothing
   * has changed then, and commit may be called again.
   */
  commit(): Promise<void>
  /** Deletes the old generation behind commit. Left out where commit does. */
  tidy?(): Promise<void>
  /** Throws away what a rebuild, this one or one that died, has built and not made live; false where there was none. */
  abort(): Promise<boolean>
}

/** One of those who fill what is being built; each has partitions of its own. */
export interface BuildPart {
  view: View
  /** What is built may become the live one from now on. */
  committing(): void
}

/** Somebody else who fills a part: a thread (commands/rebuild-helpers.ts). Its calls reject with what stopped it. */
export interface Helper {
  /** As Filling says it. */
  caughtUp(): Promise<void>
  stopped(): Promise<void>
  progress(): FillProgress
  committing(): Promise<void>
  /** Ends it, whatever state it is in. */
  drain(): Promise<void>
}

/** How often commit is tried before the rebuild gives up. */
export const COMMIT_TRIES_MAX = 5

export interface RebuildOptions extends Omit<FillOptions, 'name' | 'bounds' | 'copyOlder' | 'gather'> {
  rebuildable: Rebuildable
  /** Gets a line now and then. */
  print: (line: string) => void
  /** Goes on with what an earlier rebuild has left. Default false. */
  resume?: boolean
  /** Build from a log that has lost its beginning: what is older is then missing from the view. Default false. */
  allowIncomplete?: boolean
  /** Others who build a part of the partitions each, where the view knows how. Default: none. */
  helpers?: {
    max: number
    start(share: BuildShare, partitions: readonly Partition[]): Helper
  }
}

export interface Rebuilt {
  events: number
  /** From the beginning until the new view was live. */
  seconds: number
}

/**
 * Builds a view anew from the log beside the live one, and from the archive where the log has lost its beginning, and
 * switches over. Rejects with RebuildFailed, OlderEventsMissing, or with what stopped the runner; the live view is then
 * untouched, and what was built stays, to be resumed or thrown away by the next rebuild.
 */
export async function rebuildView(options: RebuildOptions): Promise<Rebuilt> {
  const { rebuildable, print, clock, logger } = options
  const { name, gather, copyOlder } = rebuildable
  const bounds = await boundsOf(options)
  const startedAt = clock.monotonic()
  const view = await rebuildable.begin({ resume: options.resume === true })
  const shares = rebuildable.shares?.().slice(0, options.helpers?.max ?? 0) ?? []
  const [own, ...others] = split([...bounds], shares.length + 1)
  const filling = new Filling(view, {
    ...options,
    name,
    gather,
    copyOlder: copyOlder?.bind(rebuildable),
    bounds: new Map(own),
  })
  const helpers = others.map((part, i) =>
    options.helpers!.start(
      shares[i]!,
      part.map(([partition]) => partition),
    ),
  )
  const builders = [filling, ...helpers]
  const progress = () => sumOf(builders.map(builder => builder.progress()))
  const rebuilt: Rebuilt = { events: 0, seconds: 0 }
  const bar = new ProgressBar({ name, clock, print, progress })
  try {
    try {
      await Promise.all(builders.map(builder => builder.caughtUp()))
    } finally {
      bar.end()
    }
    await commit(builders, helpers, options)
    rebuilt.seconds = (clock.monotonic() - startedAt) / 1_000
  } finally {
    await Promise.all(builders.map(builder => builder.drain()))
  }
  rebuilt.events = progress().events
  print(`${name}: rebuilt from ${rebuilt.events} events in ${rebuilt.seconds.toFixed(1)} s; the new one is live`)
  // The next rebuild tries again.
  await rebuildable.tidy?.().catch(error => logger.warn({ err: error, view: name }, 'the old view was not deleted'))
  return rebuilt
}

/** Deals out in turn; at most as many parts as there are items, and one at least. */
function split<T>(items: readonly T[], parts: number): T[][] {
  const count = Math.max(1, Math.min(parts, items.length))
  return Array.from({ length: count }, (_, part) => items.filter((_, index) => index % count === part))
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

/** Switches over while all who build keep up with the log. */
async function commit(
  builders: readonly Pick<Helper, 'stopped'>[],
  helpers: readonly Helper[],
  { rebuildable, signal, logger }: RebuildOptions,
): Promise<void> {
  let stopped: { reason: unknown } | undefined
  for (const builder of builders) {
    builder.stopped().catch(reason => {
      stopped ??= { reason }
    })
  }
  await Promise.all(helpers.map(helper => helper.committing()))
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
