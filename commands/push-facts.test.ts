import { expect, test } from 'vitest'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import { type FactsParts, pushFacts } from './push-facts.ts'

const placeOf = (offset: Offset) => ({ offset, cause: null, hash: null })

test('[PU13] jobs that ask at the same time share an answer that was asked for after each of them asked', async () => {
  let offset = 0
  const history = { position: async () => placeOf(100), filling: async () => 'a' }
  const membership = { positions: async () => new Map([[0, placeOf(++offset)]]), filling: async () => 'b' }
  const facts = pushFacts({ history, membership, clock: new VirtualClock() } as unknown as FactsParts)
  const all = await Promise.all([facts.seen(0), facts.seen(0), facts.seen(0)])
  expect(all.map(seen => seen.offset)).toEqual([1, 2, 2])
})

test('[PU13] nothing is planned while membership is filled again, in whatever partition', async () => {
  const offsets = new Map<Partition, Offset>()
  const history = { position: async () => placeOf(20), filling: async () => 'a' }
  const membership = {
    positions: async () => new Map([...offsets].map(([partition, offset]) => [partition, placeOf(offset)])),
    filling: async () => 'b',
  }
  const facts = pushFacts({ history, membership, clock: new VirtualClock() } as unknown as FactsParts)
  const seen = async (partition: Partition) => (await facts.seen(partition)).offset
  offsets.set(0, 10)
  expect([await seen(0), await seen(1)]).toEqual([10, -1])
  offsets.set(1, 30)
  expect([await seen(0), await seen(1)]).toEqual([10, 20])
  // Emptied, and filled again in one partition before the other: where a device was registered is not known.
  offsets.clear()
  expect(await seen(0)).toBe(-1)
  offsets.set(0, 15).set(1, 29)
  expect(await seen(0)).toBe(-1)
  offsets.set(1, 30)
  expect(await seen(0)).toBe(15)
})
