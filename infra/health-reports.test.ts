import { expect, test } from 'vitest'
import {
  FORGOTTEN_MS,
  type HealthReport,
  HealthReporter,
  healthOf,
  MemoryHealthReports,
  REPORT_MS,
} from './health-reports.ts'
import { silentLogger } from './logger.ts'
import { Metrics } from './metrics.ts'
import type { Service } from './service.ts'
import { VirtualClock } from './testing/virtual-clock.ts'

test('[CON7] metrics become lags by stage and partition, of what the process owns', async () => {
  const metrics = new Metrics()
  const views = metrics.gauge('view_lag_records', 'x', ['view', 'partition'])
  views.set({ view: 'history', partition: 10 }, 3)
  views.set({ view: 'history', partition: 2 }, 0)
  views.set({ view: 'archive', partition: 0 }, 7)
  const owned = metrics.gauge('sequencer_owned', 'x', ['partition'])
  owned.set({ partition: 1 }, 1)
  owned.set({ partition: 2 }, 0)
  const packs = metrics.gauge('sequencer_lag_packs', 'x', ['partition'])
  packs.set({ partition: 1 }, 5)
  packs.set({ partition: 2 }, 99)
  metrics.gauge('view_stopped', 'x', ['view']).set({ view: 'archive' }, 1)
  metrics.gauge('gateway_connections', 'x').set(4)
  expect(healthOf(await metrics.figures())).toEqual({
    stopped: ['archive'],
    lags: [
      { stage: 'archive', partition: 0, records: 7 },
      { stage: 'history', partition: 2, records: 0 },
      { stage: 'history', partition: 10, records: 3 },
      { stage: 'sequencer', partition: 1, records: 5 },
    ],
    connections: 4,
    memoryBytes: 0,
  })
})

test('[CON7] a process reports while it runs, and is gone when it has drained', async () => {
  const clock = new VirtualClock()
  const reports = new MemoryHealthReports()
  let isReady = false
  const service = { name: 'history', ready: () => isReady } as Service
  const reporter = new HealthReporter({
    process: 'history@one',
    roles: ['history'],
    services: [service],
    metrics: new Metrics(),
    reports,
    clock,
    logger: silentLogger,
  })
  await reporter.start()
  await clock.pass(1)
  expect(await reports.all(clock.now())).toMatchObject([{ process: 'history@one', waiting: ['history'] }])
  isReady = true
  await clock.pass(REPORT_MS)
  expect(await reports.all(clock.now())).toMatchObject([{ waiting: [] }])
  await reporter.drain()
  expect(await reports.all(clock.now())).toEqual([])
  await clock.pass(2 * REPORT_MS)
  expect(clock.timers).toBe(0)
  await reporter.done
})

test('[CON7] who was silent for long is forgotten', async () => {
  const reports = new MemoryHealthReports()
  const report: HealthReport = {
    process: 'b',
    roles: [],
    at: 1,
    startedAt: 1,
    waiting: [],
    stopped: [],
    lags: [],
    memoryBytes: 0,
  }
  await reports.put(report)
  await reports.put({ ...report, process: 'a', at: 2 })
  expect((await reports.all(FORGOTTEN_MS)).map(({ process }) => process)).toEqual(['a', 'b'])
  expect((await reports.all(FORGOTTEN_MS + 1)).map(({ process }) => process)).toEqual(['a'])
})
