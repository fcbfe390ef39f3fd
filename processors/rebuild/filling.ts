import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import { aborted } from '../../infra/service.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log, PartitionBounds } from '../../topics/log.ts'
import type { Topics } from '../../topics/topics.ts'
import { type Gather, makeRunner, type Runner } from '../runner.ts'
import type { View } from '../view.ts'
import { fillOlder, type OlderEvents } from './older-events.ts'
import type { FillProgress } from './progress-bar.ts'

/** The rebuild was not finished; the live view is as it was. */
export class RebuildFailed extends Error {
  override readonly name = 'RebuildFailed'
}

export interface FillOptions {
  /** Of the view. */
  name: string
  log: Log
  topics: Topics
  eventCodec: RecordCodec<Event>
  clock: Clock
  random: Random
  logger: Logger
  metrics: Metrics
  /** Of the partitions that are filled, as of the start. */
  bounds: ReadonlyMap<Partition, PartitionBounds>
  /** Gives it up. */
  signal: AbortSignal
  /** What the log no longer holds. */
  older?: OlderEvents | undefined
  /** For a view that has the older events itself, see Rebuildable. */
  copyOlder?: ((place: { partition: Partition; start: Offset; signal: AbortSignal }) => Promise<void>) | undefined
  gather?: Gather | undefined
}

/** Gives a view everything that it lacks of some partitions: what is older from the archive, then what the log has. */
export class Filling {
  private readonly view: View
  private readonly options: FillOptions
  private readonly leftOlder = new Map<Partition, number>()
  private olderEvents = 0
  /** Offsets that are to be passed, in the archive and in the log. */
  private lackingOlder = 0
  private readonly inLog: number
  private runner: Runner | undefined

  constructor(view: View, options: FillOptions) {
    this.view = view
    this.options = options
    this.inLog = [...options.bounds.values()].reduce((sum, { start, end }) => sum + end - start, 0)
  }

  /**
   * Resolves at the ends that the log had at the start; it goes on until it is drained. Rejects with RebuildFailed when the
   * signal says so, with OlderEventsMissing, or with what stopped the runner.
   */
  async caughtUp(): Promise<void> {
    const { bounds, signal, name } = this.options
    await this.fillAllOlder()
    const runner = makeRunner({ ...this.options, view: this.view, partitions: [...bounds.keys()] })
    this.runner = runner
    await runner.start()
    const givenUp = aborted(signal).then(() => {
      throw new RebuildFailed(`${name}: given up`)
    })
    await Promise.race([runner.caughtUp(), givenUp])
  }

  /** Rejects with what stopped it behind the ends; resolves once it is drained. */
  async stopped(): Promise<void> {
    await this.runner?.done
  }

  progress(): FillProgress {
    const { applied, remaining } = this.runner?.progress() ?? { applied: 0, remaining: this.inLog }
    const leftOlder = [...this.leftOlder.values()].reduce((sum, left) => sum + left, 0)
    return {
      events: this.olderEvents + applied,
      total: this.inLog + this.lackingOlder,
      remaining: leftOlder + remaining,
    }
  }

  /** Ends it, and closes the view. */
  async drain(): Promise<void> {
    if (this.runner === undefined) await this.view.close()
    else await this.runner.drain()
  }

  /** Partitions side by side: each waits for a store or the archive most of the time. */
  private async fillAllOlder(): Promise<void> {
    const { older, bounds, signal, name } = this.options
    if (older === undefined) return
    const lost = [...bounds].filter(([, { start }]) => start > 0)
    await Promise.all(lost.map(([partition, { start }]) => this.fillOlder(older, partition, start)))
    if (signal.aborted) throw new RebuildFailed(`${name}: given up`)
  }

  private async fillOlder(older: OlderEvents, partition: Partition, start: Offset): Promise<void> {
    const { log, topics, eventCodec: codec, signal, copyOlder } = this.options
    const { view } = this
    await copyOlder?.({ partition, start, signal })
    const before = (await view.position(partition))?.offset ?? -1
    const lacking = Math.max(0, start - 1 - before)
    this.lackingOlder += lacking
    this.leftOlder.set(partition, lacking)
    const onTaken = ({ offset, events }: { offset: Offset; events: number }) => {
      this.leftOlder.set(partition, Math.max(0, start - 1 - offset))
      this.olderEvents += events
    }
    await fillOlder({ partition, start, view, older, log, topic: topics.events.name, codec, signal, onTaken })
  }
}
