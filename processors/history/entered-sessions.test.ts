import { expect, test } from 'vitest'
import { single } from '../testing/events.ts'
import { EnteredSessions } from './entered-sessions.ts'

const chat = single('alice', 'bob')
const other = single('alice', 'carol')

test('[HI6] a session is entered once for each time, in its own partition', () => {
  const entered = new EnteredSessions()
  expect(entered.has(0, chat, 60_000)).toBe(false)
  entered.add(0, chat, 60_000)
  expect(entered.has(0, chat, 60_000)).toBe(true)
  expect(entered.has(0, other, 60_000)).toBe(false)
  expect(entered.has(1, chat, 60_000)).toBe(false)
  expect(entered.has(0, chat, 120_000)).toBe(false)
})

test('[HI6] a later time begins anew, and an earlier one is not remembered', () => {
  const entered = new EnteredSessions()
  entered.add(0, chat, 60_000)
  entered.add(0, other, 120_000)
  entered.add(0, chat, 60_000)
  expect(entered.has(0, chat, 120_000)).toBe(false)
  expect(entered.has(0, chat, 60_000)).toBe(false)
  expect(entered.has(0, other, 120_000)).toBe(true)
})

test('[HI6] what is forgotten is entered again', () => {
  const entered = new EnteredSessions()
  for (const session of [chat, other]) entered.add(0, session, 60_000)
  entered.delete(0, chat)
  expect(entered.has(0, chat, 60_000)).toBe(false)
  expect(entered.has(0, other, 60_000)).toBe(true)
  entered.forget(0)
  expect(entered.has(0, other, 60_000)).toBe(false)
})
