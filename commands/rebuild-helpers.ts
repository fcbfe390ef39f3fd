import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Millis, systemClock } from '../infra/clock.ts'
import type { BuildShare } from '../infra/redis/generations.ts'
import { type FillProgress, NO_PROGRESS } from '../processors/rebuild/progress-bar.ts'
import type { Helper } from '../processors/rebuild/rebuild.ts'
import type { Partition } from '../schemas/ids.ts'
import type { ViewName } from './rebuild.ts'

/**
 * Threads that fill a part of the partitions of a view that is built anew: what is built is decoded, projected and encoded
 * in JavaScript, and one thread has more to do with that than Redis with the rest.
 */

/** What a thread is told when it begins; it connects at once. */
export interface HelperOrder {
  env: NodeJS.ProcessEnv
  view: ViewName
  /** From 1 on. */
  number: number
}

/** What it is told later. */
export type HelperCommand =
  | { kind: 'Fill'; share: BuildShare; partitions: readonly Partition[] }
  | { kind: 'Committing' | 'Drain' }

/** What it says. */
export type HelperNews =
  | { kind: 'Progress'; progress: FillProgress }
  | { kind: 'CaughtUp' | 'Committing' | 'Drained' }
  | { kind: 'Stopped'; message: string }

/** A thread that does not end by itself within this time is ended. */
const DRAIN_MS_MAX: Millis = 10_000

/** Begins threads that wait for what they are to fill. */
export function startHelpers(count: number, order: Omit<HelperOrder, 'number'>) {
  const waiting = Array.from({ length: count }, (_, index) => new HelperThread({ ...order, number: index + 1 }))
  return {
    max: count,
    start: (share: BuildShare, partitions: readonly Partition[]): Helper => {
      const helper = waiting.shift()!
      helper.fill(share, partitions)
      return helper
    },
    /** Ends those that were given nothing to do. */
    close: async () => {
      await Promise.all(waiting.splice(0).map(helper => helper.drain()))
    },
  }
}

class HelperThread implements Helper {
  private readonly worker: Worker
  private readonly ended: Promise<void>
  private readonly sayings = { CaughtUp: new Saying(), Committing: new Saying(), Drained: new Saying() }
  private readonly failure = new Saying()
  private latest = NO_PROGRESS

  constructor(order: HelperOrder) {
    const file = new URL(`./rebuild-helper-thread${extname(import.meta.url)}`, import.meta.url)
    this.worker = new Worker(file, { workerData: order })
    this.worker.on('message', (news: HelperNews) => this.hear(news))
    this.worker.once('error', error => this.fail(error))
    this.ended = new Promise(resolve => this.worker.once('exit', () => resolve()))
    void this.ended.then(() => {
      this.sayings.Drained.say()
      this.fail(new Error('a thread of the rebuild has ended'))
    })
  }

  fill(share: BuildShare, partitions: readonly Partition[]): void {
    this.tell({ kind: 'Fill', share, partitions })
  }

  caughtUp(): Promise<void> {
    return this.sayings.CaughtUp.said
  }

  stopped(): Promise<void> {
    return this.failure.said
  }

  progress(): FillProgress {
    return this.latest
  }

  committing(): Promise<void> {
    this.tell({ kind: 'Committing' })
    return this.sayings.Committing.said
  }

  /** Resolves when it writes no more; it lets go of what it holds by itself. */
  async drain(): Promise<void> {
    this.tell({ kind: 'Drain' })
    void this.ended.then(systemClock.schedule(DRAIN_MS_MAX, () => void this.worker.terminate()))
    await this.sayings.Drained.said
  }

  private tell(command: HelperCommand): void {
    this.worker.postMessage(command)
  }

  private hear(news: HelperNews): void {
    if (news.kind === 'Progress') this.latest = news.progress
    else if (news.kind === 'Stopped') this.fail(new Error(`a thread of the rebuild has stopped: ${news.message}`))
    else this.sayings[news.kind].say()
  }

  private fail(error: Error): void {
    for (const saying of [this.sayings.CaughtUp, this.sayings.Committing, this.failure]) saying.fail(error)
  }
}

/** Something that a thread says once; nobody has to wait for it. */
class Saying {
  readonly said: Promise<void>
  say!: () => void
  fail!: (error: Error) => void

  constructor() {
    this.said = new Promise((resolve, reject) => {
      this.say = resolve
      this.fail = reject
    })
    this.said.catch(() => {})
  }
}
