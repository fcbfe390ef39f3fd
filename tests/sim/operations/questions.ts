import { sessionOfFrame } from '../../../schemas/frames.ts'
import type { Operation } from './operation.ts'

/** What a device asks; the answers are audited. */

export const readHistory: Operation = {
  name: 'history',
  weight: 3,
  perform: device => {
    const { random } = device
    const sessionId = device.anySession()
    const limit = random.between(1, 20)
    const last = device.client.seqOf(sessionId) ?? 0
    const seq = random.between(0, last + 1)
    const edge = random.chance(0.5) ? { afterSeq: seq } : { beforeSeq: seq + 1 }
    void device.ask({ type: 'history', sessionId, limit, ...edge })
  },
}

export const listSessions: Operation = {
  name: 'sessions',
  weight: 2,
  perform: device => void device.ask({ type: 'sessions', limit: device.random.between(1, 10) }),
}

export const askMembers: Operation = {
  name: 'members',
  weight: 2,
  perform: device => void device.ask({ type: 'members', sessionId: device.anyGroup(), limit: 10 }),
}

export const askOutcome: Operation = {
  name: 'outcome',
  weight: 2,
  perform: device => {
    const packs = [...device.witness.packs.values()]
    if (packs.length === 0) return
    const frame = device.random.pick(packs)[0]!
    void device.ask({ type: 'outcome', sessionId: sessionOfFrame(frame, device.user), packId: frame.packId })
  },
}
