import { isDeepStrictEqual } from 'node:util'
import { Flag } from '../../../schemas/pack.ts'
import { packOperation } from './operation.ts'

export const send = packOperation({
  frame: 'send',
  weight: 30,
  request: device => {
    const { random } = device
    const text = random.chance(0.01) ? '' : device.newText()
    const content = random.chance(0.1)
      ? ({ kind: 'Custom', type: 'app/thing', data: JSON.stringify(text) } as const)
      : ({ kind: 'Text', text } as const)
    return { type: 'send', sessionId: device.anySession(), flags: random.chance(0.8) ? Flag.COUNTER : 0, content }
  },
  event: 'MessageAccepted',
  isAs: (frame, { body, flags }) =>
    isDeepStrictEqual(body.content, frame.content) && (flags & ~Flag.DUP) === ((frame.flags ?? 0) & ~Flag.DUP),
  isCounted: ({ flags }) => (flags & Flag.COUNTER) !== 0,
})
