import { parseRoles } from '../infra/config.ts'
import { HealthReporter } from '../infra/health-reports.ts'
import { HealthServer } from '../infra/health-server.ts'
import { RedisHealthReports } from '../infra/redis/redis-health-reports.ts'
import { ROLES, type Role } from '../infra/roles.ts'
import { type Service, supervise } from '../infra/service.ts'
import { type Context, closeContext, openContext } from './context.ts'
import { connectTo } from './roles/parts.ts'

/** What a role consists of: itself, and what runs beside it. Loaded when it is run: a sequencer needs no HTTP server. */
const ROLE_MODULES: Record<Role, () => Promise<{ makeServices(context: Context): Promise<Service[]> }>> = {
  gateway: () => import('./roles/gateway.ts'),
  sequencer: () => import('./roles/sequencer.ts'),
  history: () => import('./roles/history.ts'),
  membership: () => import('./roles/membership.ts'),
  archive: () => import('./roles/archive.ts'),
  push: () => import('./roles/push.ts'),
  webhooks: () => import('./roles/webhooks.ts'),
  verify: () => import('./roles/verify.ts'),
}

/** Runs the roles of one process until the signal aborts (exit code 0) or one of them fails (exit code 1). */
export async function runRoles(options: {
  roles: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}): Promise<number> {
  const wanted = parseRoles(options.roles)
  const context = await openContext(options.env, wanted.join('-'))
  const { config, metrics, clock, logger } = context
  metrics.withProcess()
  try {
    const services: Service[] = []
    for (const role of ROLES.filter(name => wanted.includes(name))) {
      const { makeServices } = await ROLE_MODULES[role]()
      services.push(...(await makeServices(context)))
    }
    // It answers from the first moment to the last, so that a start and a drain can be watched.
    const health = new HealthServer(config.metrics, { services, metrics })
    await health.start()
    context.closers.push(() => health.drain())
    services.push(healthReporter(context, wanted, [...services]))
    await supervise(services, { signal: options.signal, clock, log: logger })
    return 0
  } finally {
    await closeContext(context)
  }
}

/** Tells the others how this process is. */
function healthReporter(context: Context, roles: readonly Role[], services: readonly Service[]): Service {
  const { config, metrics, clock, logger, closers } = context
  const connection = connectTo(context, 'health')
  closers.push(() => connection.close())
  const process = `${roles.join('+')}@${config.nodeName}`
  const reports = new RedisHealthReports(connection)
  return new HealthReporter({ process, roles, services, metrics, reports, clock, logger })
}
