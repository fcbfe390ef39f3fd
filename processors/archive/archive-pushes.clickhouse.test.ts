import { expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type PushBody, type PushRecord, pushCodec } from '../../schemas/push-record.ts'
import { testStack } from '../../tests/stack.ts'
import { MemoryLog } from '../../topics/memory-log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { makeTopics } from '../../topics/topics.ts'
import { makePushArchive } from './archive-pushes.ts'
import { ClickHouseStatistics } from './statistics.ts'
import { makeTestDatabase } from './testing/test-database.ts'

test('[PU18, PU20] every push is counted once in the funnel, over a restart of the archive', async () => {
  const database = await makeTestDatabase(testStack().clickhouseUrl)
  await database.store().prepare()
  const { clickhouse } = database
  const topic = makeTopics({ prefix: '', partitions: 1, eventRetentionDays: 30 }).pushes
  const log = new MemoryLog({ clock: systemClock, topics: [topic] })
  const codec = await pushCodec(new MemoryRegistry(), 'im.pushes-value')
  const at = Date.UTC(2026, 0, 15, 12)
  const record = (push: number, body: PushBody): PushRecord => ({
    pushId: `0-${push}-0123456789abcdef`,
    at,
    userId: 'alice' as UserId,
    sessionId: body.kind === 'Opened' ? '' : 's:alice:bob',
    seq: 5,
    eventAt: at,
    serviceType: body.kind === 'Opened' ? 0 : 7,
    packageName: body.kind === 'Opened' ? '' : 'com.example.chat',
    deviceType: 2,
    deviceId: 'phone',
    attempt: 0,
    body,
  })
  const write = (...records: PushRecord[]) =>
    log.put(
      topic.name,
      0,
      records.map(one => ({ key: Buffer.from(one.userId), value: codec.encode(one), headers: {} })),
    )
  write(
    record(1, { kind: 'Attempted' }),
    record(1, { kind: 'Accepted', messageId: 'm1' }),
    // Vendors and apps tell some things more than once.
    record(1, { kind: 'Delivered', detail: 'type 1' }),
    record(1, { kind: 'Delivered', detail: 'type 1' }),
    record(1, { kind: 'Opened' }),
    record(1, { kind: 'Opened' }),
    record(2, { kind: 'Attempted' }),
    record(2, { kind: 'Failed', cause: 'invalidToken', reason: '410 Unregistered' }),
  )
  const run = async (rows: number) => {
    const archive = makePushArchive({ clickhouse, log, topic, codec, clock: systemClock, logger: silentLogger })
    await archive.start()
    const count = async () => (await clickhouse.rows<{ n: number }>('SELECT count() AS n FROM pushes FINAL'))[0]!.n
    await expect.poll(count, { timeout: 20_000 }).toBe(rows)
    await archive.drain()
  }
  await run(8)
  write(record(3, { kind: 'Attempted' }), record(3, { kind: 'Unknown', reason: 'killed' }))
  await run(10)
  expect(await clickhouse.rows('SELECT * FROM push_funnel')).toEqual([
    {
      day: '2026-01-15',
      serviceType: 7,
      packageName: 'com.example.chat',
      attempted: 3,
      accepted: 1,
      delivered: 1,
      opened: 1,
      withdrawn: 0,
      cancelled: 0,
      deadTokens: 1,
      failed: 0,
      unknown: 1,
    },
  ])
  const day = Date.UTC(2026, 0, 15)
  const funnel = await new ClickHouseStatistics(clickhouse).pushes({ from: day, to: day + 86_400_000 })
  expect(funnel).toMatchObject([{ day: '2026-01-15', attempted: 3, opened: 1 }])
  await database.remove()
})
