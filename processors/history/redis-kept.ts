import type { SessionAttributes } from '../../schemas/settings.ts'
import type { KeptOfSession } from './history-store.ts'
import type { Mark } from './project.ts'
import { ATTRIBUTES_LETTER, CLEARED_LETTER, HIDDEN_LETTER, MARK_LETTER } from './redis-history-keys.ts'

/** What a user keeps of a session, read from the fields of Redis. Pure. */

/** In the order in which `keptOf` takes their values. */
export const KEPT_LETTERS = [ATTRIBUTES_LETTER, MARK_LETTER, CLEARED_LETTER, HIDDEN_LETTER]

export function keptOf([attributes, read, cleared, hidden]: readonly (string | null | undefined)[]): KeptOfSession {
  const json = attributes?.slice(attributes.indexOf('/') + 1)
  return {
    attributes: json === undefined ? undefined : (JSON.parse(json) as SessionAttributes),
    read: markOf(read),
    cleared: markOf(cleared),
    hidden: hidden ? hidden.split(',').map(Number) : [],
  }
}

export function markOf(text: string | null | undefined): Mark {
  const [seq = 0, count = 0] = (text ?? '0/0').split('/').map(Number)
  return { seq, count }
}
