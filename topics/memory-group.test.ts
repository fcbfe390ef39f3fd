import { expect, test } from 'vitest'
import { VirtualClock } from '../infra/testing/virtual-clock.ts'
import { OWNERSHIP_PARTITIONS, ownershipContract } from '../tests/contract/ownership.contract.ts'
import { MemoryGroup } from './memory-group.ts'
import { fixedOwnership, type Member } from './ownership.ts'

ownershipContract(async () => {
  const clock = new VirtualClock(0)
  const group = new MemoryGroup({ clock, partitions: OWNERSHIP_PARTITIONS })
  return { as: name => group.as(name), until: condition => clock.drive(condition), close: async () => {} }
})

function recorded(): Member & { told: (readonly number[])[] } {
  const told: (readonly number[])[] = []
  return { told, owned: () => told.at(-1) ?? [], assigned: partitions => told.push(partitions) }
}

test('[OW3] while the coordinator is away nothing is given and nothing taken', async () => {
  const clock = new VirtualClock(0)
  const group = new MemoryGroup({ clock, partitions: 2 })
  const [a, b] = [recorded(), recorded()]
  group.as('a').join(a)
  await clock.pass(0)
  group.isAway = true
  group.as('b').join(b)
  await clock.pass(60_000)
  expect([a.told, b.told]).toEqual([[[0, 1]], []])
  group.isAway = false
  await clock.pass(0)
  expect(b.told).toHaveLength(1)
})

test('[OW1] what a dead process had goes to the others', async () => {
  const clock = new VirtualClock(0)
  const group = new MemoryGroup({ clock, partitions: 3 })
  const [a, b] = [recorded(), recorded()]
  group.as('a').join(a)
  group.as('b').join(b)
  await clock.pass(0)
  expect([a.told.at(-1), b.told.at(-1)]).toEqual([[0, 1], [2]])
  group.expire('a')
  await clock.pass(0)
  expect(b.told.at(-1)).toEqual([0, 1, 2])
})

test('[OW4] a fixed assignment is given once', () => {
  const a = recorded()
  fixedOwnership([3, 5]).join(a).released()
  expect(a.told).toEqual([[3, 5]])
})
