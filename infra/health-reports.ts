import type { Clock, Millis } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Figure, Metrics } from './metrics.ts'
import type { Service } from './service.ts'

/**
 * How the processes of an installation are, where everybody can look: each says so now and then, and forgets itself
 * when it ends. Whoever is silent for SILENT_MS has died or is cut off. Nothing depends on it.
 */

export const REPORT_MS: Millis = 3_000
export const SILENT_MS: Millis = 5 * REPORT_MS
/** A process that was silent for so long is not coming back under its name. */
export const FORGOTTEN_MS: Millis = 900_000

/** How far behind its input something is, in records of one partition. */
export interface Lag {
  /** `sequencer`, `gateway`, or the name of a view. */
  stage: string
  partition: number
  records: number
}

export interface HealthReport {
  /** Unique in the installation: roles and node. */
  process: string
  roles: string[]
  at: Millis
  startedAt: Millis
  /** Services that do not serve yet; empty: all do. */
  waiting: string[]
  /** Stages that stand still until an operator has looked at them. */
  stopped: string[]
  lags: Lag[]
  /** Open WebSocket connections; of gateways. */
  connections?: number
  memoryBytes: number
}

/** The last comparison of the views with the log. */
export interface VerifyReport {
  at: Millis
  sessions: number
  events: number
  messages: number
  users: number
  differences: number
}

export interface HealthReports {
  put(report: HealthReport): Promise<void>
  drop(process: string): Promise<void>
  /** All of whom something was heard within FORGOTTEN_MS before `now`, by name. */
  all(now: Millis): Promise<HealthReport[]>
  putVerify(report: VerifyReport): Promise<void>
  lastVerify(): Promise<VerifyReport | undefined>
}

/** What the metrics of a process say of its health. Pure. */
export function healthOf(
  figures: readonly Figure[],
): Pick<HealthReport, 'stopped' | 'lags' | 'connections' | 'memoryBytes'> {
  const named = (name: string) => figures.filter(figure => figure.name === `packlog_${name}`)
  const owned = new Set(
    named('sequencer_owned').flatMap(({ labels, value }) => (value === 1 ? [labels.partition] : [])),
  )
  const lagOf = (stage: string, { labels, value }: Figure): Lag => ({
    stage,
    partition: Number(labels.partition),
    records: value,
  })
  const lags = [
    ...named('sequencer_lag_packs')
      .filter(({ labels }) => owned.has(labels.partition))
      .map(figure => lagOf('sequencer', figure)),
    ...named('view_lag_records').map(figure => lagOf(String(figure.labels.view), figure)),
  ]
  const stopped = [
    ...named('view_stopped').flatMap(({ labels, value }) => (value === 1 ? [String(labels.view)] : [])),
    ...named('sequencer_stopped').flatMap(({ labels, value }) =>
      value === 1 ? [`sequencer ${labels.partition}`] : [],
    ),
  ]
  const connections = named('gateway_connections')[0]?.value
  return {
    stopped,
    lags: lags.sort((a, b) => (a.stage < b.stage ? -1 : a.stage > b.stage ? 1 : a.partition - b.partition)),
    ...(connections === undefined ? {} : { connections }),
    memoryBytes: figures.find(({ name }) => name === 'process_resident_memory_bytes')?.value ?? 0,
  }
}

/** Reports how this process is, every REPORT_MS while it runs. */
export class HealthReporter implements Service {
  readonly name = 'health-reporter'
  readonly done: Promise<void>
  private settle: () => void = () => {}
  private readonly options: {
    process: string
    roles: readonly string[]
    services: readonly Service[]
    metrics: Metrics
    reports: HealthReports
    clock: Clock
    logger: Logger
  }
  private readonly startedAt: Millis
  private cancel: (() => void) | undefined
  private isDrained = false
  private hasFailed = false

  constructor(options: HealthReporter['options']) {
    this.options = options
    this.startedAt = options.clock.now()
    this.done = new Promise(resolve => {
      this.settle = resolve
    })
  }

  async start(): Promise<void> {
    this.next(0)
  }

  ready(): boolean {
    return true
  }

  private next(delayMs: Millis): void {
    this.cancel = this.options.clock.schedule(delayMs, () => void this.report())
  }

  private async report(): Promise<void> {
    const { process, roles, services, metrics, reports, clock, logger } = this.options
    try {
      const waiting = services.filter(service => !service.ready()).map(service => service.name)
      const { startedAt } = this
      const health = healthOf(await metrics.figures())
      await reports.put({ process, roles: [...roles], at: clock.now(), startedAt, waiting, ...health })
      this.hasFailed = false
    } catch (error) {
      if (!this.hasFailed) logger.warn({ err: error }, 'how this process is could not be told')
      this.hasFailed = true
    }
    if (!this.isDrained) this.next(REPORT_MS)
  }

  async drain(): Promise<void> {
    this.isDrained = true
    this.cancel?.()
    await this.options.reports.drop(this.options.process).catch(() => {})
    this.settle()
  }
}

/** For tests, and for a gateway without Redis. */
export class MemoryHealthReports implements HealthReports {
  private readonly reports = new Map<string, HealthReport>()
  private verified: VerifyReport | undefined

  async put(report: HealthReport): Promise<void> {
    this.reports.set(report.process, report)
  }

  async drop(process: string): Promise<void> {
    this.reports.delete(process)
  }

  async all(now: Millis): Promise<HealthReport[]> {
    return inOrder([...this.reports.values()], now)
  }

  async putVerify(report: VerifyReport): Promise<void> {
    this.verified = report
  }

  async lastVerify(): Promise<VerifyReport | undefined> {
    return this.verified
  }
}

/** Those of whom something was heard lately, by name. */
export function inOrder(reports: readonly HealthReport[], now: Millis): HealthReport[] {
  return reports
    .filter(({ at }) => at > now - FORGOTTEN_MS)
    .sort((a, b) => (a.process < b.process ? -1 : a.process > b.process ? 1 : 0))
}
