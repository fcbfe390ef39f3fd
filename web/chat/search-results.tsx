import type { Names } from '../app/messenger-context.ts'

/** Messages that hold the words: shown once the server can be asked for them. */
export function SearchResults(_: { words: string; names: Names }) {
  return null
}
