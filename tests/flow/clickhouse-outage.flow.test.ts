import { afterAll, beforeAll, expect, test } from 'vitest'
import { FlakyLink } from '../../faults/sdk/flaky-link.ts'
import { type ClickHouse, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { systemClock } from '../../infra/clock.ts'
import { APPLY_EVENTS_MAX } from '../../processors/runner.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { RawClient } from './gateway-raw-client.ts'

/** ClickHouse is gone while people talk, in the middle of inserts, and comes back. */

const CHAT = singleSessionId('ann' as UserId, 'bo' as UserId)
/** More than the archive may hold in memory; all in one partition. */
const MESSAGES_MEANWHILE = 3 * APPLY_EVENTS_MAX
const BURST = 250
const POLL_MS = 50

let link: FlakyLink
let product: TestProduct
let clickhouse: ClickHouse

beforeAll(async () => {
  const { port, hostname } = new URL(testStack().clickhouseUrl)
  link = await FlakyLink.open([Number(port)], systemClock)
  const env = { CLICKHOUSE_URL: `http://${hostname}:${link.port}`, PACKLOG_PARTITION_COUNT: '1' }
  product = await startProduct({ together: true, env })
  // Past the link, for the test itself.
  const { PACKLOG_CLICKHOUSE_DATABASE: database } = product.env as Record<string, string>
  clickhouse = connectClickHouse({ url: testStack().clickhouseUrl, database: database! })
}, 180_000)

afterAll(async () => {
  await clickhouse?.close()
  await product?.stop()
  await link?.close()
}, 60_000)

async function connect(): Promise<RawClient> {
  const token = await product.token('ann')
  const client = new RawClient({ wsUrl: product.wsUrl, token, deviceId: 'raw', subprotocol: 'json' })
  await client.until(() => client.of('welcome').length > 0)
  return client
}

/** Sends so many texts; resolves when each has its ack. */
async function say(client: RawClient, count: number): Promise<void> {
  const before = client.of('ack').length
  for (let sent = 0; sent < count; ) {
    const burst = Math.min(BURST, count - sent)
    for (let i = 0; i < burst; i++) client.say(CHAT, `text ${sent + i}`)
    sent += burst
    await client.until(() => client.of('ack').length === before + sent || client.of('refused').length > 0)
    expect(client.of('refused')).toEqual([])
  }
}

/** The views' own figures. */
async function metric(name: string): Promise<number> {
  const url = `http://127.0.0.1:${product.roles.views!.env.PACKLOG_METRICS_PORT}/metrics`
  const text = await (await fetch(url)).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)![1])
}

async function archived(): Promise<{ rows: number; events: number; lastSeq: number }> {
  const [row] = await clickhouse.rows<{ rows: number; events: number; lastSeq: number }>(
    'SELECT count() AS rows, uniqExact(partition, offset) AS events, max(seq) AS lastSeq FROM events',
  )
  return row!
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await systemClock.sleep(POLL_MS)
}

test('[AR40] ClickHouse away during traffic: nobody waits, one batch is held, and afterwards each event is there once', async () => {
  const ann = await connect()
  await say(ann, BURST)
  await until(async () => (await archived()).lastSeq > 0)
  // In the middle of what is being stored.
  const talking = say(ann, BURST)
  link.down()
  await talking
  let most = 0
  const watching = new AbortController()
  const watch = (async () => {
    while (!watching.signal.aborted) {
      most = Math.max(most, await metric('packlog_archive_held_events'))
      await systemClock.sleep(POLL_MS, watching.signal)
    }
  })()
  await say(ann, MESSAGES_MEANWHILE)
  await until(async () => (await metric('packlog_archive_held_events')) > 0)
  expect((await archived()).lastSeq).toBeLessThanOrEqual(2 * BURST)
  watching.abort()
  await watch
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(APPLY_EVENTS_MAX)
  link.up()
  // It waits until every view has passed the end of the log.
  const verified = await runCommand(['verify', '--json'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  const after = await archived()
  expect(after).toMatchObject({ rows: after.events, lastSeq: 2 * BURST + MESSAGES_MEANWHILE })
  expect(await metric('packlog_archive_held_events')).toBe(0)
  ann.drop()
}, 180_000)
