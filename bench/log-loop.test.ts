import { expect, test } from 'vitest'
import { systemClock } from '../infra/clock.ts'
import { MemoryLog } from '../topics/memory-log.ts'
import { makeTopics } from '../topics/topics.ts'
import { runLogLoop } from './log-loop.ts'

test('[BN5] the log loop follows every record through both topics', async () => {
  const { packs, events } = makeTopics({ prefix: 'b.', partitions: 4, eventRetentionDays: 1 })
  const log = new MemoryLog({ clock: systemClock, topics: [packs, events] })
  const phases: string[] = []
  const result = await runLogLoop({
    log,
    topics: { packs, events },
    ratePerSecond: 1_000,
    seconds: 0.3,
    warmupSeconds: 0.1,
    bytes: 100,
    sessions: 10,
    clock: systemClock,
    onMeasure: phase => void phases.push(phase),
  })
  expect(result).toMatchObject({ sent: 300, delivered: 300, lost: 0, duplicated: 0, outOfOrder: 0 })
  expect(result.endToEndMs.max).toBeGreaterThan(0)
  expect(phases).toEqual(['begin', 'end'])
})
