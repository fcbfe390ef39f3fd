import { Redis } from 'ioredis'
import type { LogFacts } from './read-log.ts'

/** Redis and ClickHouse as they are, by clients of their own, compared with the log. */

/** What history must at least keep of each session, when the log has as much: fewer would mean that it lost some. */
const KEPT_MIN = 1_000
const VIEW = 'history'
const UINT64_BITS = 64

/** Compares the live history in Redis with the log; what differs, in words. */
export async function compareRedis(options: { url: string; prefix: string }, log: LogFacts): Promise<string[]> {
  const redis = new Redis(options.url)
  const problems: string[] = []
  try {
    const root = `${options.prefix}${VIEW}:`
    const live = await redis.get(`${root}{${VIEW}}:live`)
    for (const [sessionId, messages] of log.sessions) {
      const stored = await redis.hgetall(`${root}${live}:{${sessionId}}:session`)
      const [lastSeq = 0] = (stored.h ?? '').split('/').map(Number)
      if (lastSeq !== messages.length) {
        problems.push(`Redis: the head of ${sessionId} is at ${lastSeq}, the log at ${messages.length}`)
      }
      problems.push(...compareKept(sessionId, messages, stored))
    }
  } finally {
    redis.disconnect()
  }
  return problems
}

/** `stored` is the session's hash: `h` is its head, `e<seq>` an event. */
function compareKept(sessionId: string, messages: readonly number[], stored: Record<string, string>): string[] {
  const problems: string[] = []
  const kept = Object.keys(stored).filter(field => /^e\d+$/.test(field)).length
  const wanted = Math.min(KEPT_MIN, messages.length)
  if (kept < wanted) problems.push(`Redis: ${sessionId} has ${kept} events, it must have ${wanted}`)
  for (let seq = messages.length - wanted + 1; seq <= messages.length; seq++) {
    const json = stored[`e${seq}`]
    const text = json === undefined ? undefined : textOf(json)
    const message = text === undefined ? -1 : Number(text.split(' ')[0])
    if (json !== undefined && message === messages[seq - 1]) continue
    problems.push(`Redis: ${sessionId} #${seq} is ${json === undefined ? 'missing' : `message ${message}`}`)
  }
  return problems
}

function textOf(json: string): string | undefined {
  const event = JSON.parse(json) as { body?: { content?: { text?: string } } }
  return event.body?.content?.text
}

interface SessionRow {
  count: number
  lastSeq: number
  /** The sum of number times seq, modulo 2^64: another order, or another message, gives another sum. */
  sum: bigint
}

/** Compares the archive in ClickHouse with the log; what differs, in words. */
export async function compareClickHouse(
  options: { url: string; database: string; topicPartitions: number },
  log: LogFacts,
): Promise<string[]> {
  const problems: string[] = []
  const events = await query(options, 'SELECT count(), uniqExact(partition, offset) FROM events FINAL')
  const [rows = 0, distinct = 0] = (events[0] ?? []).map(Number)
  if (rows !== log.valid) problems.push(`ClickHouse: events has ${rows} rows, the log ${log.valid} valid records`)
  if (rows !== distinct) problems.push(`ClickHouse: events has ${rows - distinct} rows twice`)
  const found = new Map<string, SessionRow>()
  const perSession = `SELECT sessionId, count(), max(seq), sum(toUInt64OrZero(splitByChar(' ', text)[1]) * seq)
    FROM messages FINAL GROUP BY sessionId`
  for (const [sessionId = '', count, lastSeq, sum = '0'] of await query(options, perSession)) {
    found.set(sessionId, { count: Number(count), lastSeq: Number(lastSeq), sum: BigInt(sum) })
  }
  for (const [sessionId, messages] of log.sessions) {
    const expected = rowOf(messages)
    const row = found.get(sessionId) ?? { count: 0, lastSeq: 0, sum: 0n }
    if (row.count === expected.count && row.lastSeq === expected.lastSeq && row.sum === expected.sum) continue
    problems.push(`ClickHouse: ${sessionId} has ${textOfRow(row)}, the log ${textOfRow(expected)}`)
  }
  return problems
}

function rowOf(messages: readonly number[]): SessionRow {
  const row: SessionRow = { count: 0, lastSeq: 0, sum: 0n }
  for (const [index, message] of messages.entries()) {
    if (message < 0) continue
    row.count++
    row.lastSeq = index + 1
    row.sum += BigInt(message) * BigInt(index + 1)
  }
  return { ...row, sum: BigInt.asUintN(UINT64_BITS, row.sum) }
}

function textOfRow({ count, lastSeq, sum }: SessionRow): string {
  return `${count} messages up to #${lastSeq} (sum ${sum})`
}

async function query({ url, database }: { url: string; database: string }, sql: string): Promise<string[][]> {
  const response = await fetch(`${url}/?database=${database}`, { method: 'POST', body: `${sql} FORMAT TabSeparated` })
  const text = await response.text()
  if (!response.ok) throw new Error(`ClickHouse: ${text}`)
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t'))
}
