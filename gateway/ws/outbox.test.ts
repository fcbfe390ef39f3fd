import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, WRITE_BYTES_MAX } from '../limits.ts'
import { Outbox } from './outbox.ts'

test('[GW15] what goes in comes out, in order, joined into few writes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 60 }), frames => {
      const outbox = new Outbox()
      for (const frame of frames) expect(outbox.push(Buffer.from(frame))).toBe(true)
      const written = outbox.take()
      expect(written ?? Buffer.alloc(0)).toEqual(Buffer.concat(frames))
      expect(outbox.take()).toBeUndefined()
    }),
  )
})

test('[GW15] a write is bounded, and a frame that is larger than it still leaves', () => {
  const outbox = new Outbox()
  const large = Buffer.alloc(WRITE_BYTES_MAX + 1)
  const half = Buffer.alloc(WRITE_BYTES_MAX / 2)
  for (const frame of [half, half, half, large, half]) expect(outbox.push(frame)).toBe(true)
  const writes: number[] = []
  for (let write = outbox.take(); write !== undefined; write = outbox.take()) writes.push(write.length)
  expect(writes).toEqual([2 * half.length, half.length, large.length, half.length])
})

test('[GW16] an outbox is bounded by frames and by bytes, and says so', () => {
  const byFrames = new Outbox()
  const byte = Buffer.alloc(1)
  for (let i = 0; i < OUTBOX_FRAMES_MAX; i++) expect(byFrames.push(byte)).toBe(true)
  expect(byFrames.push(byte)).toBe(false)
  expect(byFrames.hasRoom(1)).toBe(false)
  byFrames.take()
  expect(byFrames.hasRoom(OUTBOX_BYTES_MAX)).toBe(true)
  expect(byFrames.push(byte)).toBe(true)

  const byBytes = new Outbox()
  expect(byBytes.push(Buffer.alloc(OUTBOX_BYTES_MAX))).toBe(true)
  expect(byBytes.push(byte)).toBe(false)
  expect(byBytes.hasRoom(1)).toBe(false)
})
