import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientFrame, Opcode, WebSocketReader } from './websocket-reader.ts'

/** A frame as a server writes it: without the mask. */
function serverFrame(opcode: number, payload: Buffer): Buffer {
  const masked = clientFrame(opcode, payload)
  const headBytes = payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10
  const head = Buffer.from(masked.subarray(0, headBytes))
  head[1] = head[1]! & 0x7f
  return Buffer.concat([head, payload])
}

test('[BN5] frames come out whole, however the bytes are cut', () => {
  const payloads = fc.array(fc.constantFrom(0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000), { maxLength: 6 })
  fc.assert(
    fc.property(
      payloads,
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 }),
      (sizes, cuts) => {
        const wanted = sizes.map((size, index) => Buffer.alloc(size, index + 1))
        const stream = Buffer.concat(wanted.map(payload => serverFrame(Opcode.TEXT, payload)))
        const got: Buffer[] = []
        const reader = new WebSocketReader((opcode, payload) => {
          expect(opcode).toBe(Opcode.TEXT)
          got.push(Buffer.from(payload))
        })
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = cuts[cut % cuts.length]!
          reader.push(stream.subarray(at, at + size))
          at += size
        }
        expect(got.length).toBe(wanted.length)
        for (const [index, payload] of wanted.entries()) expect(got[index]!.equals(payload)).toBe(true)
      },
    ),
    { numRuns: 40 },
  )
})

test('[BN5] a client frame is masked, with a mask that changes nothing', () => {
  const frame = clientFrame(Opcode.TEXT, Buffer.from('hi'))
  expect([...frame]).toEqual([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
})

test('[BN5] a masked or fragmented frame from the server is refused', () => {
  const reader = new WebSocketReader(() => {})
  expect(() => reader.push(clientFrame(Opcode.TEXT, Buffer.from('x')))).toThrow(/masked/)
  expect(() => new WebSocketReader(() => {}).push(Buffer.from([0x01, 0x00]))).toThrow(/fragmented/)
})
