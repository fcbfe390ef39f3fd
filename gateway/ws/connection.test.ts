import { describe, expect, test } from 'vitest'
import type { SessionId } from '../../schemas/ids.ts'
import { BROKEN_FRAMES_MAX, BUFFER_BYTES_MAX, BUFFER_EVENTS_MAX, CURSORS_MAX } from '../limits.ts'
import { ConnectionState, type Offer } from './connection.ts'

const here = 's:a:b' as SessionId
const there = 'g:x' as SessionId
const TOKEN = 1

type State = 'Held' | 'Live' | 'CatchingUp from 5' | 'Held, CatchingUp from 5' | 'Resumed to 5' | 'Held, resumed to 5'

const make: Record<State, () => ConnectionState<string>> = {
  Held: () => new ConnectionState(0),
  Live: () => released(new ConnectionState(0)),
  'CatchingUp from 5': () => resuming(released(new ConnectionState(0))),
  'Held, CatchingUp from 5': () => resuming(new ConnectionState(0)),
  'Resumed to 5': () => resumed(released(new ConnectionState(0))),
  'Held, resumed to 5': () => resumed(new ConnectionState(0)),
}

function released(state: ConnectionState<string>) {
  state.release()
  return state
}
function resuming(state: ConnectionState<string>) {
  state.beginResume([{ sessionId: here, seq: 5 }], TOKEN)
  return state
}
function resumed(state: ConnectionState<string>) {
  resuming(state).finishResume(here, TOKEN)
  return state
}

type Input = 'event 4' | 'event 5' | 'event 6' | 'event 6 after ack 6' | 'event 6 twice' | 'event 1 of another session'

const feed: Record<Input, (state: ConnectionState<string>) => Offer> = {
  'event 4': state => state.offer(here, 4, 'e4', 10),
  'event 5': state => state.offer(here, 5, 'e5', 10),
  'event 6': state => state.offer(here, 6, 'e6', 10),
  'event 6 after ack 6': state => {
    state.acked(here, 6)
    return state.offer(here, 6, 'e6', 10)
  },
  'event 6 twice': state => {
    state.offer(here, 6, 'e6', 10)
    return state.offer(here, 6, 'e6', 10)
  },
  'event 1 of another session': state => state.offer(there, 1, 'e1', 10),
}

/** Live needs no cursor: a gateway offers the events of a session in rising order, each once. */
const EXPECTED: Record<State, Record<Input, Offer>> = {
  Held: {
    'event 4': 'Keep',
    'event 5': 'Keep',
    'event 6': 'Keep',
    'event 6 after ack 6': 'Keep',
    'event 6 twice': 'Keep',
    'event 1 of another session': 'Keep',
  },
  Live: {
    'event 4': 'Send',
    'event 5': 'Send',
    'event 6': 'Send',
    'event 6 after ack 6': 'Send',
    'event 6 twice': 'Send',
    'event 1 of another session': 'Send',
  },
  'CatchingUp from 5': {
    'event 4': 'Drop',
    'event 5': 'Drop',
    'event 6': 'Keep',
    'event 6 after ack 6': 'Keep',
    'event 6 twice': 'Keep',
    'event 1 of another session': 'Send',
  },
  'Held, CatchingUp from 5': {
    'event 4': 'Drop',
    'event 5': 'Drop',
    'event 6': 'Keep',
    'event 6 after ack 6': 'Keep',
    'event 6 twice': 'Keep',
    'event 1 of another session': 'Keep',
  },
  'Resumed to 5': {
    'event 4': 'Drop',
    'event 5': 'Drop',
    'event 6': 'Send',
    'event 6 after ack 6': 'Send',
    'event 6 twice': 'Send',
    'event 1 of another session': 'Send',
  },
  'Held, resumed to 5': {
    'event 4': 'Drop',
    'event 5': 'Drop',
    'event 6': 'Send',
    'event 6 after ack 6': 'Drop',
    'event 6 twice': 'Drop',
    'event 1 of another session': 'Keep',
  },
}

describe.each(Object.keys(EXPECTED) as State[])('%s', name => {
  test.each(Object.keys(feed) as Input[])('[GW6] %s', input => {
    expect(feed[input](make[name]())).toBe(EXPECTED[name][input])
  })
})

test('[GW6] what was held comes out in order, once, without sessions that a resume took over', () => {
  const state = new ConnectionState<string>(0)
  state.offer(here, 7, 'e7', 1)
  state.offer(there, 1, 'g1', 1)
  state.offer(here, 8, 'e8', 1)
  state.beginResume([{ sessionId: here, seq: 5 }], TOKEN)
  expect(state.release()).toEqual(['g1'])
  expect(state.release()).toEqual([])
  state.advance(here, TOKEN, 7)
  expect(state.finishResume(here, TOKEN)).toEqual({
    steps: [{ kind: 'Item', item: { seq: 8, event: 'e8', bytes: 1 } }],
    cursor: 8,
  })
})

