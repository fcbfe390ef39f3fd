import { Flag } from '../../../schemas/pack.ts'
import type { Operation } from './operation.ts'

/** What goes past the log: nobody keeps it, and nobody may count on it. */

/** A message with the flag ONLINE_ONLY. */
export const whisper: Operation = {
  name: 'whisper',
  weight: 4,
  perform: device => {
    const content = { kind: 'Text', text: device.newText() } as const
    device.whisper({ type: 'send', sessionId: device.anySession(), flags: Flag.ONLINE_ONLY, content })
  },
}

export const typing: Operation = {
  name: 'typing',
  weight: 3,
  perform: device => device.client.typing(device.anySession(), device.random.chance(0.7)),
}

export const watchPresence: Operation = {
  name: 'presence',
  weight: 3,
  perform: device => {
    const { random } = device
    const userIds = [device.anyUser(), device.otherUser()]
    void device.ask({ type: 'presence', userIds, ...random.pick([{ subscribe: true }, { subscribe: false }, {}]) })
  },
}
