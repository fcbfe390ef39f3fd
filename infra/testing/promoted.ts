import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options?: { type: 'minor' }) => void

/** How often the work is done, each time followed by a collection of young objects. */
const ROUNDS = 20

/**
 * What work leaves among old objects, bytes: work that is done and forgotten should leave nearly nothing. It runs once
 * and everything is collected, so that what it needs for good is old; then it runs again and again with nothing but
 * collections of young objects between.
 */
export async function promotedBy(work: () => void | Promise<void>): Promise<number> {
  const collect = collector()
  await work()
  collect()
  const before = oldBytes()
  for (let round = 0; round < ROUNDS; round++) {
    await work()
    collect({ type: 'minor' })
  }
  // What has survived one collection is old with the next.
  collect({ type: 'minor' })
  return oldBytes() - before
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(space => space.space_name === 'old_space')!.space_used_size
}

/** The collector that V8 gives to those who ask for it, whatever flags the process was started with. */
function collector(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collect
}
