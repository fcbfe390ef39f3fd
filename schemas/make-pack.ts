import { packDigest } from './digest.ts'
import type { Device, Pack } from './pack.ts'

/** What a pack is made of that no client's frame asked for: flags, pushInfo and device may be left out. */
export type PackParts = Pick<Pack, 'sessionId' | 'from' | 'body' | 'packId' | 'actor' | 'gateway'> &
  Partial<Pick<Pack, 'flags' | 'pushInfo' | 'device'>>

const NO_DEVICE: Device = { type: 0, id: '' }

/** A pack of a server: digested, and with nothing looked up. */
export function makePack({ flags = 0, pushInfo = null, device = NO_DEVICE, ...parts }: PackParts): Pack {
  const { sessionId, from, body } = parts
  return {
    ...parts,
    flags,
    pushInfo,
    device,
    digest: packDigest({ sessionId, from, flags, pushInfo, body }),
    stamp: null,
  }
}
