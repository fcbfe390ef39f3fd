import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('[RN15] one begins per turn of the event loop, in the order in which they asked', async () => {
  const deferred: (() => void)[] = []
  const turns = new Turns({ defer: task => deferred.push(task) })
  const begun: string[] = []
  for (const name of ['a', 'b', 'c']) void turns.next().then(() => begun.push(name))
  const loop: string[][] = []
  while (deferred.length > 0) {
    for (const task of deferred.splice(0)) task()
    await Promise.resolve()
    loop.push([...begun])
    if (begun.length === 2 && loop.length === 2) void turns.next().then(() => begun.push('d'))
  }
  expect(loop).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']])
})
