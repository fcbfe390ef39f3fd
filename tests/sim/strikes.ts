import { type GroupId, groupSessionId } from '../../schemas/ids.ts'
import type { LogRecord } from '../../topics/log.ts'
import type { StrikeName } from './faults.ts'
import type { World } from './world.ts'

/** Faults that strike at a moment: what each of them does to the world. */

/** How far a wall clock may jump: less than the rules let a packId lie ahead. */
const STEP_MS_MAX = 240_000

/** Lets a fault happen that strikes at a moment. */
export function strike(world: World, name: StrikeName): void {
  const { random, faults } = world
  const host = random.pick([...world.hosts()])
  switch (name) {
    case 'crash':
      host.crash()
      return
    case 'freeze':
      faults.count(name)
      host.freeze(random.next() * random.pick([300, 3_000, 12_000]))
      return
    case 'drain':
      faults.count(name)
      host.drain()
      return
    case 'rebalance':
      faults.count(name)
      rebalance(world)
      return
    case 'disk lost':
      loseDisk(world)
      return
    case 'fetch held':
      faults.count(name)
      host.heldUntil = world.clock.monotonic() + random.next() * random.pick([500, 5_000])
      return
    case 'foreign records':
      faults.count(name)
      putForeign(world)
      return
    case 'redis emptied':
      faults.count(name)
      emptyRedis(world)
      return
    case 'view rewound':
      rewindView(world)
      return
    case 'redis set back':
      setBackRedis(world)
      return
    case 'clock stepped':
      faults.count(name)
      stepClock(world)
      return
    case 'connection lost':
    case 'frames lost':
    case 'reader slow':
    case 'reader frozen':
      strikeConnection(world, name)
      return
  }
}

function strikeConnection(
  world: World,
  name: 'connection lost' | 'frames lost' | 'reader slow' | 'reader frozen',
): void {
  const connection = world.network.pick()
  if (connection === undefined) return
  world.faults.count(name)
  if (name === 'connection lost') connection.breakOff('struck')
  if (name === 'frames lost') connection.loseFrames()
  if (name === 'reader slow') connection.readSlowly()
  if (name === 'reader frozen') connection.freeze()
}

/** A partition goes to the other sequencer; now and then nobody tells the one that had it. */
function rebalance(world: World): void {
  const [from, to] = world.random.chance(0.5) ? world.sequencers : [...world.sequencers].reverse()
  const partition = world.random.between(0, world.options.partitions - 1)
  world.assigned.get(to!.name)!.add(partition)
  world.note(`partition ${partition} goes to ${to!.name}`)
  if (world.random.chance(0.7)) {
    world.assigned.get(from!.name)!.delete(partition)
    if (world.random.chance(0.5)) from!.drain()
  }
  to!.kill('assigned anew')
}

function loseDisk(world: World): void {
  const host = world.random.pick(world.sequencers)
  world.faults.count('disk lost')
  world.disks.lose(host.name)
  host.kill('its disk is gone')
}

/** Records that no correct gateway or sequencer writes. */
function putForeign(world: World): void {
  const { random, topics } = world
  const partition = random.between(0, world.options.partitions - 1)
  const key = Buffer.from(groupSessionId('g1' as GroupId))
  const junk: LogRecord = { key, value: random.bytes(random.between(0, 40)), headers: {} }
  const name = random.chance(0.5) ? topics.packs.name : topics.events.name
  world.note(`a foreign record on ${name}/${partition}`)
  world.log.put(name, partition, [junk])
}

function emptyRedis(world: World): void {
  const what = world.random.pick(['history', 'membership', 'both'] as const)
  world.note(`redis loses ${what}`)
  for (const name of ['history', 'membership'] as const) {
    if (what !== name && what !== 'both') continue
    world.servers[name].flush()
    if (name === 'membership') world.membershipLosses++
    world.trails[name].clear()
    world.copies[name].clear()
  }
}

/** Redis fails over to a replica that is behind: a view is as it was a while ago. */
function setBackRedis(world: World): void {
  const { random, copies, servers } = world
  const name = random.pick(['history', 'membership'] as const)
  const isSetBack =
    name === 'history'
      ? copies.history.setBack(servers.history.contents, random)
      : copies.membership.setBack(servers.membership.contents, random)
  if (!isSetBack) return
  if (name === 'membership') world.membershipLosses++
  world.faults.count('redis set back')
  world.note(`redis is set back to an earlier ${name}`)
  world.trails[name].clear()
}

/** A position is as it was a while ago, so that events come once more. */
function rewindView(world: World): void {
  const name = world.random.pick(['history', 'membership'] as const)
  const place = world.trails[name].pick(world)
  if (place === undefined) return
  world.faults.count('view rewound')
  world.note(`${name} goes back to ${place.position.offset} in partition ${place.partition}`)
  world.servers[name].contents.positions.set(place.partition, place.position)
}

function stepClock(world: World): void {
  const { random } = world
  const clocks = [
    world.brokerClock,
    ...[...world.hosts()].map(host => host.clock),
    ...world.devices.map(({ clock }) => clock),
  ]
  const clock = random.pick(clocks)
  clock.skewMs = random.chance(0.3) ? 0 : random.between(-STEP_MS_MAX, STEP_MS_MAX)
}
