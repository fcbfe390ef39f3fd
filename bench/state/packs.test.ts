import { expect, test } from 'vitest'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { brief, TestState } from '../../processors/sequencer/testing/packs.ts'
import { StatePacks } from './packs.ts'

const TIME = 1_700_000_000_000
const make = (seed: number) => new StatePacks(new SeededRandom(seed), { bytes: 20 })
const decided = (state: TestState, pack: ReturnType<StatePacks['next']>) =>
  brief(state.run(pack, TIME, { partition: 0 })).split(' ')[0]!

test('[BN10] the packs of core and restore are what a sequencer gets, most of them accepted', () => {
  const packs = make(1)
  const state = new TestState({ partitions: 1 })
  const begun = Array.from({ length: 400 }, () => decided(state, packs.begin(TIME)))
  expect(begun.filter(kind => kind === 'GroupCreated')).toHaveLength(20)
  expect(begun.filter(kind => kind === 'MessageAccepted')).toHaveLength(380)
  const counts: Record<string, number> = {}
  for (let n = 0; n < 2_000; n++) {
    const kind = decided(state, packs.next(TIME))
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  expect(counts.MessageAccepted).toBeGreaterThan(1_800)
  for (const kind of ['GroupCreated', 'MemberJoined', 'repeated', 'GROUP_USER_NOT_EXIST', 'MSG_TOO_SHORT']) {
    expect(counts[kind], JSON.stringify(counts)).toBeGreaterThan(5)
  }
})

test('[BN10] the same seed gives the same packs', () => {
  const some = (seed: number) => {
    const packs = make(seed)
    packs.begin(TIME)
    return JSON.stringify(Array.from({ length: 50 }, () => packs.next(TIME)))
  }
  expect(some(7)).toBe(some(7))
  expect(some(7)).not.toBe(some(8))
})
