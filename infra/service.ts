import type { Clock, Millis } from './clock.ts'
import type { Logger } from './logger.ts'

/** One running part of a role: a gateway server, a sequencer, a view. Life-cycle: start -> run until drain -> done. */
export interface Service {
  readonly name: string
  /** Acquires what it needs and begins to work; resolves when it works. Throws when it cannot. */
  start(): Promise<void>
  /** True when it serves: caught up as far as its users need. */
  ready(): boolean
  /** Finishes what was begun and lets everything go; idempotent. Must end on its own within the drain time. */
  drain(): Promise<void>
  /** Rejects when the service can go on no longer (corrupt log, broken invariant); resolves after drain. */
  readonly done: Promise<void>
}

/** Longest time that all services of a process may take to drain, in ms. */
export const DRAIN_MS_MAX = 20_000

/**
 * Starts the services in order, waits for the signal or the first failure, then drains them in the same order
 * (gateways come first, processors after them).
 */
export async function supervise(
  services: readonly Service[],
  { signal, clock, log }: { signal: AbortSignal; clock: Clock; log: Logger },
): Promise<void> {
  const started: Service[] = []
  let failure: unknown
  try {
    for (const service of services) {
      started.push(service)
      await service.start()
      log.info({ service: service.name }, 'service started')
    }
    await Promise.race([aborted(signal), ...started.map(service => service.done)])
  } catch (error) {
    failure = error
    log.fatal({ err: error }, 'a service failed: the process drains and ends')
  }
  for (const service of started) await drainWithin(service, DRAIN_MS_MAX, { clock, log })
  if (failure !== undefined) throw failure
}

async function drainWithin(
  service: Service,
  limitMs: Millis,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<void> {
  const limit = new AbortController()
  const late = clock.sleep(limitMs, limit.signal).then(() => {
    if (!limit.signal.aborted) log.error({ service: service.name, limitMs }, 'service did not drain in time')
  })
  const drained = service.drain().catch(error => log.error({ err: error, service: service.name }, 'drain failed'))
  await Promise.race([drained, late])
  limit.abort()
}

/** Resolves when the signal aborts, or has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
