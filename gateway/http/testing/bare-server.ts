import { systemClock, systemRandom } from '../../../infra/clock.ts'
import { silentLogger } from '../../../infra/logger.ts'
import { MemoryDayCounts } from '../day-counts.ts'
import { HttpServer, type HttpServerOptions } from '../server.ts'

/** A server that listens and has no routes but its own. Whoever starts it closes it. */
export async function bareServer(more: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const unused = () => Promise.reject(new Error('not called'))
  const server = new HttpServer({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    api: { callers: { of: unused } as never, packIds: { of: unused } as never, dayCounts: new MemoryDayCounts() },
    routes: [],
    foreignRoutes: [],
    isReady: () => true,
    upgrade: (_request, stream) => stream.destroy(),
    ...more,
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  return server
}
