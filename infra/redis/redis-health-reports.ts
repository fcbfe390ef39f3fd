import type { Millis } from '../clock.ts'
import { FORGOTTEN_MS, type HealthReport, type HealthReports, inOrder, type VerifyReport } from '../health-reports.ts'
import type { RedisConnection } from './redis.ts'

/**
 * How processes are, in Redis, under `<prefix>health:`
 *
 *   reports  hash    name of the process -> JSON of its report; written by each; who was silent for FORGOTTEN_MS is taken out by who reads
 *   verify   string  JSON of the last comparison; written by `npm run verify`
 */
export class RedisHealthReports implements HealthReports {
  private readonly connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.connection = connection
  }

  async put(report: HealthReport): Promise<void> {
    await this.connection.client.hset(this.key('reports'), report.process, JSON.stringify(report))
  }

  async drop(process: string): Promise<void> {
    await this.connection.client.hdel(this.key('reports'), process)
  }

  async all(now: Millis): Promise<HealthReport[]> {
    const fields = await this.connection.client.hgetall(this.key('reports'))
    const reports = Object.values(fields).map(text => JSON.parse(text) as HealthReport)
    const forgotten = reports.filter(({ at }) => at <= now - FORGOTTEN_MS).map(({ process }) => process)
    if (forgotten.length > 0) await this.connection.client.hdel(this.key('reports'), ...forgotten)
    return inOrder(reports, now)
  }

  async putVerify(report: VerifyReport): Promise<void> {
    await this.connection.client.set(this.key('verify'), JSON.stringify(report))
  }

  async lastVerify(): Promise<VerifyReport | undefined> {
    const text = await this.connection.client.get(this.key('verify'))
    return text === null ? undefined : (JSON.parse(text) as VerifyReport)
  }

  private key(name: 'reports' | 'verify'): string {
    return `${this.connection.prefix}health:${name}`
  }
}
