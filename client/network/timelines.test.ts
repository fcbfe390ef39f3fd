import { expect, test } from 'vitest'
import type { EventBody } from '../../schemas/event.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { Timelines } from './timelines.ts'

const TEAM = 'g:team' as SessionId
const ALICE = 'alice' as UserId
const BOB = 'bob' as UserId

const REMOVED: EventBody = { kind: 'MembersRemoved', userIds: [ALICE] }
const ADDED: EventBody = { kind: 'MembersAdded', userIds: [ALICE] }
const HELLO: EventBody = { kind: 'MessageAccepted', content: { kind: 'Text', text: 'hello' } }

function event(seq: Seq, body: EventBody = HELLO): EventFrame {
  const packId = `00000000-0000-7000-8000-${String(seq).padStart(12, '0')}` as PackId
  return { type: 'event', sessionId: TEAM, seq, count: 0, at: 0, packId, from: BOB, flags: 0, body }
}

function scene() {
  const story: (Seq | string)[] = []
  const sink = {
    deliver: ({ seq }: EventFrame) => story.push(seq),
    holed: () => {},
    gap: (_: SessionId, { fromSeq, toSeq }: { fromSeq: Seq; toSeq: Seq }) => story.push(`gap ${fromSeq}-${toSeq}`),
  }
  return { story, timelines: new Timelines(sink, () => ALICE) }
}

test('[CL3] while a resume is under way, what comes before it is not the beginning of a later stay', () => {
  const { story, timelines } = scene()
  timelines.follow(TEAM, 0)
  const resume = timelines.expect([TEAM])
  timelines.offer(event(1))
  timelines.offer(event(2, REMOVED))
  // The ack of an own message of the later stay overtakes what the resume reads from history.
  timelines.offer(event(11))
  expect(story).toEqual([1, 2])
  timelines.skip(TEAM, { fromSeq: 3, toSeq: 8 })
  timelines.offer(event(9, ADDED))
  timelines.offer(event(10))
  timelines.brought([TEAM], resume)
  expect(story).toEqual([1, 2, 'gap 3-8', 9, 10, 11])
})

test('[CL3] a resume that failed behind a leave is asked for again, also over a reconnect', () => {
  const { story, timelines } = scene()
  timelines.follow(TEAM, 0)
  const failed = timelines.expect([TEAM])
  for (const frame of [event(1), event(2, REMOVED)]) timelines.offer(frame)
  expect(timelines.positions()).toEqual([{ sessionId: TEAM, seq: 2 }])
  // What comes now is behind a hole, and not held as of a session that nobody follows.
  timelines.holdUnknown()
  const later = timelines.expect([TEAM])
  timelines.offer(event(4))
  timelines.offer(event(3, ADDED))
  expect(story).toEqual([1, 2, 3, 4])
  timelines.offer(event(5, REMOVED))
  timelines.brought([TEAM], failed)
  expect(timelines.positions()).toEqual([{ sessionId: TEAM, seq: 5 }])
  timelines.brought([TEAM], later)
  expect(timelines.positions()).toEqual([])
})

test('[CL3] without a resume under way a later stay begins with whatever comes first', () => {
  const { story, timelines } = scene()
  for (const frame of [event(1), event(2, REMOVED), event(9, ADDED), event(11), event(10)]) timelines.offer(frame)
  expect(story).toEqual([1, 2, 9, 10, 11])
})

test('[CL3] a session that one leaves and comes back to at once is still followed', () => {
  const { story, timelines } = scene()
  for (const frame of [event(1), event(3, ADDED), event(4), event(2, REMOVED)]) timelines.offer(frame)
  expect(story).toEqual([1, 2, 3, 4])
  expect(timelines.isFollowed(TEAM)).toBe(true)
  timelines.offer(event(6))
  expect(story).toEqual([1, 2, 3, 4])
})

test('[CL3] what comes once more of an earlier stay does not begin a later one', () => {
  const { story, timelines } = scene()
  timelines.holdUnknown()
  for (const frame of [event(1), event(2, REMOVED)]) timelines.offer(frame)
  timelines.follow(TEAM, 0)
  const found = timelines.expect([TEAM])
  for (const frame of [event(1), event(2, REMOVED)]) timelines.offer(frame)
  timelines.brought([TEAM], found)
  // What was held while the session was looked up comes after what the resume brought.
  timelines.releaseUnknown()
  expect(timelines.positions()).toEqual([])
  timelines.expect([TEAM])
  timelines.offer(event(9))
  expect(story).toEqual([1, 2])
})

test('[CL1] an event without a seq passes, and nothing begins or goes on by it', () => {
  const { story, timelines } = scene()
  timelines.offer(event(0))
  expect(timelines.positions()).toEqual([])
  for (const frame of [event(1), event(2, REMOVED), event(0)]) timelines.offer(frame)
  expect(timelines.isFollowed(TEAM)).toBe(false)
  expect(story).toEqual([0, 1, 2, 0])
})
