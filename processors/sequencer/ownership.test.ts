import { expect, test } from 'vitest'
import { MemoryGroup } from '../../topics/memory-group.ts'
import { metric, packsOf, start } from './testing/nodes.ts'
import { makePack } from './testing/packs.ts'
import { type Node, World } from './testing/world.ts'

/** Instances that share the partitions of one log by agreement. */

const PARTITIONS = 4

async function world() {
  const made = await World.make({ partitions: PARTITIONS })
  const group = new MemoryGroup({ clock: made.clock, partitions: PARTITIONS })
  const join = (name: string, options: Parameters<typeof start>[1] = {}) =>
    start(made, { ownership: group.as(name), name, ...options })
  return { world: made, group, join }
}

const ownedBy = (node: Node) => metric(node, 'owned')
const session = (partition: number) =>
  ['s:alice:bob', 's:alice:carol', 's:alice:dave', 's:alice:erin', 's:alice:fred'][partition]!

async function untilOwned(w: World, wanted: ReadonlyMap<Node, number>): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    const counts = await Promise.all([...wanted].map(async ([node, count]) => (await ownedBy(node)) === count))
    if (counts.every(Boolean) && [...wanted.keys()].every(node => node.service.ready())) return
    await w.clock.pass(50)
  }
  throw new Error('the partitions are not shared as expected')
}

/** A pack of each partition. */
function sendEverywhere(w: World): void {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const pack = makePack({ session: session(partition) })
    w.sendRaw(w.codecs.pack.encode(pack), Buffer.from(pack.sessionId), partition)
  }
}

async function answeredEverywhere(w: World): Promise<number> {
  let count = 0
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await w.untilAnswered(partition)
    count += (await w.events(partition)).length
  }
  return count
}

test('[OW1, OW5] instances share the partitions; one that loses a partition writes it out before it lets go', async () => {
  const { world: w, join } = await world()
  const first = await join('first')
  await untilOwned(w, new Map([[first, 4]]))
  sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(4)
  const second = await join('second')
  await untilOwned(
    w,
    new Map([
      [first, 2],
      [second, 2],
    ]),
  )
  // Fenced by nobody: what it had to write was written before the other one began.
  const marks = (await w.records(w.topics.sessions.name, 2)).filter(({ key }) => key?.toString() === '#pos')
  expect(marks.length).toBeGreaterThan(0)
  sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(8)
  expect(await metric(first, 'append_retries_total')).toBe(0)
  await w.stop(first)
  await untilOwned(w, new Map([[second, 4]]))
  sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(12)
})

test('[OW1, SQ21] an instance that is believed dead and goes on leaves the log of one writer', async () => {
  const { world: w, group, join } = await world()
  const first = await join('first')
  await untilOwned(w, new Map([[first, 4]]))
  sendEverywhere(w)
  await answeredEverywhere(w)
  // Cut off from the coordinator only: it reads and appends on.
  group.expire('first')
  const second = await join('second')
  await untilOwned(w, new Map([[second, 4]]))
  for (let round = 0; round < 5; round++) sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(24)
  // It found out by the fence and holds nothing any more.
  await w.clock.pass(5_000)
  expect(await ownedBy(first)).toBe(0)
  expect(second.service.ready()).toBe(true)
})

test('[OW3] while the coordinator is away what is owned is answered', async () => {
  const { world: w, group, join } = await world()
  const first = await join('first')
  await untilOwned(w, new Map([[first, 4]]))
  group.isAway = true
  const second = await join('second')
  sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(4)
  expect(second.service.ready()).toBe(false)
  group.isAway = false
  await untilOwned(
    w,
    new Map([
      [first, 2],
      [second, 2],
    ]),
  )
})

test('[OW7] an instance that comes back has its share again, from its own state', async () => {
  const { world: w, join } = await world()
  const first = await join('first')
  const second = await join('second')
  await untilOwned(
    w,
    new Map([
      [first, 2],
      [second, 2],
    ]),
  )
  await w.stop(second)
  await untilOwned(w, new Map([[first, 4]]))
  sendEverywhere(w)
  await answeredEverywhere(w)
  const again = await join('second', { dirs: second.dirs })
  await untilOwned(
    w,
    new Map([
      [first, 2],
      [again, 2],
    ]),
  )
  sendEverywhere(w)
  expect(await answeredEverywhere(w)).toBe(8)
})

test('[OW6] a partition that cannot be taken without guessing stands still and alarms; the others go on', async () => {
  const { world: w, join } = await world()
  w.log.put(w.topics.events.name, 1, [{ key: Buffer.from('k'), value: Buffer.from('v'), headers: {} }])
  w.log.deleteBefore(w.topics.events.name, 1, 1)
  const node = await join('first')
  await untilStopped(w, node)
  expect(await ownedBy(node)).toBe(3)
  expect(node.service.ready()).toBe(false)
  for (const pack of packsOf(3)) w.sendRaw(w.codecs.pack.encode(pack), Buffer.from(pack.sessionId), 0)
  await w.untilAnswered(0)
  // The next instance leaves it to the one that has alarmed.
  const second = await join('second')
  await untilOwned(w, new Map([[second, 2]]))
  expect(await metric(second, 'stopped')).toBe(0)
})

async function untilStopped(w: World, node: Node): Promise<void> {
  for (let turn = 0; (await metric(node, 'stopped')) === 0 || (await ownedBy(node)) < 3; turn++) {
    if (turn === 200) throw new Error('no partition stands still')
    await w.clock.pass(50)
  }
}
