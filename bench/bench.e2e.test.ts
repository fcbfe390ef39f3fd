import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { identityOf, stillRuns } from '../infra/local/process-identity.ts'
import { FakeWorld } from '../infra/local/push-fakes/fake.ts'
import { plainFakes } from '../infra/local/push-fakes/plain-fakes.ts'
import { startFakeServer } from '../infra/local/push-fakes/server.ts'
import { BUILT_MAIN } from '../infra/local/roles.ts'
import type { StackInfo } from '../infra/stack-info.ts'
import { startProduct, type TestProduct } from '../tests/product.ts'
import { runNode } from '../tests/run-command.ts'

const BENCH = join(dirname(BUILT_MAIN), 'bench', 'main.js')
const PRODUCT_MS_MAX = 120_000
/** The stack's own time to stop, and that of the parts that are left then. */
const ENDED_MS_MAX = 60_000
const SMALL = ['--rate', '100', '--seconds', '2', '--warmup', '0.5', '--pairs', '20', '--bytes', '50']

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, PRODUCT_MS_MAX)

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

test('[BN9, BN22] bench chat prints one JSON object with its figures, and every message is there once', async () => {
  const run = await runNode([BENCH, 'chat', '--json', '--new-sessions', '20', ...SMALL], { env: product.env })
  expect(run.stderr).toContain('measuring: 200 messages')
  const figures = JSON.parse(run.stdout)
  expect(figures).toMatchObject({
    sent: 200,
    acked: 200,
    delivered: 200,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unanswered: 0,
    refused: {},
    parameters: { ratePerSecond: 100, pairs: 20, newSessionsPercent: 20 },
  })
  for (const latency of [figures.ackMs, figures.endToEndMs, figures.archiveAgeMs]) {
    expect(latency.p50).toBeGreaterThan(0)
    expect(latency.p99).toBeGreaterThanOrEqual(latency.p50)
    expect(latency.max).toBeGreaterThanOrEqual(latency.p99)
  }
  expect(figures.processes.load.rssMiB).toBeGreaterThan(10)
  expect(figures.newSessions).toBe(50)
  expect(figures.conditions.cores).toBeGreaterThan(0)
  expect(figures.conditions.wakeMs.p50).toBeGreaterThan(0)
  expect(run.code).toBe(0)
})

test('[BN9] bench both measures the log loop as well and gives the ratio', async () => {
  const run = await runNode([BENCH, 'both', '--json', ...SMALL], { env: product.env })
  const figures = JSON.parse(run.stdout)
  expect(figures.log).toMatchObject({ sent: 200, delivered: 200, lost: 0, duplicated: 0, outOfOrder: 0 })
  expect(figures.ratio.p50).toBeGreaterThan(0)
  expect(run.code).toBe(0)
})

test('[BN12] bench group follows every message to every member, and says when the rules allow no such group', async () => {
  const small = ['--members', '20', '--absent', '30', '--rate', '50', '--seconds', '2', '--warmup', '0.5', '--json']
  const run = await runNode([BENCH, 'group', ...small], { env: product.env })
  expect(JSON.parse(run.stdout)).toMatchObject({ sent: 100, acked: 100, delivered: 1_900, lost: 0, outOfOrder: 0 })
  expect(run.code).toBe(0)
  const large = await runNode([BENCH, 'group', '--members', '2', '--absent', '1000'], { env: product.env })
  expect(large.stderr).toContain('a group of 1002 was refused with MEMBER_LIMIT')
  expect(large.code).toBe(1)
})

test(
  '[BN19] bench push plans and sends every push once, beside people who chat',
  async () => {
    const small = ['--planned', '190', '--sent', '100', '--members', '20', '--groups', '2', '--service', 'https']
    const chat = ['--rate', '50', '--pairs', '10', '--seconds', '2', '--warmup', '0.5', '--repeat', '1', '--json']
    const folder = await mkdtemp(join(tmpdir(), 'packlog-bench-push-'))
    const world = new FakeWorld()
    const plain = plainFakes(world, 'of this test')
    const fakes = await startFakeServer(world, plain.fakes)
    try {
      const file = join(folder, 'push.json')
      const { https } = plain.credentials(fakes.url)
      await writeFile(file, JSON.stringify({ apps: { 'com.example.chat': { https } } }))
      const { role } = await product.add('push', ['push'], { PACKLOG_PUSH_FILE: file })
      const metrics = ['--metrics-url', `http://127.0.0.1:${role.env.PACKLOG_METRICS_PORT}/metrics`]
      const run = await runNode([BENCH, 'push', ...small, ...chat, ...metrics], { env: product.env })
      const [pair] = JSON.parse(run.stdout).pairs
      expect(pair.counted).toMatchObject({ accepted: 25 * 10, failed: 0 })
      expect(pair.counted.planned).toBeGreaterThanOrEqual(25 * 19)
      expect(pair.ratio).toBeGreaterThan(0)
      expect(world.accepted.get('https')).toBe(250)
      expect(run.code).toBe(0)
    } finally {
      await fakes.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
  PRODUCT_MS_MAX,
)

test('[BN13] bench idle says when it cannot see the gateway', async () => {
  const run = await runNode([BENCH, 'idle', '--connections', '2', '--seconds', '0.5'], { env: product.env })
  expect(run.stderr).toContain('no gateway process is known here')
  expect(run.code).toBe(1)
})

test('[BN18] bench http sends singly and in batches, and compares them with the WebSocket', async () => {
  const small = ['--connections', '2', '--receivers', '5', '--rate', '50', '--beside', '20', '--repeat', '1']
  const args = [BENCH, 'http', '--json', '--seconds', '0.5', '--warmup', '0', '--pairs', '5', ...small]
  const run = await runNode(args, { env: product.env })
  const figures = JSON.parse(run.stdout)
  expect(figures).toMatchObject({ single: { refused: {} }, batch: { refused: {} }, webSocket: { sent: 25, lost: 0 } })
  expect(figures.single.accepted).toBeGreaterThan(0)
  expect(figures.batchShare).toBeGreaterThan(0)
  expect(figures.pairs).toHaveLength(1)
  expect(run.code).toBe(0)
})

test('[BN9] without a gateway it says so', async () => {
  const args = [BENCH, 'chat', '--gateway-url', 'ws://127.0.0.1:1/v1/ws', ...SMALL]
  const run = await runNode(args, { env: product.env })
  expect(run.stderr).toContain('ECONNREFUSED')
  expect(run.code).toBe(1)
})

test(
  '[BN23] a stack that a bench has started ends with the bench, also when that is killed',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'packlog-bench-killed-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const args = [BENCH, 'chat', '--start', '--rate', '10', '--pairs', '5', '--seconds', '600']
    const bench = spawn(process.execPath, args, {
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    bench.stderr.setEncoding('utf8').on('data', text => {
      said += text
    })
    await expect.poll(() => said, { timeout: PRODUCT_MS_MAX }).toContain('measuring')
    const stackDir = join(dir, readdirSync(dir).find(name => name.startsWith('packlog-bench-'))!)
    const { processes } = JSON.parse(readFileSync(join(stackDir, 'stack.json'), 'utf8')) as StackInfo
    const known = processes.map(({ pid }) => ({ pid, identity: identityOf(pid) ?? 'gone' }))
    expect(known.filter(stillRuns).length).toBeGreaterThan(5)
    bench.kill('SIGKILL')
    await expect.poll(() => known.filter(stillRuns), { timeout: ENDED_MS_MAX }).toEqual([])
  },
  2 * PRODUCT_MS_MAX,
)
