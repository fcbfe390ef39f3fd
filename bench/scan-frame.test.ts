import { expect, test } from 'vitest'
import type { ServerFrame } from '../schemas/frames.ts'
import { isPackId, type PackId, packIdTime, type SessionId, type UserId } from '../schemas/ids.ts'
import { indexedPackId, scanFrame } from './scan-frame.ts'

const packId: PackId = indexedPackId(1_700_000_000_000, 'abc123', 4_711)
const sessionId = 's:a:b' as SessionId

function scan(frame: ServerFrame) {
  return scanFrame(JSON.stringify(frame))
}

test('[BN5] a packId that carries an index is a UUIDv7 of its time', () => {
  expect(isPackId(packId)).toBe(true)
  expect(packIdTime(packId)).toBe(1_700_000_000_000)
})

test('[BN5] acks, events and refusals are read without parsing', () => {
  expect(scan({ type: 'ack', packId, sessionId, seq: 12, count: 3, at: 99 })).toEqual({
    kind: 'ack',
    index: 4_711,
    seq: 12,
  })
  expect(
    scan({
      type: 'event',
      sessionId,
      seq: 345,
      count: 3,
      at: 99,
      packId,
      from: 'a' as UserId,
      flags: 4,
      body: { kind: 'MessageAccepted', content: { kind: 'Text', text: '"seq":7' } },
    }),
  ).toEqual({ kind: 'event', index: 4_711, seq: 345 })
  expect(
    scan({ type: 'refused', packId, sessionId, code: 108, name: 'OVERLOADED', reason: 'r', retry: 'same' }),
  ).toEqual({ kind: 'refused', index: 4_711, code: 'OVERLOADED' })
  expect(scan({ type: 'pong', requestId: 1, serverTime: 1 })).toEqual({ kind: 'other' })
})
