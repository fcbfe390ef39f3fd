import type { PresenceStore, Signals } from '../../gateway/presence/presence-store.ts'
import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Host, Machine } from './host.ts'
import { remote } from './stores.ts'
import type { World } from './world.ts'

/**
 * What goes past the log: who is connected, "is typing", and messages that nobody keeps. The store is shared and fails
 * as every store does; what gateways say to each other takes its time, comes in any order, and is lost as often as a
 * store refuses.
 */

/** How likely a signal is lost on its way to one gateway. */
const LOST = 0.03

/** How far everything had come at some moment: what somebody who acts then may not know yet lies behind it. */
export interface Moment {
  at: Millis
  /** Where im.events ended. */
  ends: ReadonlyMap<Partition, Offset>
  /** The last event that the membership view has of each partition. */
  view: ReadonlyMap<Partition, Offset>
  /** The last event that the gateway has handled of each partition. */
  gateway: ReadonlyMap<Partition, Offset>
  /** How often the membership view had lost everything. */
  losses: number
}

export function momentOf(world: World, host: Pick<Host, 'reached'>): Moment {
  const view = [...world.servers.membership.contents.positions].map(([n, { offset }]) => [n, offset] as const)
  return {
    at: world.clock.monotonic(),
    ends: world.truth.ends(),
    view: new Map(view),
    gateway: new Map(host.reached),
    losses: world.membershipLosses,
  }
}

/** A message that nobody keeps, or "is typing", as it came to a gateway. */
export interface Hearing {
  gateway: string
  key: string
  moment: Moment
}

export function presenceOf(world: World, host: Air): { store: PresenceStore; signals: Signals } {
  const { presence } = world.servers
  // Which connection of a device is the newest is said by wall clocks: while they are moved by minutes it cannot be known.
  const server: PresenceStore = world.faults.enabled.has('clock stepped') ? withoutClaims(presence) : presence
  return { store: remote(world, host, 'presence', server), signals: signalsOf(world, host) }
}

function withoutClaims(store: PresenceStore): PresenceStore {
  return {
    enter: (entries, now) => store.enter(entries, now),
    leave: (entries, now) => store.leave(entries, now),
    online: (userIds, now) => store.online(userIds, now),
    claim: async entries => entries.map(() => undefined),
    holders: async entries => entries.map(({ connectionId, at }) => ({ connectionId, at })),
  }
}

/** What of a gateway's machine has to do with the air. */
type Air = Machine & Pick<Host, 'reached'>

function signalsOf(world: World, host: Air): Signals {
  const { life } = host
  const ends = world.servers.presence.signals()
  return {
    publish: signals => {
      if (life.isAlive) ends.publish(signals)
    },
    listen: onSignal =>
      ends.listen(signal => {
        if (!life.isAlive || world.faults.happens('store failed', LOST)) return
        world.clock.schedule(world.delay(), () =>
          life.run(() => {
            const key =
              signal.kind === 'typing'
                ? typingKey(signal)
                : signal.kind === 'online'
                  ? `online ${signal.message.packId}`
                  : undefined
            if (key !== undefined) world.hearings.push({ gateway: host.name, key, moment: momentOf(world, host) })
            onSignal(signal)
          }),
        )
      }),
  }
}

export function typingKey({ sessionId, from, on }: { sessionId: string; from: string; on: boolean }): string {
  return `typing ${sessionId} ${from} ${on}`
}
