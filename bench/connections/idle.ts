import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { connectUsers } from '../connect-users.ts'

/** What a connection costs that does nothing but answer heartbeats: one user, one device each. */

export interface IdleParameters {
  connections: number
  /** How long they stay, in seconds: some heartbeats. */
  seconds: number
}

export interface IdleOptions extends IdleParameters {
  gatewayUrl: string
  token(userId: UserId): Promise<string>
  clock: Clock
  random: Random
  log(line: string): void
  /** Resident memory of all gateways now, in KiB; undefined where it cannot be seen. */
  gatewayRssKiB(): number | undefined
  /** CPU time that the gateways have used since they began, in ms. */
  gatewayCpuMs(): Millis
}

export interface IdleResult {
  connected: number
  connectionsLost: number
  /** Logins per second while everybody connected. */
  loginsPerSecond: number
  gatewayRssKiBBefore: number
  gatewayRssKiBAfter: number
  /** What each connection added, at the end. */
  rssKiBPerConnection: number
  /** CPU of the gateways while the connections were idle, in percent of a core. */
  gatewayCpuPercent: number
}

/** The gateways run elsewhere: their memory cannot be read here. */
export class NoGatewayHere extends Error {
  override readonly name = 'NoGatewayHere'
}

export async function runIdle(options: IdleOptions): Promise<IdleResult> {
  const { connections, seconds, clock, random, log } = options
  const rss = () => {
    const kiB = options.gatewayRssKiB()
    if (kiB === undefined) throw new NoGatewayHere('no gateway process is known here: its memory cannot be measured')
    return kiB
  }
  let connectionsLost = 0
  const run6 = random.bytes(3).toString('hex')
  const before = rss()
  log(`connecting ${connections} users`)
  const beganAt = clock.monotonic()
  const clients = await connectUsers({
    ...options,
    users: Array.from({ length: connections }, (_, user) => `idle-${run6}-${user}` as UserId),
    onText: () => {},
    onLost: () => {
      connectionsLost++
    },
  })
  try {
    const connectedAt = clock.monotonic()
    const cpuBefore = options.gatewayCpuMs()
    log(`idle for ${seconds} s`)
    await clock.sleep(seconds * 1_000)
    const idleMs = clock.monotonic() - connectedAt
    const after = rss()
    return {
      connected: clients.length,
      connectionsLost,
      loginsPerSecond: Math.round((connections * 1_000) / (connectedAt - beganAt)),
      gatewayRssKiBBefore: before,
      gatewayRssKiBAfter: after,
      rssKiBPerConnection: Math.round(((after - before) / connections) * 10) / 10,
      gatewayCpuPercent: Math.round(((options.gatewayCpuMs() - cpuBefore) / idleMs) * 1_000) / 10,
    }
  } finally {
    for (const client of clients) client.close()
  }
}
