import type { Seq } from '../../schemas/ids.ts'

/**
 * Reads `seq` of an event whose schema this gateway does not know, so that clients can be told which event they miss.
 * It walks over the fields of event.avsc that come before it: cause, at, sessionId, packId, from, actor, device,
 * gateway, flags. Their order is part of the contract; newer schemas add fields behind them.
 */

const WIRE_HEADER_BYTES = 5
/** `n` an integer, `s` a string. */
const BEFORE_SEQ = 'nn' + 'n' + 'sss' + 'ns' + 'ns' + 's' + 'n'

/** undefined when the bytes do not hold that many fields. */
export function readSeq(bytes: Buffer): Seq | undefined {
  let at = WIRE_HEADER_BYTES
  const number = (): number | undefined => {
    let raw = 0
    let scale = 1
    for (let byte = bytes[at++]; byte !== undefined && scale < 2 ** 56; byte = bytes[at++]) {
      raw += (byte & 0x7f) * scale
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
      scale *= 128
    }
    return undefined
  }
  for (const kind of BEFORE_SEQ) {
    const value = number()
    if (value === undefined) return undefined
    if (kind === 's') at += value
  }
  const seq = number()
  return seq !== undefined && Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined
}
