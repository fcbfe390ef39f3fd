import { expect, test } from 'vitest'
import { GroupTally } from './group-tally.ts'

/** Three members, of whom 0 sends; message 0 is the warm-up; everybody saw the group founded at seq 1. */
function tally(messages = 2): GroupTally {
  const counted = new GroupTally({ count: messages, members: 3, measuredFrom: 1 })
  for (const member of [0, 1, 2]) counted.joined(member, 1)
  for (let index = 0; index < messages; index++) counted.sent(index, index * 10)
  return counted
}

function all(counted: GroupTally, index: number): void {
  counted.acked(index, index + 2, index * 10 + 3)
  for (const member of [1, 2]) counted.delivered(index, index + 2, member, index * 10 + 5)
}

const CLEAN = { lost: 0, duplicated: 0, outOfOrder: 0, unanswered: 0, refused: {} }

test('[BN12] everything came: the warm-up is checked and not counted', () => {
  const counted = tally()
  all(counted, 0)
  expect(counted.isComplete).toBe(false)
  all(counted, 1)
  expect(counted.isComplete).toBe(true)
  expect(counted.figures()).toEqual({ ...CLEAN, sent: 1, acked: 1, delivered: 2 })
  expect(counted.deliveries).toBe(4)
  expect(counted.deliveryMs.summary().max).toBe(5)
})

test('[BN12] a missing delivery, a doubled one, one out of order and a refusal are told apart', () => {
  const missing = tally()
  all(missing, 0)
  missing.acked(1, 3, 20)
  missing.delivered(1, 3, 1, 20)
  expect(missing.figures()).toEqual({ ...CLEAN, sent: 1, acked: 1, delivered: 1, lost: 1 })

  const doubled = tally()
  all(doubled, 0)
  all(doubled, 1)
  doubled.delivered(1, 3, 2, 30)
  doubled.acked(1, 3, 30)
  expect(doubled.figures()).toEqual({ ...CLEAN, sent: 1, acked: 1, delivered: 2, duplicated: 2 })

  const jumped = tally(3)
  all(jumped, 0)
  jumped.delivered(2, 4, 1, 30)
  jumped.delivered(1, 3, 1, 31)
  expect(jumped.figures()).toMatchObject({ outOfOrder: 1, duplicated: 1 })

  const refused = tally()
  all(refused, 0)
  refused.refused(1, 'OVERLOADED')
  expect(refused.figures()).toEqual({ ...CLEAN, sent: 1, acked: 0, delivered: 0, refused: { OVERLOADED: 1 } })
  expect(refused.isComplete).toBe(true)
})
