import fc from 'fast-check'
import { Command } from 'ioredis'
import { expect, test } from 'vitest'
import { encodeCommand, WireCommand } from './wire-command.ts'

const words = fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer(), fc.double({ noNaN: true })))

/** As ioredis writes it. */
const theirs = (name: string, args: (string | number)[]) =>
  Buffer.from(new Command(name, args.map(String)).toWritable({}))

test('[HI3] a command is written byte for byte as ioredis writes it', () => {
  fc.assert(
    fc.property(words, args => {
      expect(encodeCommand(['evalsha', ...args])).toEqual(theirs('evalsha', args))
    }),
  )
})

test('[HI3] long, empty and multi-byte arguments have their length in bytes', () => {
  const args = ['', 'x'.repeat(10), '好'.repeat(40), 'é'.repeat(3), `${'z'.repeat(2_000)}好`, -1, 0]
  expect(new WireCommand(['set', ...args]).toWritable()).toEqual(theirs('set', args))
})
