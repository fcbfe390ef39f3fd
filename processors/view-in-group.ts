import type { Clock, Millis } from '../infra/clock.ts'
import type { Logger } from '../infra/logger.ts'
import type { Service } from '../infra/service.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Membership, Ownership } from '../topics/ownership.ts'
import type { Runner } from './runner.ts'

/**
 * A view whose processes share the partitions: a runner for those that this one has, and another one when they change.
 *
 * A runner that is drained finishes the batch at hand and its position; the next one goes on from the stored
 * positions. So a change of owners holds the view of this process up for as long as that takes, and a partition that
 * stays is read on from where it was. Two processes that believe in the same partition write the same twice, which
 * changes nothing (HI2, ME5, AR4).
 */

/** Longest time that a runner may take to let its partitions go. */
export const RELEASE_MS_MAX: Millis = 5_000

export interface ViewInGroupOptions {
  name: string
  ownership: Ownership
  /** A runner of the view, on a store of its own, for these partitions. */
  makeRunner(partitions: readonly Partition[]): Runner
  clock: Clock
  logger: Logger
}

/** The service of a view. With fixed partitions it is one runner for good. */
export function makeViewInGroup(options: ViewInGroupOptions): Service {
  return new ViewInGroup(options)
}

class ViewInGroup implements Service {
  readonly name: string
  readonly done: Promise<void>
  private readonly options: ViewInGroupOptions
  private membership: Membership | undefined
  private wanted: readonly Partition[] | undefined
  private held: readonly Partition[] = []
  private runner: Runner | undefined
  private work: Promise<void> = Promise.resolve()
  private draining: Promise<void> | undefined
  private settle!: { resolve: () => void; reject: (error: unknown) => void }

  constructor(options: ViewInGroupOptions) {
    this.options = options
    this.name = options.name
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  async start(): Promise<void> {
    this.membership = this.options.ownership.join({
      owned: () => this.held,
      assigned: partitions => {
        if (this.draining !== undefined) return
        this.wanted = partitions
        this.work = this.work.then(() => this.follow()).catch(error => this.settle.reject(error))
      },
    })
    await this.work
  }

  ready(): boolean {
    if (this.wanted === undefined || this.draining !== undefined || !isSame(this.wanted, this.held)) return false
    return this.held.length === 0 || (this.runner?.ready() ?? false)
  }

  drain(): Promise<void> {
    this.draining ??= this.drainNow()
    return this.draining
  }

  private async drainNow(): Promise<void> {
    await this.work
    await this.runner?.drain()
    this.held = []
    await this.membership?.leave()
    this.settle.resolve()
  }

  /** Brings the runner to what is wanted last. */
  private async follow(): Promise<void> {
    const wanted = this.wanted ?? []
    if (this.draining !== undefined || isSame(wanted, this.held)) return
    await this.letGo()
    const isLess = this.held.some(partition => !wanted.includes(partition))
    this.held = wanted
    if (isLess) this.membership?.released()
    if (wanted.length === 0) return
    const runner = this.options.makeRunner(wanted)
    this.runner = runner
    runner.done.catch(error => this.settle.reject(error))
    await runner.start()
  }

  private async letGo(): Promise<void> {
    const { clock, logger, name } = this.options
    const { runner } = this
    this.runner = undefined
    if (runner === undefined) return
    const limit = new AbortController()
    const late = clock.sleep(RELEASE_MS_MAX, limit.signal).then(() => {
      if (!limit.signal.aborted) logger.error({ view: name }, 'partitions did not drain in time: they are let go')
    })
    await Promise.race([runner.drain(), late])
    limit.abort()
  }
}

/** Both are ascending. */
function isSame(one: readonly Partition[], other: readonly Partition[]): boolean {
  return one.length === other.length && one.every((partition, index) => partition === other[index])
}
