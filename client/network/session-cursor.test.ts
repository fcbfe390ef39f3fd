import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { HELD_EVENTS_MAX, type Ready, SessionCursor } from './session-cursor.ts'

function event(seq: number): EventFrame {
  return {
    type: 'event',
    sessionId: 's:a:b' as SessionId,
    seq,
    count: seq,
    at: 0,
    packId: `p${seq}` as PackId,
    from: 'a' as UserId,
    flags: 0,
    body: { kind: 'MessageAccepted', content: { kind: 'Text', text: String(seq) } },
  }
}

/** Events by their seq, gaps as text. */
const seqs = (ready: readonly Ready[]) =>
  ready.map(next => (next.type === 'gap' ? `gap ${next.fromSeq}-${next.toSeq}` : next.seq))

test('[CL1] events in order pass at once', () => {
  const cursor = new SessionCursor(4)
  expect(seqs(cursor.offer(event(5)).ready)).toEqual([5])
  expect(seqs(cursor.offer(event(6)).ready)).toEqual([6])
  expect(cursor.seq).toBe(6)
})

test('[CL1] a seq at or below the last one is a repeat and dropped', () => {
  const cursor = new SessionCursor(4)
  cursor.offer(event(5))
  for (const seq of [5, 4, 1]) expect(cursor.offer(event(seq))).toEqual({ ready: [], repeated: true })
})

test('[CL1] an event behind a hole is held, told, and delivered once the hole is filled', () => {
  const cursor = new SessionCursor(0)
  expect(cursor.offer(event(3))).toEqual({ ready: [], repeated: false, hole: { fromSeq: 1, toSeq: 2 } })
  expect(cursor.offer(event(3)).repeated).toBe(true)
  expect(cursor.offer(event(1))).toMatchObject({ ready: [event(1)], hole: { fromSeq: 2, toSeq: 2 } })
  expect(seqs(cursor.offer(event(2)).ready)).toEqual([2, 3])
  expect(cursor.hole()).toBeUndefined()
})

test('[CL2] a hole that is skipped gives what waited behind it', () => {
  const cursor = new SessionCursor(0)
  cursor.offer(event(3))
  cursor.offer(event(4))
  cursor.offer(event(7))
  expect(seqs(cursor.skipTo(2))).toEqual([3, 4])
  expect(cursor.hole()).toEqual({ fromSeq: 5, toSeq: 6 })
  expect(seqs(cursor.skipTo(9))).toEqual([])
  expect(cursor.seq).toBe(9)
  expect(cursor.hole()).toBeUndefined()
})

test('[CL2] what will not come waits behind a hole as events do', () => {
  const cursor = new SessionCursor(0)
  for (const seq of [14, 15]) cursor.offer(event(seq))
  expect(seqs(cursor.skip({ fromSeq: 17, toSeq: 20 }))).toEqual([])
  expect(cursor.hole()).toEqual({ fromSeq: 1, toSeq: 13 })
  expect(seqs(cursor.skip({ fromSeq: 1, toSeq: 13 }))).toEqual(['gap 1-13', 14, 15])
  expect(cursor.hole()).toEqual({ fromSeq: 16, toSeq: 16 })
  expect(seqs(cursor.offer(event(16)).ready)).toEqual([16, 'gap 17-20'])
  expect(cursor.hole()).toBeUndefined()
})

test('[CL2] of what was said not to come, that which is there is delivered, and nothing is told twice', () => {
  const cursor = new SessionCursor(4)
  cursor.offer(event(7))
  expect(seqs(cursor.skip({ fromSeq: 3, toSeq: 8 }))).toEqual(['gap 5-6', 7, 'gap 8-8'])
  expect(seqs(cursor.skip({ fromSeq: 6, toSeq: 8 }))).toEqual([])
  expect(cursor.seq).toBe(8)
})

test('[CL3] a session that begins with what will not come begins there', () => {
  const cursor = new SessionCursor()
  expect(seqs(cursor.skip({ fromSeq: 8, toSeq: 9 }))).toEqual(['gap 8-9'])
  expect(cursor.seq).toBe(9)
})

test('[CL3] a session begins with whatever comes first, and again after the user was out of it', () => {
  const cursor = new SessionCursor()
  expect(seqs(cursor.offer(event(57)).ready)).toEqual([57])
  expect(cursor.offer(event(59)).hole).toEqual({ fromSeq: 58, toSeq: 58 })
  cursor.offer(event(58))
  cursor.release()
  expect(cursor.offer(event(40)).repeated).toBe(true)
  expect(seqs(cursor.offer(event(90)).ready)).toEqual([90])
})

test('[CL1] events without a seq pass as they come', () => {
  const cursor = new SessionCursor(3)
  expect(cursor.offer(event(0)).ready).toHaveLength(1)
  expect(cursor.seq).toBe(3)
})

test('[CL2] a reset begins the session at 0 again', () => {
  const cursor = new SessionCursor(30)
  cursor.offer(event(32))
  cursor.reset()
  expect(cursor.offer(event(2)).hole).toEqual({ fromSeq: 1, toSeq: 1 })
  expect(seqs(cursor.offer(event(1)).ready)).toEqual([1, 2])
})

test('[CL2] what is held is bounded', () => {
  const cursor = new SessionCursor(0)
  for (let seq = 2; seq <= HELD_EVENTS_MAX; seq++) cursor.offer(event(seq))
  expect(cursor.isFull()).toBe(false)
  cursor.offer(event(HELD_EVENTS_MAX + 1))
  expect(cursor.isFull()).toBe(true)
})

test('[CL1] whatever the order and the repeats, each seq is delivered once and in order', () => {
  const arrivals = fc
    .integer({ min: 1, max: 40 })
    .chain(last => fc.tuple(fc.constant(last), fc.array(fc.integer({ min: 1, max: last }), { maxLength: 120 })))
  fc.assert(
    fc.property(arrivals, ([last, some]) => {
      const cursor = new SessionCursor(0)
      const delivered: (number | string)[] = []
      const rest = Array.from({ length: last }, (_, index) => index + 1)
      for (const seq of [...some, ...rest]) delivered.push(...seqs(cursor.offer(event(seq)).ready))
      expect(delivered).toEqual(rest)
    }),
  )
})
