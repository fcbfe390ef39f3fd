import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { readSeq } from './event-seq.ts'

test('[GW27] the seq of an event is read without its schema', async () => {
  const codec = await eventCodec(new MemoryRegistry(), 'events')
  const id = fc.string({ maxLength: 80 })
  // What avsc takes for a long.
  const long = fc.maxSafeNat().filter(value => value < Number.MAX_SAFE_INTEGER)
  fc.assert(
    fc.property(long, long, fc.nat(), id, fc.constantFrom('USER', 'APP', 'SYSTEM'), (seq, at, offset, name, kind) => {
      const event: Event = {
        cause: { era: 1, offset },
        at,
        sessionId: `s:${name}` as SessionId,
        packId: name as PackId,
        from: name as UserId,
        actor: { kind: kind as 'USER', id: name },
        device: { type: 6, id: name },
        gateway: name,
        flags: 255,
        seq,
        count: 7,
        digest: Buffer.alloc(16),
        pushInfo: null,
        body: { kind: 'MemberJoined' },
      }
      expect(readSeq(codec.encode(event))).toBe(seq)
    }),
  )
})

test('[GW27] bytes that hold no event give no seq, or a number at least', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      const seq = readSeq(Buffer.from(bytes))
      expect(seq === undefined || Number.isSafeInteger(seq)).toBe(true)
    }),
  )
})
