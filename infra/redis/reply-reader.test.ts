import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Reply, ReplyReader } from './reply-reader.ts'

const SENT: [bytes: string, reply: Reply][] = [
  ['+OK\r\n', {}],
  [':12\r\n', {}],
  ['$-1\r\n', { isNil: true }],
  ['$4\r\na\r\nb\r\n', { text: 'a\r\nb' }],
  ['$0\r\n\r\n', { text: '' }],
  ['-ERR no\r\n', { error: 'ERR no' }],
  ['*-1\r\n', { isNil: true }],
  ['*3\r\n:1\r\n$2\r\n\r\n\r\n+OK\r\n', {}],
  ['*3\r\n:1\r\n-WRONGTYPE a\r\n-ERR b\r\n', { error: 'WRONGTYPE a' }],
]

test('[RN32] replies are read whole however they arrive; of an array the first error is kept', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...SENT), { maxLength: 20 }), pieces, (sent, sizes) => {
      const bytes = Buffer.from(sent.map(([text]) => text).join(''))
      const replies: Reply[] = []
      const reader = new ReplyReader(reply => replies.push(reply))
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!
        reader.feed(bytes.subarray(at, at + size))
        at += size
      }
      expect(replies).toEqual(sent.map(([, reply]) => reply))
    }),
  )
})

test('[RN32] what is no reply is an error', () => {
  expect(() => new ReplyReader(() => {}).feed(Buffer.from('HTTP/1.1 400\r\n'))).toThrow(/no reply: TTP/)
})
