import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { Log } from '../../topics/log.ts'
import { makeTopics } from '../../topics/topics.ts'
import { POSITION_START } from '../../topics/valid-events.ts'
import { readTail, TAIL_QUIET_MS, TailUnavailable } from './tail.ts'

/** A broker that says that there are five records and does not give them. */
function silent(clock: VirtualClock, until?: number) {
  let end = () => {}
  const done = new Promise<void>(resolve => {
    end = resolve
  })
  const log: Pick<Log, 'bounds' | 'read'> = {
    bounds: async () => new Map([[0, { start: 0, end: 5 }]]),
    read: () => ({ done, seek: () => {}, remove: () => {}, close: async () => end() }),
  }
  const { events } = makeTopics({ prefix: '', partitions: 1, eventRetentionDays: 1 })
  const reading = { log: log as Log, topic: events, partition: 0, clock, from: POSITION_START, onValid: () => {} }
  const signal = new AbortController().signal
  return readTail(until === undefined ? { ...reading, signal } : { ...reading, signal, until })
}

test('[ST18] what a state was built from is waited for, however long it does not come', async () => {
  const clock = new VirtualClock()
  const read = expect(silent(clock, 5)).rejects.toThrow(TailUnavailable)
  await clock.pass(TAIL_QUIET_MS)
  await read
})

test('[ST18] the end of the log may be marks of foreign transactions: the tail is open', async () => {
  const clock = new VirtualClock()
  const read = silent(clock)
  await clock.pass(TAIL_QUIET_MS)
  expect(await read).toMatchObject({ position: POSITION_START, end: 5, open: true })
})
