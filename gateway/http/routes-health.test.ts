import { expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { type HealthReport, MemoryHealthReports, SILENT_MS } from '../../infra/health-reports.ts'
import { OPERATOR_SCOPES } from '../../schemas/operator-roles.ts'
import { HttpWorld } from './testing/http-world.ts'

test('[CON7] processes are told as they say themselves, who has not been heard of for a while as silent', async () => {
  const health = new MemoryHealthReports()
  const http = await HttpWorld.start({ health })
  const now = systemClock.now()
  const report: HealthReport = {
    process: 'history@two',
    roles: ['history'],
    at: now,
    startedAt: now,
    waiting: [],
    stopped: ['history'],
    lags: [{ stage: 'history', partition: 1, records: 4 }],
    memoryBytes: 1,
  }
  await health.put(report)
  await health.put({ ...report, process: 'history@one', at: now - SILENT_MS - 1 })
  await health.putVerify({ at: now, sessions: 1, events: 2, messages: 3, users: 4, differences: 0 })
  const bearer = await http.key('ops', { scopes: OPERATOR_SCOPES.viewer })
  expect(await http.call('GET', '/v1/health', { bearer })).toMatchObject({
    status: 200,
    body: {
      processes: [
        { process: 'history@one', silent: true },
        { process: 'history@two', silent: false, stopped: ['history'], lags: report.lags },
      ],
      verify: { differences: 0 },
    },
  })
  await http.stop()
})
