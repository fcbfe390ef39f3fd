import { expect, test } from 'vitest'
import type { Random } from '../../infra/clock.ts'
import { MemoryStateDir } from '../../processors/sequencer/state-store.ts'
import { type Fault, FaultyAppends, Mortal } from '../../processors/sequencer/testing/faults.ts'
import { makePack, packIdAt, T0, text } from '../../processors/sequencer/testing/packs.ts'
import { referenceValues, validValues } from '../../processors/sequencer/testing/reference.ts'
import { type Node, seededRandom, World } from '../../processors/sequencer/testing/world.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'

/**
 * The two-writer model of DESIGN 4, small: two sequencers that do not know of each other work on one partition, while
 * their produces get lost, come late, twice, slowly or without an answer, and while they are killed and started again
 * on the same disk or on none. The valid log has to be, byte for byte, that of one sequencer that never fails.
 */

const SEEDS = 40
const STEPS = 60

const users = ['alice', 'bob', 'carol', 'dave'] as const
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!

function randomBody(random: Random): PackBody {
  const userIds = [pick(random, users) as UserId]
  return pick<PackBody>(random, [
    text('hello'),
    text('x'.repeat(Math.floor(random.next() * 500))),
    { kind: 'JoinGroup' },
    { kind: 'QuitGroup' },
    { kind: 'AddMembers', userIds },
    { kind: 'RemoveMembers', userIds },
    { kind: 'CreateGroup', info: { name: 'g', avatar: '', notice: '' }, members: userIds },
  ])
}

function randomPack(random: Random) {
  const from = pick(random, users)
  const session = pick(random, ['s:alice:bob', 's:carol:dave', 'g:chess', 'g:go', 'g:shogi'])
  // Few numbers: repeats and conflicts happen.
  return makePack({ session, from, body: randomBody(random), packId: packIdAt(T0, Math.floor(random.next() * 400)) })
}

class Instance {
  readonly faults: FaultyAppends
  private readonly world: World
  private readonly name: string
  private readonly random: Random
  private mortal = new Mortal()
  private dirs = [new MemoryStateDir()]
  node: Node | undefined

  constructor(world: World, name: string, random: Random) {
    this.world = world
    this.name = name
    this.random = random
    this.faults = new FaultyAppends({ log: world.log, clock: world.clock, random })
    world.log.createTopic({ ...world.topics.sessions, name: `im.sessions.${name}` })
  }

  async start(): Promise<void> {
    const { world, name, random } = this
    const mortal = new Mortal()
    this.mortal = mortal
    const { topics } = world
    const append: World['log']['append'] = request =>
      request.topic === topics.events.name ? this.faults.append(request) : world.log.append(request)
    this.node = await world.start({
      name,
      dirs: this.dirs,
      clock: mortal.clock(world.clock),
      log: mortal.log(world.log, append),
      transactional: mortal.transactional(world.transactional),
      sessions: { ...topics.sessions, name: `im.sessions.${name}` },
      seed: Math.floor(random.next() * 2 ** 31),
    })
  }

  /** Killed, and started again: half of the time on an empty disk. */
  async crash(): Promise<void> {
    this.mortal.kill()
    if (this.random.next() < 0.5) this.dirs = [new MemoryStateDir()]
    await this.start()
  }
}

async function run(seed: number): Promise<{ counts: Record<Fault, number>; junk: number; crashes: number }> {
  const random = seededRandom(seed)
  const world = await World.make()
  const instances = [new Instance(world, 'a', random), new Instance(world, 'b', random)] as const
  for (const instance of instances) await instance.start()
  let crashes = 0
  for (let step = 0; step < STEPS; step++) {
    const packs = Math.floor(random.next() * 4)
    for (let n = 0; n < packs; n++) world.send(randomPack(random))
    if (random.next() < 0.06) {
      crashes++
      await pick(random, instances).crash()
    }
    await world.clock.pass(Math.floor(random.next() * 60))
  }
  for (const { faults } of instances) faults.healed = true
  await world.untilAnswered()
  // Nothing may come late any more, and nobody may have stopped.
  await world.clock.pass(5_000)
  expect(await validValues(world)).toEqual(await referenceValues(world))
  for (const { node } of instances) expect(node!.service.ready()).toBe(true)
  const { junk } = await world.valid()
  for (const { node } of instances) await world.stop(node!)
  const counts = { ...instances[0].faults.counts }
  for (const fault of Object.keys(counts) as Fault[]) counts[fault] += instances[1].faults.counts[fault]
  return { counts, junk, crashes }
}

test('[SQ21] two sequencers with lost, late, repeated and unanswered produces leave the log of one', async () => {
  const totals: Record<string, number> = { junk: 0, crashes: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { counts, junk, crashes } = await run(seed).catch(error => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
    totals.junk! += junk
    totals.crashes! += crashes
    for (const [fault, count] of Object.entries(counts)) totals[fault] = (totals[fault] ?? 0) + count
  }
  // A fault that never happened proves nothing.
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(SEEDS / 4)
}, 60_000)
