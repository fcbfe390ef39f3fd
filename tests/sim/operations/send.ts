import { isDeepStrictEqual } from 'node:util'
import type { MessageExtra, SendExtra } from '../../../schemas/content.ts'
import type { SessionId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import type { Device } from '../device.ts'
import { packOperation } from './operation.ts'

/** Flags that are not of the content: of a resend, and of a group that makes its members wait. */
const NOT_ASKED = Flag.DUP | Flag.SLOWED

function anyExtra(device: Device, sessionId: SessionId): SendExtra | undefined {
  const { random } = device
  if (random.chance(0.4)) return { mentions: [device.otherUser()] }
  if (random.chance(0.3)) return { mentionsAll: true }
  const quote = device.anyMessage(sessionId)
  return quote && { quote: { seq: quote.seq, packId: quote.packId, from: quote.from } }
}

function isExtra(asked: SendExtra = {}, said: MessageExtra = {}): boolean {
  const { seq, packId } = said.quote ?? {}
  return (
    isDeepStrictEqual([...new Set(asked.mentions)], said.mentions ?? []) &&
    asked.mentionsAll === said.mentionsAll &&
    asked.quote?.seq === seq &&
    asked.quote?.packId === packId
  )
}

export const send = packOperation({
  frame: 'send',
  weight: 30,
  request: device => {
    const { random } = device
    const text = random.chance(0.01) ? '' : device.newText()
    const content = random.chance(0.1)
      ? ({ kind: 'Custom', type: 'app/thing', data: JSON.stringify(text) } as const)
      : ({ kind: 'Text', text } as const)
    const sessionId = device.anySession()
    const flags = (random.chance(0.8) ? Flag.COUNTER : 0) | (random.chance(0.1) ? Flag.HIGH_PRIORITY : 0)
    const extra = random.chance(0.15) ? anyExtra(device, sessionId) : undefined
    return { type: 'send', sessionId, flags, content, ...(extra === undefined ? {} : { extra }) }
  },
  event: 'MessageAccepted',
  isAs: (frame, { body, flags }) =>
    isDeepStrictEqual(body.content, frame.content) &&
    (flags & ~NOT_ASKED) === ((frame.flags ?? 0) & ~NOT_ASKED) &&
    isExtra(frame.extra, body.extra),
  isCounted: ({ flags }) => (flags & Flag.COUNTER) !== 0,
})
