import type { Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import { isStill, NOTHING_SEEN, type Seen } from './facts.ts'
import { Performer, type PerformerOptions } from './performer.ts'
import { receiverOf } from './plan.ts'
import type { Waiting } from './push-store.ts'

/**
 * Does the jobs of its partitions as they fall due.
 *
 * A large group is planned page by page; after each page its job goes behind the others that are due, so that nobody
 * waits for it, and memory holds one page. A job that fails (a store is away) stays and is tried again; a job whose
 * event is too old is dropped: a phone that rings for what is long past helps nobody.
 */

export interface WorkerOptions extends PerformerOptions {
  partitions: readonly Partition[]
  logger: Logger
}

/** Jobs that are under way together, per partition. */
export const JOBS_MAX = 64
/** Jobs that are looked at together, per partition: most of them are for nobody who has a device. */
export const DUE_MAX = 512
/** How often it is looked for jobs that are due, and whether a view that was behind has caught up. */
export const POLL_MS: Millis = 100
const FAILURE_MS: Millis = 1_000

export class PushWorker {
  private readonly options: WorkerOptions
  private readonly performer: Performer
  private readonly abort = new AbortController()
  private loops: Promise<void>[] = []
  /** Jobs that are under way, by partition: a vendor that does not answer holds up its own jobs only. */
  private readonly underWay = new Map<Partition, Map<string, Promise<void>>>()

  constructor(options: WorkerOptions) {
    this.options = options
    this.performer = new Performer(options)
  }

  start(): void {
    this.loops = this.options.partitions.map(partition => this.run(partition))
  }

  /** Resolves when no job is under way. */
  async drain(): Promise<void> {
    this.abort.abort()
    await Promise.all(this.loops)
    await Promise.all([...this.underWay.values()].flatMap(jobs => [...jobs.values()]))
  }

  private async run(partition: Partition): Promise<void> {
    const { clock, store, logger, metrics } = this.options
    const { signal } = this.abort
    while (!signal.aborted) {
      try {
        if (await this.begin(partition)) continue
        metrics.waiting.set({ partition: String(partition) }, await store.waiting(partition))
        await clock.sleep(POLL_MS, signal)
      } catch (error) {
        logger.error({ err: error, partition }, 'push cannot go on for now')
        await clock.sleep(FAILURE_MS, signal)
      }
    }
  }

  /** Begins what is due and not under way, as far as there is room; false where there is nothing to begin. */
  private async begin(partition: Partition): Promise<boolean> {
    const jobs = this.underWay.get(partition) ?? new Map<string, Promise<void>>()
    this.underWay.set(partition, jobs)
    if (jobs.size >= JOBS_MAX) return false
    // As it is now: a job that ends while it is looked for what is due stands there still, and is not to be done again.
    const underWay = new Set(jobs.keys())
    const { dismissed, wanted, seen } = await this.take(partition, id => underWay.has(id))
    const fresh = wanted.slice(0, JOBS_MAX - jobs.size)
    for (const waiting of fresh) {
      const work = this.perform(partition, waiting, seen)
        .catch(error => this.options.logger.error({ err: error, partition }, 'a push job could not be put back'))
        .finally(() => jobs.delete(waiting.id))
      jobs.set(waiting.id, work)
    }
    return dismissed + fresh.length > 0
  }

  /** Takes up what is due and waits for it; false where nothing is. */
  async step(partition: Partition): Promise<boolean> {
    const { dismissed, wanted, seen } = await this.take(partition)
    await Promise.all(wanted.map(job => this.perform(partition, job, seen)))
    return dismissed + wanted.length > 0
  }

  /**
   * What is due and can be judged: what the views have not seen yet stays due. Messages to one user who has no device
   * are dismissed here, all together: where nobody has a phone a message costs a look at its receiver and no more.
   */
  private async take(
    partition: Partition,
    isUnderWay: (id: string) => boolean = () => false,
  ): Promise<{ dismissed: number; wanted: Waiting[]; seen: Seen }> {
    const { store, facts, clock, metrics } = this.options
    const due = await store.due({ partition, now: clock.now(), limit: DUE_MAX })
    if (due.length === 0) return { dismissed: 0, wanted: [], seen: NOTHING_SEEN }
    const seen = await facts.seen(partition)
    const ready = due.filter(
      ({ id, job }) => !isUnderWay(id) && (job.event.offset <= seen.offset || this.performer.isTooOld(job)),
    )
    const idle = await this.withoutDevice(ready)
    if (idle.size > 0) {
      if (!isStill(seen, seen.offset, await facts.seen(partition))) return { dismissed: 0, wanted: [], seen }
      metrics.planned.inc({ verdict: 'noDevice' }, idle.size)
      await store.settle({ partition, done: [...idle], add: [] })
    }
    return { dismissed: idle.size, wanted: ready.filter(({ id }) => !idle.has(id)), seen }
  }

  /** The jobs of messages to one user who has no device. */
  private async withoutDevice(jobs: readonly Waiting[]): Promise<ReadonlySet<string>> {
    const receivers = new Map(
      jobs.flatMap(({ id, job }): [string, UserId][] => {
        const receiver = job.kind === 'message' && job.stage === 1 ? receiverOf(job.event) : undefined
        return receiver === undefined ? [] : [[id, receiver]]
      }),
    )
    const userIds = [...new Set(receivers.values())]
    const devices = await this.options.facts.devices(userIds)
    const without = new Set(userIds.filter((_, i) => devices[i]!.length === 0))
    return new Set([...receivers].filter(([, userId]) => without.has(userId)).map(([id]) => id))
  }

  private async perform(partition: Partition, { id, job }: Waiting, seen: Seen): Promise<void> {
    const { store, clock, logger, metrics } = this.options
    try {
      const { isDone, add } = await this.performer.perform({ partition, id, seen }, job)
      await store.settle({ partition, done: isDone ? [id] : [], add })
    } catch (error) {
      metrics.failures.inc()
      logger.error({ err: error, partition, job: id }, 'a push job failed and is tried again')
      await store.settle({ partition, done: [], add: [{ id, dueAt: clock.now() + FAILURE_MS, job }] })
    }
  }
}
