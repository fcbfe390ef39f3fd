import type { Seq } from '../../schemas/ids.ts'

/** Puts together what history gives and what came live: every seq once, in order, or an explicit gap. */

export type Step<T> = { kind: 'Item'; item: T } | { kind: 'Gap'; fromSeq: Seq; toSeq: Seq }

export interface Merged<T> {
  steps: Step<T>[]
  /** The seq up to which everything is now either an item or in a gap. */
  cursor: Seq
}

/**
 * The items above `cursor`, in order, each seq once; seqs that are missing between them become gaps. `items` are
 * ascending by seq and may repeat, and may begin at or below the cursor.
 */
export function mergeAbove<T extends { readonly seq: Seq }>(cursor: Seq, items: Iterable<T>): Merged<T> {
  const steps: Step<T>[] = []
  let last = cursor
  for (const item of items) {
    if (item.seq <= last) continue
    if (item.seq > last + 1) steps.push({ kind: 'Gap', fromSeq: last + 1, toSeq: item.seq - 1 })
    steps.push({ kind: 'Item', item })
    last = item.seq
  }
  return { steps, cursor: last }
}
