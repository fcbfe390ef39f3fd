import { expect, test } from 'vitest'
import type { Log } from '../../topics/log.ts'
import { POSITION_START } from '../../topics/valid-events.ts'
import { LogEnds, Progress } from './progress.ts'

test('[RS5] whoever waits for an offset goes on when everything below it was handled, or when the time is over', async () => {
  const progress = new Progress()
  const place = (next: number) => ({ position: POSITION_START, next, end: 10 })
  progress.moved(0, place(3))
  const time = new AbortController()
  const told: string[] = []
  const wait = (offset: number) => progress.reached(0, offset, time.signal).then(ok => told.push(`${offset} ${ok}`))
  const all = [wait(3), wait(5), wait(6), wait(7)]
  await all[0]
  progress.moved(0, place(6))
  await Promise.all(all.slice(0, 3))
  expect(told).toEqual(['3 true', '5 true', '6 true'])
  time.abort()
  await all[3]
  expect(told.at(-1)).toBe('7 false')
  expect(await progress.reached(0, 7, time.signal)).toBe(false)
  expect(progress.lag).toBe(4)
})

test('[RS5] the ends of the log are asked for after the asker asked, and once for all who wait', async () => {
  const answers: ((end: number) => void)[] = []
  const log = {
    bounds: () => new Promise(resolve => answers.push(end => resolve(new Map([[0, { start: 0, end }]])))),
  } as unknown as Log
  const ends = new LogEnds(log, 'events')
  const first = ends.read()
  const [second, third] = [ends.read(), ends.read()]
  expect(answers).toHaveLength(1)
  answers[0]!(1)
  expect(await first).toEqual(new Map([[0, 1]]))
  answers[1]!(2)
  expect(await second).toEqual(new Map([[0, 2]]))
  expect(await third).toEqual(new Map([[0, 2]]))
  const fourth = ends.read()
  expect(answers).toHaveLength(3)
  answers[2]!(3)
  expect(await fourth).toEqual(new Map([[0, 3]]))
})

test('[RS5] a failed question about the ends is not the answer to the next one', async () => {
  let calls = 0
  const log = {
    bounds: () => (++calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(new Map())),
  } as unknown as Log
  const ends = new LogEnds(log, 'events')
  const [first, second] = [ends.read(), ends.read()]
  await expect(first).rejects.toThrow('away')
  expect(await second).toEqual(new Map())
  expect(await ends.read()).toEqual(new Map())
  expect(calls).toBe(3)
})
