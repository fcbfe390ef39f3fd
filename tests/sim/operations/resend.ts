import { Flag } from '../../../schemas/pack.ts'
import type { Operation } from './operation.ts'

/** A pack of before goes out again, as by a program that does not know of its answer. */
export const resend: Operation = {
  name: 'resend',
  weight: 3,
  perform: device => {
    const packs = device.witness.resendable()
    if (packs.length === 0) return
    const frame = device.random.pick(packs)
    device.sendRaw(frame.type === 'send' ? { ...frame, flags: (frame.flags ?? 0) | Flag.DUP } : frame)
  },
}

/** Other content under a packId that was used. */
export const conflict: Operation = {
  name: 'conflict',
  weight: 1,
  perform: device => {
    const sends = device.witness.resendable().filter(frame => frame.type === 'send')
    if (sends.length === 0) return
    device.sendRaw({ ...device.random.pick(sends), content: { kind: 'Text', text: `${device.newText()} instead` } })
  },
}
