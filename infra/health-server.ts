import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'
import type { Service } from './service.ts'

/**
 * Serves what operators ask of a process: `/healthz` (200 as long as it runs), `/readyz` (200 when every service
 * serves, else 503 with the names of those that do not) and `/metrics` (Prometheus text).
 */
export class HealthServer implements Service {
  readonly name = 'health'
  readonly done: Promise<void>
  private readonly server: Server
  private readonly address: { host: string; port: number }
  private settleDone: { resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor(
    address: { host: string; port: number },
    { services, metrics }: { services: readonly Service[]; metrics: Metrics },
  ) {
    this.address = address
    this.done = new Promise((resolve, reject) => {
      this.settleDone = { resolve, reject }
    })
    this.server = createServer(async (request, response) => {
      const path = request.url?.split('?')[0]
      if (path === '/healthz') return void response.end('ok\n')
      if (path === '/readyz') {
        const waiting = services.filter(service => !service.ready()).map(service => service.name)
        response.statusCode = waiting.length === 0 ? 200 : 503
        return void response.end(waiting.length === 0 ? 'ready\n' : `waiting for ${waiting.join(', ')}\n`)
      }
      if (path === '/metrics') {
        response.setHeader('content-type', metrics.registry.contentType)
        return void response.end(await metrics.registry.metrics())
      }
      response.statusCode = 404
      response.end('not found\n')
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.address.port, this.address.host, resolve)
    })
    this.server.on('error', error => this.settleDone?.reject(error))
  }

  /** The port that it listens on: the configured one, or what the system chose for 0. */
  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  ready(): boolean {
    return true
  }

  async drain(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>(resolve => this.server.close(() => resolve()))
    this.settleDone?.resolve()
  }
}
