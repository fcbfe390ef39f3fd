import type { ArchiveReader } from '../../processors/archive/archive-reader.ts'
import type { ArchiveStore } from '../../processors/archive/archive-store.ts'
import type { HistoryReader, HistoryStore } from '../../processors/history/history-store.ts'
import { MemoryHistoryStore } from '../../processors/history/memory-history-store.ts'
import type { AppsReader } from '../../processors/membership/apps-store.ts'
import type { MembershipReader, MembershipStore } from '../../processors/membership/membership-store.ts'
import { MemoryMembershipStore } from '../../processors/membership/memory-membership-store.ts'
import type { DevicesReader, PeopleReader } from '../../processors/membership/people-store.ts'
import { MemoryStateStore, type StateStore } from '../../processors/sequencer/state-store.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Machine } from './host.ts'
import type { World } from './world.ts'

/** The stores as one process sees them: over a network that loses requests and answers, on servers that may fail. */

/** How likely one call fails in each of these ways. */
const FAILED = 0.03
const UNANSWERED = 0.03
const HALF_DONE = 0.03
const SLOW = 0.01
const SLOW_MS_MAX = 7_000

/** One request to a server. */
async function request<T>(world: World, effect: () => Promise<T>): Promise<T> {
  const { faults, random } = world
  await world.latency()
  if (faults.happens('store slow', SLOW)) await world.clock.sleep(random.next() * SLOW_MS_MAX)
  if (faults.happens('store failed', FAILED)) throw new Error('the store refused the request')
  const answer = await effect()
  if (faults.happens('store unanswered', UNANSWERED)) throw new Error('the answer of the store was lost')
  return answer
}

/** Every method of the store is a request that the process may die in. */
export function remote<T extends object>(world: World, { life }: Machine, name: string, store: T): T {
  return new Proxy(store, {
    get: (target, property) => {
      const method = Reflect.get(target, property) as (...args: unknown[]) => Promise<unknown>
      if (property === 'close') return () => Promise.resolve()
      return (...args: unknown[]) =>
        life.call(`${name}.${String(property)}`, () => request(world, () => method.apply(target, args)))
    },
  })
}

function halfDone(world: World): boolean {
  return world.faults.happens('store half done', HALF_DONE)
}

function lost(): Error {
  return new Error('the connection broke in the middle of a batch')
}

/** Where a view has been, so that it can be put back there. */
export class Trail {
  private readonly positions: { partition: Partition; position: Position }[] = []

  add(partition: Partition, position: Position): void {
    this.positions.push({ partition, position })
    if (this.positions.length > TRAIL_MAX) this.positions.shift()
  }

  pick(world: World): { partition: Partition; position: Position } | undefined {
    return this.positions.length === 0 ? undefined : world.random.pick(this.positions)
  }

  clear(): void {
    this.positions.length = 0
  }
}

const TRAIL_MAX = 30

/** Keeps what a view's server holds, so that it can be set back to it. */
function copyNowAndThen({ faults, random, copies, servers }: World, name: 'history' | 'membership'): void {
  if (!faults.enabled.has('redis set back') || !random.chance(COPIED)) return
  if (name === 'history') copies.history.take(servers.history.contents)
  else copies.membership.take(servers.membership.contents)
}

const COPIED = 0.05

export function historyStore(world: World, host: Machine): HistoryStore {
  const server = world.servers.history
  const store = new MemoryHistoryStore(server, world.historyOptions)
  const writing: HistoryStore = {
    position: partition => store.position(partition),
    inPlace: partition => store.inPlace(partition),
    write: async ({ partition, writes, position }) => {
      const stored = server.contents.positions.get(partition)
      if (stored !== undefined && halfDone(world)) {
        const sessions = writes.sessions.slice(0, world.random.between(0, writes.sessions.length))
        await store.write({ partition, writes: { ...writes, sessions, refusals: [] }, position: stored })
        throw lost()
      }
      await store.write({ partition, writes, position })
      world.trails.history.add(partition, position)
      copyNowAndThen(world, 'history')
    },
    close: () => store.close(),
  }
  return remote(world, host, 'history', writing)
}

export function membershipStore(world: World, host: Machine): MembershipStore {
  const server = world.servers.membership
  const store = new MemoryMembershipStore(server)
  const writing: MembershipStore = {
    position: partition => store.position(partition),
    inPlace: partition => store.inPlace(partition),
    write: async ({ partition, writes, position }) => {
      const stored = server.contents.positions.get(partition)
      if (stored !== undefined && halfDone(world)) {
        const groups = writes.groups.slice(0, world.random.between(0, writes.groups.length))
        const users = new Map([...writes.users].slice(0, world.random.between(0, writes.users.size)))
        await store.write({ partition, writes: { ...writes, groups, users }, position: stored })
        throw lost()
      }
      await store.write({ partition, writes, position })
      world.trails.membership.add(partition, position)
      copyNowAndThen(world, 'membership')
    },
    close: () => store.close(),
  }
  return remote(world, host, 'membership', writing)
}

export function archiveStore(world: World, host: Machine): ArchiveStore {
  const server = world.servers.archive
  const store = server.store()
  const writing: ArchiveStore = {
    ...store,
    insert: async (load, rows) => {
      if (halfDone(world)) {
        server.insertEvents(load.token, rows)
        throw lost()
      }
      await store.insert(load, rows)
    },
  }
  return remote(world, host, 'archive', writing)
}

export function historyReader(world: World, host: Machine): HistoryReader {
  return remote(world, host, 'history', new MemoryHistoryStore(world.servers.history, world.historyOptions))
}

export function membershipReader(world: World, host: Machine): MembershipReader {
  return remote(world, host, 'membership', new MemoryMembershipStore(world.servers.membership))
}

export function appsReader(world: World, host: Machine): AppsReader {
  return remote(world, host, 'membership', world.servers.membership.apps)
}

export function peopleReader(world: World, host: Machine): PeopleReader & DevicesReader {
  return remote(world, host, 'membership', world.servers.membership.people)
}

export function archiveReader(world: World, host: Machine): ArchiveReader {
  const server = world.servers.archive
  const reading: ArchiveReader = {
    position: partition => server.position(partition),
    outcome: request => server.outcome(request),
    message: request => server.message(request),
    count: request => server.count(request),
    timeline: request => server.timeline(request),
    positions: () => server.positions(),
    sessionsOf: request => server.sessionsOf(request),
    search: request => server.search(request),
    sentBy: request => server.sentBy(request),
    sentCount: userId => server.sentCount(userId),
    messagesAt: places => server.messagesAt(places),
  }
  return remote(world, host, 'archive', reading)
}

/** The state store on the machine's own disk: it does not fail, but the process may die around each write. */
export function stateStore(world: World, { life }: Machine, partition: Partition, machine: string): StateStore {
  const store = new MemoryStateStore(world.disks.dir(machine, partition))
  return {
    get: (table, key) => store.get(table, key),
    newestRecent: () => store.newestRecent(),
    checkpoint: () => store.checkpoint(),
    write: batch => life.call('state store write', () => world.latency().then(() => store.write(batch))),
    clear: () => life.call('state store clear', () => store.clear()),
    size: () => store.size(),
    close: () => store.close(),
  }
}
