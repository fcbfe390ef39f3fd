import type { Seq } from '../../schemas/ids.ts'

/** Seqs that are all known here, both ends included. */
export interface Span {
  from: Seq
  to: Seq
}

/** Adds a span to a sorted list of spans that neither touch nor overlap, and gives such a list again. */
export function addSpan(spans: readonly Span[], added: Span): Span[] {
  const merged: Span = { ...added }
  const apart: Span[] = []
  for (const span of spans) {
    if (span.to + 1 < merged.from || span.from > merged.to + 1) {
      apart.push(span)
      continue
    }
    merged.from = Math.min(merged.from, span.from)
    merged.to = Math.max(merged.to, span.to)
  }
  return [...apart, merged].sort((a, b) => a.from - b.from)
}

/** The span that holds this seq. */
export function spanOf(spans: readonly Span[], seq: Seq): Span | undefined {
  return spans.find(({ from, to }) => from <= seq && seq <= to)
}

/** The highest seq up to which, from its span's beginning, nothing is missing; 0 where nothing is known. */
export function topOf(spans: readonly Span[]): Seq {
  return spans.at(-1)?.to ?? 0
}
