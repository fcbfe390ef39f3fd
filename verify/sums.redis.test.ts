import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRandom } from '../infra/clock.ts'
import { silentLogger } from '../infra/logger.ts'
import { Metrics } from '../infra/metrics.ts'
import { HISTORY_DEFAULTS, type HistoryOptions } from '../processors/history/history-store.ts'
import { historyInspector, makeHistoryView } from '../processors/history/main.ts'
import { makeMembershipView, membershipInspector } from '../processors/membership/main.ts'
import { anyScript, type Script } from '../processors/testing/events.ts'
import { makeEventLog } from '../processors/testing/log.ts'
import { testRedis } from '../processors/testing/redis.ts'
import { testStack } from '../tests/stack.ts'
import { Differences } from './difference.ts'
import { FirstPass } from './first-pass.ts'
import { catchUp, memoryViews } from './testing/views.ts'
import { type VerifyOptions, verify } from './verify.ts'
import { ViewSums } from './view-sums.ts'

/** Sums that Redis makes of what it holds, beside those that the log gives, and beside the comparison row by row. */

let redis: Awaited<ReturnType<typeof testRedis>>

beforeAll(async () => {
  redis = await testRedis(testStack().redisUrl)
})

afterAll(async () => {
  await redis.flush()
  await redis.connection.close()
})

/** Both views of a script in Redis, and what verify wants to know. */
async function world(script: Script, given: Partial<HistoryOptions> = {}): Promise<VerifyOptions> {
  await redis.flush()
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const limits = { ...HISTORY_DEFAULTS, ...given }
  const { connection } = redis
  const onRedis = { connection: { ...connection, close: async () => {} }, random: systemRandom }
  const views = [
    makeHistoryView({ ...onRedis, logger: silentLogger, metrics: new Metrics(), options: limits }),
    makeMembershipView(onRedis),
  ]
  await catchUp(eventLog, views)
  for (const view of views) await view.close()
  const { archive: _, ...options } = memoryViews(eventLog, limits).verifyOptions
  return { ...options, history: historyInspector(onRedis), membership: membershipInspector(onRedis) }
}

/** The tags whose sums differ. */
async function differing(options: VerifyOptions): Promise<string[]> {
  const sums = new ViewSums()
  const source = { ...options.source, topic: options.topic.name }
  const boundsNow = () => options.source.log.bounds(options.topic.name)
  const bounds = await boundsNow()
  const differences = new Differences()
  await new FirstPass({ options, source, bounds, boundsNow, differences, sums }).run()
  expect(differences.total).toBe(0)
  for await (const page of options.history!.sums!()) for (const sum of page) sums.find('history', sum)
  for await (const page of options.membership!.sums!()) for (const sum of page) sums.find('membership', sum)
  return [...sums.differing()]
}

/** As the options, but row by row. */
function withoutSums({ history, membership, ...options }: VerifyOptions): VerifyOptions {
  const plain = <T extends object>(view: T): T => Object.create(view, { sums: { value: undefined } })
  return { ...options, history: plain(history!), membership: plain(membership!) }
}

test('[VF9] what the views hold adds up to what the log says, whatever happened', async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, async script => {
      expect(await differing(await world(script))).toEqual([])
    }),
    { numRuns: 40 },
  )
})

test('[VF9] of what history has dropped by its limits as well', async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, async script => {
      const options = await world(script, { eventsPerSessionMax: 4, mentionsMax: 2, stoppedMax: 2, urgentMax: 2 })
      expect(await differing(options)).toEqual([])
    }),
    { numRuns: 20 },
  )
})

/** One thing that is stored, damaged; false where there is nothing to be damaged. */
type Damage = { pick: number; how: 'lose' | 'change' | 'add' | 'swap'; field: number }

const anyDamage: fc.Arbitrary<Damage> = fc.record({
  pick: fc.nat(),
  how: fc.constantFrom('lose', 'change', 'add', 'swap'),
  field: fc.nat(),
})

/** Keys of which nobody sees what they hold, or which verify has no log for. */
const UNSEEN = /:(positions|live|filling|ages|at|changed|changes|touched|friendOrder|names|users)$/

async function damage({ pick, how, field }: Damage): Promise<void> {
  const { client, prefix } = redis.connection
  const keys = (await client.keys(`${prefix}*`)).filter(key => !UNSEEN.test(key)).sort()
  const key = keys[pick % keys.length]!
  const type = await client.type(key)
  if (how === 'lose' && field % 3 === 0) await client.del(key)
  else if (type === 'hash') {
    const fields = (await client.hkeys(key)).sort()
    const name = fields[field % fields.length]!
    const other = fields[(field + 1) % fields.length]!
    const [value, otherValue] = (await client.hmget(key, name, other)) as [string, string]
    if (how === 'lose') await client.hdel(key, name)
    if (how === 'add') await client.hset(key, `${name}7`, value)
    if (how === 'change')
      await client.hset(
        key,
        name,
        value.replace(/\d(?=\D*$)/, digit => String((Number(digit) + 1) % 10)),
      )
    if (how === 'swap') await client.hset(key, name, otherValue, other, value)
  } else if (type === 'zset') {
    const all = await client.zrange(key, '0', '-1')
    const member = all[field % all.length]!
    if (how === 'lose') await client.zrem(key, member)
    else if (how === 'add') await client.zadd(key, 60_000, `${member}7`)
    else await client.zadd(key, Number(await client.zscore(key, member)) + 60_000, member)
  } else {
    const all = (await client.smembers(key)).sort()
    if (how === 'lose') await client.srem(key, all[field % all.length]!)
    else await client.sadd(key, `${all[field % all.length]!}7`)
  }
}

test('[VF9] whatever is damaged, what is found by sums is what is found row by row', async () => {
  let found = 0
  await fc.assert(
    fc.asyncProperty(anyScript, fc.array(anyDamage, { minLength: 1, maxLength: 3 }), async (script, damages) => {
      const options = await world(script)
      for (const one of damages) await damage(one)
      const outcome = (given: VerifyOptions) =>
        verify(given).then(
          ({ differences }) => differences.map(each => JSON.stringify(each)).sort(),
          // A text that cannot be read is found by both, and told by neither.
          (error: Error) => error.name,
        )
      const rowByRow = await outcome(withoutSums(options))
      expect(await outcome(options)).toEqual(rowByRow)
      if (rowByRow.length > 0) found++
    }),
    { numRuns: 100 },
  )
  // Some damages change nothing: a role of somebody who has left, say.
  expect(found).toBeGreaterThan(50)
})
