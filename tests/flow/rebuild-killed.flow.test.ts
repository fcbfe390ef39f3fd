import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { fillLog } from '../../bench/views/fill.ts'
import { closeContext, openContext } from '../../commands/context.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { deleteTopics } from '../../infra/kafka/create-topics.ts'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Generations } from '../../infra/redis/generations.ts'
import { unlinkKeys } from '../../infra/redis/pipeline.ts'
import { connectRedis, redisReady } from '../../infra/redis/redis.ts'
import { HISTORY_FORMAT } from '../../processors/history/redis-history-keys.ts'
import { runCommand } from '../run-command.ts'
import { serverEnv } from '../stack.ts'

/** The real command, in batches of thousands of events and in two threads, killed in the middle. */

const EVENTS = 100_000
const TEST_MS_MAX = 240_000

test('[RN16, RN34] a rebuild whose threads were killed is gone on with, and gives what one gives that was not', {
  timeout: TEST_MS_MAX,
}, async () => {
  const prefix = `killed-${systemRandom.bytes(6).toString('hex')}.`
  const env = {
    ...serverEnv(),
    PACKLOG_TOPIC_PREFIX: prefix,
    PACKLOG_REDIS_PREFIX: prefix,
  }
  const connection = connectRedis({ url: env.REDIS_URL, prefix, name: 'test', logger: silentLogger })
  await redisReady(connection)
  const context = await openContext(env, 'test')
  const { topics, kafka } = context
  try {
    const traffic = { sessions: 2_000, events: EVENTS, users: 2_000, textBytes: 100, seed: 1 }
    await fillLog(traffic, { topics, env, clock: systemClock, log: () => {} })
    await killedInTheMiddle(env, async () => {
      const generations = new Generations({ connection, view: 'history', format: HISTORY_FORMAT, random: systemRandom })
      const generation = await generations.current('building')
      return generation !== undefined && (await generations.positions(generation)).size > 0
    })
    const run = async (...words: string[]) => {
      const done = await runCommand(words, env)
      expect(done, done.stdout + done.stderr).toMatchObject({ code: 0 })
      return done.stdout
    }
    const resumed = /rebuilt from (\d+) events/.exec(await run('rebuild', 'history', '--resume', '--threads', '2'))
    expect(Number(resumed?.[1])).toBeGreaterThan(0)
    expect(Number(resumed?.[1])).toBeLessThan(EVENTS)
    const digest = await run('verify', '--digest')
    expect(await run('rebuild', 'history', '--threads', '1')).toContain(`rebuilt from ${EVENTS} events`)
    expect(await run('verify', '--digest')).toBe(digest)
  } finally {
    await closeContext(context)
    await deleteTopics([topics.events.name, topics.dead.name], { ...kafka, clientId: 'test' })
    await unlinkKeys(connection, prefix)
    await connection.close()
  }
})

/** Begins a rebuild and kills it as soon as something of it is confirmed. */
async function killedInTheMiddle(env: Record<string, string>, isUnderWay: () => Promise<boolean>): Promise<void> {
  const words = [BUILT_MAIN, 'rebuild', 'history', '--threads', '2']
  const child = spawn(process.execPath, words, { env: { ...process.env, ...env }, stdio: 'ignore' })
  const ended = once(child, 'exit')
  while (child.exitCode === null && !(await isUnderWay())) await systemClock.sleep(5)
  child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
}
