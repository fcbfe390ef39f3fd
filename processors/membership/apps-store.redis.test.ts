import { expect, onTestFinished, test } from 'vitest'
import { systemRandom } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { app, appsStoreContract, begins, ends, steps } from '../../tests/contract/apps-store.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { testRedis } from '../testing/redis.ts'
import { JOB_KEPT_MS } from './apps.ts'
import { RedisAppsReader, writeApps } from './redis-apps.ts'

async function open() {
  const { connection, flush } = await testRedis(testStack().redisUrl)
  const generations = new Generations({ connection, view: 'membership', random: systemRandom })
  const keyPrefix = generations.keyPrefix(await generations.liveOrNew())
  return {
    connection,
    keyPrefix,
    reader: new RedisAppsReader(generations),
    write: (writes: Parameters<typeof writeApps>[2]) => writeApps(connection, keyPrefix, writes),
    close: async () => {
      await flush()
      await connection.close()
    },
  }
}

appsStoreContract('in Redis', open)

test('[AP9] jobs of which an earlier version wrote the registers alone are there, and are indexed by the next one', async () => {
  const { connection, keyPrefix, reader, write, close } = await open()
  onTestFinished(close)
  const at = 1_700_000_000_000
  const writes = [begins('open', at), steps('open', at), begins('done', at), ends('done', at)].flat()
  for (const { table, name, position, json } of writes) {
    await connection.client.hset(`${keyPrefix}{a:${app}}:${table}`, name, `${position}/${json}`)
  }
  expect((await reader.jobs(app)).map(({ jobId }) => jobId).sort()).toEqual(['done', 'open'])
  expect(await reader.openJobs(app)).toEqual([])
  await write(begins('next', at + JOB_KEPT_MS + 1))
  expect((await reader.openJobs(app)).map(({ jobId }) => jobId).sort()).toEqual(['next', 'open'])
  expect((await reader.jobs(app)).map(({ jobId }) => jobId).sort()).toEqual(['next', 'open'])
})
