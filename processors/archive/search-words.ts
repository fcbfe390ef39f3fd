/**
 * What somebody types to search, as terms that all have to be in a message. A word of ASCII letters and digits is found
 * as a whole word, also between Chinese characters; what stands in double quotes, and everything that is no such word, is
 * found where it stands, within longer words too. Capitals make no difference. Pure.
 */
export type SearchTerm = { kind: 'word'; text: string } | { kind: 'phrase'; text: string }

/** Terms of one search. */
export const SEARCH_TERMS_MAX = 10

const PIECE = /"([^"]*)"|([^\s"]+)/gu
const WORD = /^[a-z0-9]+$/
/** One character that stands for itself in the index of words: a letter or digit of any script. */
const ONE_CHARACTER = /^[\p{L}\p{N}]$/u

/** The terms, the first SEARCH_TERMS_MAX of them; none where the text holds nothing that can be looked for. */
export function parseSearchWords(text: string): SearchTerm[] {
  const terms = new Map<string, SearchTerm>()
  for (const [, quoted, plain] of text.toLowerCase().matchAll(PIECE)) {
    const piece = (quoted ?? plain ?? '').trim()
    const term = termOf(piece, quoted !== undefined)
    if (term !== undefined) terms.set(`${term.kind} ${term.text}`, term)
  }
  return [...terms.values()].slice(0, SEARCH_TERMS_MAX)
}

function termOf(piece: string, isQuoted: boolean): SearchTerm | undefined {
  if (ONE_CHARACTER.test(piece)) return { kind: 'word', text: piece }
  if (WORD.test(piece) && !isQuoted) return { kind: 'word', text: piece }
  // The index of pairs finds nothing shorter.
  return [...piece].length >= 2 ? { kind: 'phrase', text: piece } : undefined
}

/** True where a text has all of the terms: what the database is asked, for archives in memory. */
export function hasTerms(text: string, terms: readonly SearchTerm[]): boolean {
  const lower = text.toLowerCase()
  const words = new Set(lower.match(/[a-z0-9_]+(?:['.][a-z0-9_]+)*|\P{ASCII}/gu))
  return terms.every(term => (term.kind === 'word' ? words.has(term.text) : lower.includes(term.text)))
}
