import { expect, test } from 'vitest'
import { silentLogger } from '../infra/logger.ts'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import type { Partition } from '../schemas/ids.ts'
import { MemoryGroup } from '../topics/memory-group.ts'
import { fixedOwnership, type Ownership } from '../topics/ownership.ts'
import type { Runner } from './runner.ts'
import { makeViewInGroup, RELEASE_MS_MAX } from './view-in-group.ts'

/** Runners that say when they begin and end. */
function scene(clock: VirtualClock) {
  const story: string[] = []
  const failures: ((error: Error) => void)[] = []
  let drains: () => Promise<void> = async () => {}
  const view = (name: string, ownership: Ownership) =>
    makeViewInGroup({
      name,
      ownership,
      makeRunner: partitions => runner(name, partitions),
      clock,
      logger: silentLogger,
    })
  function runner(name: string, partitions: readonly Partition[]): Runner {
    let isReady = false
    return {
      name,
      start: async () => {
        isReady = true
        story.push(`${name} runs ${partitions.join()}`)
      },
      ready: () => isReady,
      drain: async () => {
        await drains()
        story.push(`${name} ends ${partitions.join()}`)
      },
      done: new Promise((_, reject) => failures.push(reject)),
      caughtUp: async () => {},
      progress: () => ({ applied: 0, total: 0, remaining: 0 }),
    }
  }
  const slowDrains = (drain: () => Promise<void>) => {
    drains = drain
  }
  return { story, view, failures, slowDrains }
}

test('[OW1, OW5] a view lets go of what it had before another one begins with it', async () => {
  const clock = new VirtualClock(0)
  const group = new MemoryGroup({ clock, partitions: 4 })
  const { story, view } = scene(clock)
  const a = view('a', group.as('a'))
  await a.start()
  expect(a.ready()).toBe(false)
  await clock.pass(0)
  expect(a.ready()).toBe(true)
  const b = view('b', group.as('b'))
  await b.start()
  await clock.pass(10)
  expect(story).toEqual(['a runs 0,1,2,3', 'a ends 0,1,2,3', 'a runs 0,1', 'b runs 2,3'])
  await a.drain()
  await clock.pass(10)
  expect(story.slice(4)).toEqual(['a ends 0,1', 'b ends 2,3', 'b runs 0,1,2,3'])
  expect([a.ready(), b.ready()]).toEqual([false, true])
  await b.drain()
})

test('[OW5] a store that stands still holds a change of owners up for a named time only', async () => {
  const clock = new VirtualClock(0)
  const group = new MemoryGroup({ clock, partitions: 2 })
  const { story, view, slowDrains } = scene(clock)
  await view('a', group.as('a')).start()
  await clock.pass(0)
  slowDrains(() => new Promise(() => {}))
  await view('b', group.as('b')).start()
  await clock.pass(RELEASE_MS_MAX - 1)
  expect(story).toEqual(['a runs 0,1'])
  await clock.pass(10)
  expect(story).toEqual(['a runs 0,1', 'a runs 0', 'b runs 1'])
})

test('[OW4] a view with fixed partitions runs from its start to its drain, and fails with its runner', async () => {
  const clock = new VirtualClock(0)
  const { story, view, failures } = scene(clock)
  const fixed = view('a', fixedOwnership([1, 3]))
  await fixed.start()
  expect(fixed.ready()).toBe(true)
  failures[0]!(new Error('the log is corrupt'))
  await expect(fixed.done).rejects.toThrow('the log is corrupt')
  await fixed.drain()
  expect(story).toEqual(['a runs 1,3', 'a ends 1,3'])
})
