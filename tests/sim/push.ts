import { pushFacts } from '../../commands/push-facts.ts'
import type { Millis } from '../../infra/clock.ts'
import { Metrics } from '../../infra/metrics.ts'
import { makePush, PUSH, type PushParts, withWorker } from '../../processors/push/main.ts'
import type { Delivered, PushStore } from '../../processors/push/push-store.ts'
import {
  accepted,
  invalidToken,
  type PushMessage,
  retryMessage,
  retryService,
  type SendResult,
  type Vendor,
} from '../../processors/push/vendor.ts'
import { makeRunner } from '../../processors/runner.ts'
import { presenceOf } from './air.ts'
import { Host, type Machine, type Running } from './host.ts'
import { override } from './mistakes.ts'
import { historyReader, membershipReader, peopleReader, remote } from './stores.ts'
import type { World } from './world.ts'

/**
 * The role push, with a vendor that keeps a book of what it has taken: every call is on its way for a while, may be
 * refused, may go unanswered, and the process may die around it.
 */

/** So short that a run sees the end of them, and that nothing is tried for long when all is to become quiet. */
const LIMITS = { ageMsMax: 10_000, ackMs: 500, offlineMs: 50, isContentHidden: false }
const REFUSED = 0.15
const UNANSWERED = 0.05
const DEAD = 0.05
const PAUSE_MS_MAX: Millis = 1_000
/** Each job under way writes records of its own. */
const APPENDS_MAX = 1_000

/** What the vendor has taken. */
export interface Taken {
  process: string
  message: PushMessage
  at: Millis
}

/** A device has told how far it has a session, and push has kept that. */
export interface Acked extends Delivered {
  at: Millis
}

export function pushHost(world: World, copy: string): Host {
  const boot = (host: Machine): Running => {
    const clock = host.life.clock(host.clock)
    const partitions = Array.from({ length: world.options.partitions }, (_, n) => n)
    const shared = { log: host.log(), topics: world.topics, clock, random: world.random.fork(), logger: world.logger }
    const parts: PushParts = {
      ...shared,
      store: remote(world, host, 'push', notingAcks(world)),
      facts: pushFacts({
        history: historyReader(world, host),
        membership: membershipReader(world, host),
        people: peopleReader(world, host),
        presence: presenceOf(world, host as Host).store,
        clock,
      }),
      vendors: { of: () => vendorOf(world, host), languages: {}, close: async () => {} },
      packCodec: world.codecs.pack,
      pushCodec: world.codecs.push,
      limits: LIMITS,
      metrics: new Metrics(),
    }
    const { view, makeWorker } = makePush(world.alterations.push(parts, world))
    const eventCodec = world.codecs.event
    const runner = withWorker(
      makeRunner({ ...shared, view, eventCodec, partitions, metrics: new Metrics() }),
      makeWorker(partitions),
    )
    void runner.start()
    return { done: runner.done, isReady: () => runner.ready(), drain: () => runner.drain() }
  }
  return new Host(world, { name: `${PUSH}-${copy}`, boot, appendsMax: APPENDS_MAX })
}

/** The server, which writes down when it was told what devices have. */
function notingAcks(world: World): PushStore {
  const { push } = world.servers
  return override(push, {
    add: async request => {
      await push.add(request)
      const at = world.clock.monotonic()
      world.acked.push(...request.delivered.map(mark => ({ ...mark, at })))
    },
  })
}

function vendorOf(world: World, host: Machine): Vendor {
  const { faults, random } = world
  const answer = (message: PushMessage): SendResult => {
    if (faults.happens('store failed', REFUSED)) {
      const afterMs = random.next() * PAUSE_MS_MAX
      return random.chance(0.5) ? retryMessage('429', afterMs) : retryService('503', afterMs)
    }
    if (random.chance(DEAD)) return invalidToken('410', world.clock.now())
    world.pushed.push({ process: host.name, message, at: world.clock.monotonic() })
    world.note(`${host.name} pushes ${message.pushId}`)
    return faults.happens('store unanswered', UNANSWERED) ? { kind: 'unknown', reason: 'no answer' } : accepted('v')
  }
  return {
    name: 'https',
    batchMax: 3,
    perSecondMax: 1_000,
    withdrawal: 'replace',
    send: messages =>
      host.life.call('push to a vendor', async () => {
        await world.latency()
        return messages.map(answer)
      }),
    close: async () => {},
  }
}
