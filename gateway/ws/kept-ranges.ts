import type { KeptOfSession } from '../../processors/history/history-store.ts'
import type { Seq } from '../../schemas/ids.ts'
import type { Range } from './views.ts'

/** What a user hides of what they may see. Pure. */

/** The ranges above what was cleared. A range that is hidden whole stays, empty: it still says how far the user may see. */
export function aboveCleared(ranges: readonly Range[], { cleared }: KeptOfSession): readonly Range[] {
  if (cleared.seq === 0) return ranges
  return ranges.map(({ fromSeq, toSeq }) => ({ fromSeq: Math.max(fromSeq, cleared.seq + 1), toSeq }))
}

export function isShown(seq: Seq, ranges: readonly Range[], { hidden }: KeptOfSession): boolean {
  return ranges.some(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq) && !hidden.includes(seq)
}
