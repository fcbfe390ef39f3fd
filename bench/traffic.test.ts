import { expect, test } from 'vitest'
import { Traffic } from './traffic.ts'

function plan(count: number, options: { pairs: number; newSessionsPercent: number }) {
  const traffic = new Traffic(options)
  return { messages: Array.from({ length: count }, () => traffic.next()), traffic }
}

test('[BN3] the wanted share of messages begins a session that was never used', () => {
  const { messages, traffic } = plan(10_000, { pairs: 100, newSessionsPercent: 20 })
  const fresh = messages.filter(message => message.isNew)
  expect(fresh).toHaveLength(2_000)
  expect(traffic.newSessions).toBe(2_000)
  expect(new Set(fresh.map(({ session }) => session)).size).toBe(2_000)
  expect(new Set(fresh.map(({ sender, receiver }) => `${sender}-${receiver}`)).size).toBe(2_000)
  for (const { sender, receiver } of fresh) expect(sender >> 1).not.toBe(receiver >> 1)
  for (const hundred of [0, 4_000, 9_900]) {
    expect(messages.slice(hundred, hundred + 100).filter(({ isNew }) => isNew)).toHaveLength(20)
  }
})

test('[BN3] the others go round the pairs, in turn from either side', () => {
  const { messages } = plan(6, { pairs: 2, newSessionsPercent: 0 })
  expect(messages.map(({ sender, receiver }) => [sender, receiver])).toEqual([
    [0, 1],
    [2, 3],
    [1, 0],
    [3, 2],
    [0, 1],
    [2, 3],
  ])
})

test('[BN3] sender and receiver are of either side, so that the ends of a session can be told apart', () => {
  for (const { sender, receiver } of plan(5_000, { pairs: 30, newSessionsPercent: 50 }).messages) {
    expect(sender % 2).not.toBe(receiver % 2)
  }
})

test('[BN3] when all sessions are used up the rest goes to the pairs', () => {
  const { messages, traffic } = plan(100, { pairs: 3, newSessionsPercent: 100 })
  expect(traffic.newSessions).toBe(6)
  expect(messages.filter(({ isNew }) => isNew)).toHaveLength(6)
  expect(plan(50, { pairs: 1, newSessionsPercent: 100 }).traffic.newSessions).toBe(0)
})
