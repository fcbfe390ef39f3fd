import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

const there = { session: 0, sender: 0, receiver: 1, isNew: false }
const back = { session: 0, sender: 1, receiver: 0, isNew: false }

function tally(count: number, measuredFrom = 0): Tally {
  return new Tally({ count, sessions: 2, measuredFrom })
}

test('[BN4] what is acked and delivered once and in order is counted as such', () => {
  const counts = tally(3)
  counts.sent(0, there, 100)
  counts.sent(1, there, 101)
  counts.sent(2, back, 102)
  expect(counts.isComplete).toBe(false)
  counts.acked(0, 1, 103)
  counts.delivered(0, 1, 1, 104)
  counts.delivered(1, 2, 1, 104)
  counts.acked(1, 2, 105)
  counts.acked(2, 3, 106)
  counts.delivered(2, 3, 0, 107)
  expect(counts.isComplete).toBe(true)
  expect(counts.figures()).toEqual({
    sent: 3,
    acked: 3,
    delivered: 3,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unanswered: 0,
    refused: {},
  })
  expect(counts.ackMs.summary().max).toBe(4)
  expect(counts.endToEndMs.summary().max).toBe(5)
})

test('[BN4] an acked message that does not arrive is lost', () => {
  const counts = tally(1)
  counts.sent(0, there, 0)
  counts.acked(0, 1, 1)
  expect(counts.isComplete).toBe(false)
  expect(counts.figures()).toMatchObject({ acked: 1, delivered: 0, lost: 1, unanswered: 0 })
})

test('[BN4] a message without an answer is told apart from a lost one, and from one that was never sent', () => {
  const counts = tally(2)
  counts.sent(0, there, 0)
  expect(counts.figures()).toMatchObject({ sent: 1, lost: 0, unanswered: 1 })
})

test('[BN4] a second delivery, a second ack, and a message that comes back to its sender are duplicates', () => {
  const counts = tally(1)
  counts.sent(0, there, 0)
  counts.acked(0, 1, 1)
  counts.acked(0, 1, 1)
  counts.delivered(0, 1, 1, 1)
  counts.delivered(0, 1, 1, 1)
  counts.delivered(0, 1, 0, 1)
  expect(counts.figures()).toMatchObject({ acked: 1, delivered: 1, duplicated: 3, outOfOrder: 0 })
})

test('[BN4] seqs that swap at the receiver are out of order', () => {
  const counts = tally(2)
  counts.sent(0, there, 0)
  counts.sent(1, there, 0)
  counts.delivered(1, 2, 1, 1)
  counts.delivered(0, 1, 1, 1)
  expect(counts.figures().outOfOrder).toBe(2)
})

test('[BN4] a hole in the seqs is out of order even when all that was sent arrives', () => {
  const counts = tally(2)
  counts.sent(0, there, 0)
  counts.sent(1, there, 0)
  counts.delivered(0, 1, 1, 1)
  counts.delivered(1, 3, 1, 1)
  expect(counts.figures().outOfOrder).toBe(1)
})

test('[BN4] messages of a sender that were accepted in another order than they were sent are out of order', () => {
  const counts = tally(2)
  counts.sent(0, there, 0)
  counts.sent(1, there, 0)
  counts.delivered(1, 1, 1, 1)
  counts.delivered(0, 2, 1, 1)
  expect(counts.figures().outOfOrder).toBe(1)
})

test('[BN4] the two ends of a session are checked by themselves', () => {
  const counts = tally(2)
  counts.sent(0, there, 0)
  counts.sent(1, back, 0)
  counts.acked(0, 1, 1)
  counts.delivered(1, 2, 0, 1)
  counts.delivered(0, 1, 1, 1)
  counts.acked(1, 2, 1)
  expect(counts.figures().outOfOrder).toBe(0)
})

test('[BN4] refusals are counted by code', () => {
  const counts = tally(3)
  for (const index of [0, 1, 2]) counts.sent(index, there, 0)
  counts.refused(0, 'OVERLOADED')
  counts.refused(1, 'OVERLOADED')
  counts.refused(2, 'PARAM')
  counts.refused(2, 'PARAM')
  expect(counts.isComplete).toBe(true)
  expect(counts.figures()).toMatchObject({ refused: { OVERLOADED: 2, PARAM: 1 }, unanswered: 0, lost: 0 })
})

test('[BN4] the warm-up is checked and not counted', () => {
  const counts = tally(2, 1)
  counts.sent(0, there, 0)
  counts.sent(1, there, 0)
  counts.acked(0, 1, 50)
  counts.delivered(0, 1, 1, 50)
  counts.delivered(0, 1, 1, 50)
  expect(counts.figures()).toMatchObject({ sent: 1, acked: 0, delivered: 0, duplicated: 1, unanswered: 1 })
  expect(counts.endToEndMs.count).toBe(0)
})
