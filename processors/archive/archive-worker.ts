import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'

export interface ArchiveWorkerOptions {
  name: string
  /** Its own connection: closed when the worker has drained. */
  clickhouse: ClickHouse
  clock: Clock
  logger: Logger
  /** Pause between two steps, ms. */
  pauseMs: Millis
  /** For the log, where a step fails; it is done again after the pause. */
  failure: string
  /** What is done again and again. It ends early where the signal is aborted. */
  step(signal: AbortSignal): Promise<void>
}

/** Does the same beside the archive's view again and again, until it drains. */
export class ArchiveWorker implements Service {
  readonly name: string
  readonly done: Promise<void>
  private readonly options: ArchiveWorkerOptions
  private readonly stopping = new AbortController()
  private running: Promise<void> | undefined
  private settle: () => void = () => {}

  constructor(options: ArchiveWorkerOptions) {
    this.name = options.name
    this.options = options
    this.done = new Promise(resolve => {
      this.settle = resolve
    })
  }

  async start(): Promise<void> {
    this.running = this.run()
  }

  ready(): boolean {
    return true
  }

  async drain(): Promise<void> {
    this.stopping.abort()
    await this.running
    await this.options.clickhouse.close()
    this.settle()
  }

  private async run(): Promise<void> {
    const { clock, logger, pauseMs, failure, step } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        await step(signal)
      } catch (error) {
        logger.warn({ err: error }, failure)
      }
      await clock.sleep(pauseMs, signal)
    }
  }
}
