import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { type Child, startChild, stopChild } from '../../infra/local/child.ts'
import { clickhousePart } from '../../infra/local/clickhouse.ts'
import type { PartSpec } from '../../infra/local/part.ts'
import { obtainParts, partsCacheDir } from '../../infra/local/parts.ts'
import { freePorts, HOST } from '../../infra/local/ports.ts'
import { makeProgress } from '../../infra/local/progress.ts'
import { redisPart } from '../../infra/local/redis.ts'
import { thisHost } from '../../infra/local/tools.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { misdelivered, person, say, until } from './people.ts'

/** A Redis with a password and a ClickHouse that are nobody's but the test's, named by their URLs alone. */

const LOOK_MS = 50
const PASSWORD = 'p@ss/word'
const session = singleSessionId('ann' as UserId, 'bo' as UserId)
const servers: { child: Child; spec: PartSpec }[] = []
let dir: string
let product: TestProduct

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-external-'))
  const { env } = process
  const progress = makeProgress({ isTTY: false, columns: 80, write: () => {} }, systemClock)
  const sources = { host: thisHost(env, progress), cacheDir: partsCacheDir(env), progress, clock: systemClock }
  const programs = await obtainParts(sources, { redis: false, clickhouse: false })
  const [port, httpPort, tcpPort] = (await freePorts(3, systemRandom.next)) as [number, number, number]
  const common = (name: string) => ({ env, logFile: join(dir, `${name}.log`) })
  const redis = redisPart({ ...common('redis'), program: programs.redis!, dataDir: join(dir, 'redis'), port })
  await start(redis, ['--requirepass', PASSWORD])
  const program = programs.clickhouse!
  await start(clickhousePart({ ...common('clickhouse'), program, dir: join(dir, 'clickhouse'), httpPort, tcpPort }))
  product = await startProduct({
    together: true,
    env: {
      REDIS_URL: `redis://:${encodeURIComponent(PASSWORD)}@${HOST}:${port}`,
      CLICKHOUSE_URL: `http://default:@${HOST}:${httpPort}`,
    },
  })
}, 240_000)

afterAll(async () => {
  await product?.stop()
  for (const { child, spec } of servers) await stopChild(child, spec.stop)
  await rm(dir, { recursive: true, force: true })
}, 60_000)

async function start(spec: PartSpec, more: readonly string[] = []): Promise<void> {
  await spec.prepare()
  const { command, name } = spec
  const child = await startChild({ ...command, name, args: [...command.args, ...more] })
  servers.push({ child, spec })
  // Setup needs ClickHouse at once; the roles wait for Redis by themselves.
  while (name === 'clickhouse' && (await spec.lacks()) !== undefined) await systemClock.sleep(LOOK_MS)
}

test('[E2E6] the roles work on a Redis with a password and a ClickHouse that others run', async () => {
  const [ann, bo] = await Promise.all(['ann', 'bo'].map(name => person(product, name, { sessions: [session] })))
  for (let count = 1; count <= 20; count++) await say(count % 2 === 0 ? ann! : bo!, session, `message ${count}`)
  await until([ann!, bo!], () => [ann!, bo!].every(({ received }) => received.get(session)?.length === 20))
  for (const someone of [ann!, bo!]) {
    expect(misdelivered(someone, session, 20)).toEqual([])
    someone.client.close()
  }
  const verified = await runCommand(['verify', '--json'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, messages: 20 })
}, 120_000)