test('[GW7] an own ack while catching up stands for its event, in the buffer and in history', () => {
  const state = make['CatchingUp from 5']()
  state.offer(here, 6, 'e6', 1)
  state.acked(here, 7)
  state.offer(here, 8, 'e8', 1)
  expect([6, 7, 8].map(seq => state.isAcked(here, seq))).toEqual([false, true, false])
  const merged = state.finishResume(here, TOKEN)!
  expect(merged.steps.map(step => (step.kind === 'Item' ? (step.item.event ?? 'ack') : 'gap'))).toEqual([
    'e6',
    'ack',
    'e8',
  ])
  expect(merged.cursor).toBe(8)
})

test('[GW7] what was acked before a later resume of the session is in it again', () => {
  const state = make['CatchingUp from 5']()
  state.acked(here, 7)
  state.beginResume([{ sessionId: here, seq: 3 }], 2)
  state.acked(here, 8)
  expect([7, 8].map(seq => state.isAcked(here, seq))).toEqual([false, true])
})

test('[RS2] a hole between what was delivered and what is live is an explicit gap', () => {
  const state = make['CatchingUp from 5']()
  state.offer(here, 9, 'e9', 1)
  expect(state.finishResume(here, TOKEN)!.steps[0]).toEqual({ kind: 'Gap', fromSeq: 6, toSeq: 8 })
})

test('[RS2] a second resume of a session takes it over from the first, which can do nothing more', () => {
  const state = make['CatchingUp from 5']()
  state.offer(here, 6, 'e6', 1)
  state.beginResume([{ sessionId: here, seq: 3 }], 2)
  state.advance(here, TOKEN, 6)
  expect(state.caughtUpTo(here, TOKEN)).toBeUndefined()
  expect(state.finishResume(here, TOKEN)).toBeUndefined()
  expect(state.caughtUpTo(here, 2)).toBe(3)
  state.advance(here, 2, 5)
  expect(state.finishResume(here, 2)).toEqual({
    steps: [{ kind: 'Item', item: { seq: 6, event: 'e6', bytes: 1 } }],
    cursor: 6,
  })
})

test('[GW8] buffers are bounded by events and by bytes, and the bound comes back when they are empty', () => {
  const state = make['CatchingUp from 5']()
  for (let seq = 6; seq < 6 + BUFFER_EVENTS_MAX; seq++) expect(state.offer(here, seq, 'e', 1)).toBe('Keep')
  expect(state.offer(here, 6 + BUFFER_EVENTS_MAX, 'e', 1)).toBe('Overflow')
  expect(make['CatchingUp from 5']().offer(here, 6, 'e', BUFFER_BYTES_MAX + 1)).toBe('Overflow')
  state.finishResume(here, TOKEN)
  resuming(state)
  expect(state.offer(here, 1e6, 'e', 1)).toBe('Keep')
})

test('[GW8] a full hold is ended, which makes room again', () => {
  const state = make.Held()
  for (let seq = 1; seq <= BUFFER_EVENTS_MAX; seq++) expect(state.offer(here, seq, 'e', 1)).toBe('Keep')
  expect(state.offer(here, BUFFER_EVENTS_MAX + 1, 'e', 1)).toBe('Overflow')
  expect(state.release()).toHaveLength(BUFFER_EVENTS_MAX + 1)
  expect(state.isOverfull).toBe(false)
})

test('[GW8] a resume of more sessions than a connection may remember is refused whole', () => {
  const state = new ConnectionState<string>(0)
  const sessions = Array.from({ length: CURSORS_MAX }, (_, i) => ({ sessionId: `g:${i}` as SessionId, seq: 0 }))
  expect(state.beginResume(sessions, 1)).toBe(true)
  expect(state.beginResume([{ sessionId: here, seq: 0 }], 2)).toBe(false)
  expect(state.caughtUpTo(here, 2)).toBeUndefined()
})

test('[GW9] two pings without an answer close; anything that is heard starts anew', () => {
  const state = new ConnectionState<string>(0)
  expect([state.beat(), state.beat(), state.beat()]).toEqual(['Ping', 'Ping', 'Close'])
  state.heard()
  expect(state.beat()).toBe('Ping')
})

test('[GW4] broken frames in a row close the connection; a good one starts anew', () => {
  const state = new ConnectionState<string>(0)
  for (let i = 0; i < BROKEN_FRAMES_MAX; i++) expect(state.broken()).toBe('Answer')
  state.good()
  for (let i = 0; i < BROKEN_FRAMES_MAX; i++) expect(state.broken()).toBe('Answer')
  expect(state.broken()).toBe('Close')
})

test('[GW10] packs are admitted at the named rate, with bursts of twice as many', () => {
  const state = new ConnectionState<string>(0, 10)
  const admitted = (now: number) => Array.from({ length: 50 }, () => state.admitPack(now)).filter(Boolean).length
  expect(admitted(0)).toBe(20)
  expect(admitted(500)).toBe(5)
  expect(admitted(100_000)).toBe(20)
})
