import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { MemoryStateDir } from '../../processors/sequencer/state-store.ts'
import { referenceValues, validValues } from '../../processors/sequencer/testing/reference.ts'
import { World } from '../../processors/sequencer/testing/world.ts'
import { type Crash, CrashingNode, POINTS } from './crashing-node.ts'
import { randomPackOrChange } from './random-packs.ts'

/**
 * A crash between every two steps of the cycle, as a property over histories and crashes and as an example per point.
 * Whatever happened, the log is that of a sequencer that never crashed, and so are the answers to everything that is
 * sent once more, by a sequencer on what the crashes have left and by one that knows im.sessions only.
 */

interface Phase {
  /** The packs that arrive while the process lives: a seed for each. */
  packs: number[]
  crash: Crash
  /** What the next process finds. */
  disk: 'the same disk' | 'an empty disk'
}

const RUNS = 40
/** A process lives so long when its crash point is not reached, in ms: everything is written by then. */
const LIFE_MS = 4_000
const STEP_MS = 50
const LATE_MS = 30

async function runAndCheck(phases: readonly Phase[]): Promise<void> {
  const world = await World.make()
  let dirs = [new MemoryStateDir()]
  for (const { packs, crash, disk } of phases) {
    const node = new CrashingNode(world, crash)
    node.start(dirs)
    for (const seed of packs) {
      world.send(randomPackOrChange(new SeededRandom(seed)))
      await world.clock.pass(seed % STEP_MS)
    }
    for (let lived = 0; lived < LIFE_MS && node.mortal.isAlive; lived += STEP_MS) await world.clock.pass(STEP_MS)
    node.mortal.kill()
    // It arrives while the next process starts, or works already.
    for (const arrive of node.underWay) world.clock.schedule(LATE_MS, arrive)
    if (disk === 'an empty disk') dirs = [new MemoryStateDir()]
  }
  await checkAnswers(world, { dirs })
  await checkAnswers(world, {})
}

/** A sequencer that is left alone answers everything, and everything once more, as one that never crashed. */
async function checkAnswers(world: World, options: { dirs?: MemoryStateDir[] }): Promise<void> {
  const node = await world.start(options)
  const before = await world.records(world.topics.packs.name)
  for (const { key, value } of before.slice(-40)) world.sendRaw(value, key)
  await world.untilAnswered()
  await world.clock.pass(LIFE_MS)
  expect(await validValues(world)).toEqual(await referenceValues(world))
  expect(node.service.ready()).toBe(true)
  await world.stop(node)
}

const someCrash = fc.record({
  point: fc.constantFrom(...POINTS),
  nth: fc.integer({ min: 1, max: 3 }),
  since: fc.constantFrom('start' as const, 'ready' as const),
})
const somePhase = fc.record({
  packs: fc.array(fc.nat(5_000), { maxLength: 12 }),
  crash: someCrash,
  disk: fc.constantFrom('the same disk' as const, 'an empty disk' as const),
})

test('[SQ21, ST14] any history with any crashes ends in the log of a sequencer that never crashed', async () => {
  // On a failure fast-check prints seed, path and the smallest phases that show it.
  const property = fc.asyncProperty(fc.array(somePhase, { minLength: 1, maxLength: 5 }), runAndCheck)
  await fc.assert(property, { numRuns: RUNS })
}, 60_000)

const SOME_PACKS = [11, 12, 13, 14, 15, 16, 17, 18, 19]
const MORE_PACKS = [21, 22, 23, 24, 25, 26]

describe.each(POINTS)('killed where %s', point => {
  test.each(['the same disk', 'an empty disk'] as const)('[SQ21, ST14] and started on %s', async disk => {
    const past: Phase = {
      packs: SOME_PACKS,
      crash: { point: 'the packs are fetched', nth: 1_000, since: 'start' },
      disk: 'the same disk',
    }
    await runAndCheck([past, { packs: MORE_PACKS, crash: { point, nth: 1, since: 'ready' }, disk }])
  })

  test('[SQ21, ST14] while it starts on an empty disk', async () => {
    const crash = { point, nth: 1, since: 'start' } as const
    const past: Phase = {
      packs: SOME_PACKS,
      crash: { point: 'im.sessions has it, the store does not know', nth: 2, since: 'ready' },
      disk: 'an empty disk',
    }
    await runAndCheck([past, { packs: [], crash, disk: 'the same disk' }])
  })
})
