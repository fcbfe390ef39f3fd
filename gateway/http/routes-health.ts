import { z } from 'zod'
import type { Clock } from '../../infra/clock.ts'
import { type HealthReports, SILENT_MS } from '../../infra/health-reports.ts'
import { Problem } from './problem.ts'
import { type Route, route } from './route.ts'

export interface HealthRouteParts {
  health: HealthReports
  clock: Clock
}

const count = z.int().min(0)
const lagSchema = z
  .strictObject({
    stage: z.string().describe('sequencer, or the name of a view.'),
    partition: count,
    records: count.describe('Packs without an outcome, or events that the view has not applied.'),
  })
  .meta({ id: 'Lag' })
const processSchema = z
  .strictObject({
    process: z.string(),
    roles: z.array(z.string()),
    at: z.int().describe('When it said so.'),
    startedAt: z.int(),
    silent: z.boolean().describe(`Not heard of for ${SILENT_MS} ms: dead or cut off.`),
    waiting: z.array(z.string()).describe('Services that do not serve yet.'),
    stopped: z.array(z.string()).describe('Stages that stand still until an operator has looked at them.'),
    lags: z.array(lagSchema),
    connections: count.optional().describe('Open WebSocket connections; of gateways.'),
    memoryBytes: z.number().min(0),
  })
  .meta({ id: 'ProcessHealth' })
const verifySchema = z
  .strictObject({
    at: z.int(),
    sessions: count,
    events: count,
    messages: count,
    users: count,
    differences: count.describe('0: every view equals the log.'),
  })
  .meta({ id: 'VerifyReport' })

/** How the processes of the installation are, as they say themselves. */
export function healthRoutes({ health, clock }: HealthRouteParts): Route[] {
  return [
    route({
      method: 'GET',
      url: '/v1/health',
      id: 'getHealth',
      tag: 'health',
      scope: 'health:read',
      actsFor: 'app',
      summary: 'How the processes are, how far behind each stage is, and what the last verify found',
      answer: z.strictObject({
        now: z.int(),
        processes: z.array(processSchema),
        verify: verifySchema.optional().describe('Absent: nothing was compared yet.'),
      }),
      handle: async () => {
        const now = clock.now()
        try {
          const [reports, verify] = await Promise.all([health.all(now), health.lastVerify()])
          const processes = reports.map(report => ({ ...report, silent: report.at < now - SILENT_MS }))
          return { now, processes, ...(verify === undefined ? {} : { verify }) }
        } catch {
          throw new Problem('REDIS_ERROR', 'how the processes are cannot be read now')
        }
      },
    }),
  ]
}
