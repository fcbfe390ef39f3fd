import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { Histogram, type LatencySummary } from '../histogram.ts'
import { runSchedule, Schedule } from '../pacing.ts'
import { type HttpAnswer, type HttpClient, openHttpClient } from './http-client.ts'

/** Messages over HTTP on connections that are kept: as fast as they are answered, or at a rate. */

export interface HttpLoadOptions {
  httpUrl: string
  /** A key that may send in the name of users. */
  key: string
  connections: number
  seconds: number
  warmupSeconds: number
  /** Length of the text of a message. */
  bytes: number
  /** Receivers of one request: 1 sends texts, more send batches. */
  receivers: number
  /** Requests per second, in all; undefined: each connection sends when the last was answered. */
  requestsPerSecond?: number | undefined
  clock: Clock
  random: Random
}

export interface HttpLoadResult {
  /** Of the measured part. */
  requests: number
  accepted: number
  /** Messages that were accepted, per second. */
  messagesPerSecond: number
  /** Answers that were no success, by status; of all. */
  refused: Record<string, number>
  /** From the moment a request was due (or sent, without a rate) to its answer. */
  answerMs: LatencySummary
}

export async function runHttpLoad(options: HttpLoadOptions): Promise<HttpLoadResult> {
  const load = new HttpLoad(options)
  try {
    await load.connect()
    return await load.run()
  } finally {
    load.close()
  }
}

class HttpLoad {
  private readonly options: HttpLoadOptions
  private readonly run6: string
  private readonly text: string
  private readonly late = new Histogram()
  private readonly refused: Record<string, number> = {}
  private clients: HttpClient[] = []
  private requests = 0
  private accepted = 0
  private sent = 0
  private measureFrom: Millis = 0
  private measureTo: Millis = 0
  private lastAnsweredAt: Millis = 0

  constructor(options: HttpLoadOptions) {
    this.options = options
    this.run6 = options.random.bytes(3).toString('hex')
    this.text = 'x'.repeat(options.bytes)
  }

  async connect(): Promise<void> {
    const { connections, httpUrl } = this.options
    this.clients = await Promise.all(Array.from({ length: connections }, () => openHttpClient(httpUrl)))
  }

  async run(): Promise<HttpLoadResult> {
    const { clock, seconds, warmupSeconds, requestsPerSecond } = this.options
    // What is due in this time is measured, up to its last answer.
    this.measureFrom = clock.monotonic() + warmupSeconds * 1_000
    this.measureTo = this.measureFrom + seconds * 1_000
    await (requestsPerSecond === undefined ? this.runClosed() : this.runPaced(requestsPerSecond))
    return {
      requests: this.requests,
      accepted: this.accepted,
      messagesPerSecond: Math.round((this.accepted * 1_000) / Math.max(1, this.lastAnsweredAt - this.measureFrom)),
      refused: this.refused,
      answerMs: this.late.summary(),
    }
  }

  close(): void {
    for (const client of this.clients) client.close()
  }

  private async runClosed(): Promise<void> {
    const { clock } = this.options
    await Promise.all(
      this.clients.map(async client => {
        while (clock.monotonic() < this.measureTo) await this.request(client, clock.monotonic())
      }),
    )
  }

  /** A request that is due while all connections wait goes as soon as one is free, and is late. */
  private async runPaced(requestsPerSecond: number): Promise<void> {
    const { clock, seconds, warmupSeconds } = this.options
    const free = [...this.clients]
    const due: Millis[] = []
    const running = new Set<Promise<void>>()
    const next = () => {
      while (free.length > 0 && due.length > 0) {
        // The one that has rested longest: a server closes those on which nothing is asked.
        const client = free.shift()!
        const request = this.request(client, due.shift()!).then(() => {
          running.delete(request)
          free.push(client)
          next()
        })
        running.add(request)
      }
    }
    const count = Math.round(requestsPerSecond * (seconds + warmupSeconds))
    await runSchedule(new Schedule(requestsPerSecond, count), clock, dueAt => {
      due.push(dueAt)
      next()
    })
    while (running.size > 0) await Promise.all(running)
  }

  private async request(client: HttpClient, dueAt: Millis): Promise<void> {
    const { clock, key, receivers } = this.options
    const number = this.sent++
    const sender = `bench-${this.run6}-${number % this.clients.length}`
    const headers = `Authorization: Bearer ${key}\r\nPacklog-User: ${sender}\r\n`
    const body = receivers === 1 ? this.textBody(number) : this.batchBody(number)
    const path = receivers === 1 ? '/v1/messages/text' : '/v1/messages/batch'
    const answer = await client.post(path, body, headers)
    const now = clock.monotonic()
    const accepted = acceptedIn(answer, receivers)
    if (accepted < receivers) {
      const why = answer.status === 200 ? 'of a batch' : String(answer.status)
      this.refused[why] = (this.refused[why] ?? 0) + 1
    }
    if (dueAt < this.measureFrom) return
    this.lastAnsweredAt = now
    this.requests++
    this.accepted += accepted
    this.late.record(now - dueAt)
  }

  private textBody(number: number): string {
    return `{"to":"bench-${this.run6}-r${number % RECEIVERS}","text":"${this.text}"}`
  }

  private batchBody(number: number): string {
    const { receivers } = this.options
    const to = Array.from({ length: receivers }, (_, index) => {
      return `"bench-${this.run6}-r${(number * receivers + index) % Math.max(RECEIVERS, receivers)}"`
    })
    return `{"to":[${to.join(',')}],"content":{"kind":"Text","text":"${this.text}"}}`
  }
}

/** Users who are written to, in turn. */
const RECEIVERS = 1_000

function acceptedIn({ status, body }: HttpAnswer, receivers: number): number {
  if (status !== 200) return 0
  return receivers === 1 ? 1 : (JSON.parse(body) as { accepted: number }).accepted
}
