import type { SeededRandom } from '../../infra/seeded-random.ts'

/** What generated people say: words of one language with spaces and of one without, the common ones far more often. Pure. */

export const WORDS = 20_000
export const PAIRS = 4_000
const SYLLABLES = [
  'ka',
  'lo',
  'mi',
  'ru',
  'te',
  'san',
  'vor',
  'bel',
  'dri',
  'fen',
  'gul',
  'hax',
  'jin',
  'pol',
  'quo',
  'zem',
]
/** Where the ideographs begin that are combined. */
const FIRST_IDEOGRAPH = 0x4e00
const IDEOGRAPHS = 1_500

/** The word of a rank, 0 the most common; every rank has another word. */
export function wordOf(rank: number): string {
  let text = ''
  for (let rest = rank + SYLLABLES.length; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    text += SYLLABLES[rest % SYLLABLES.length]
  }
  return text
}

/** Two ideographs that are said together. */
export function pairOf(rank: number): string {
  const first = FIRST_IDEOGRAPH + ((rank * 7) % IDEOGRAPHS)
  const second = FIRST_IDEOGRAPH + IDEOGRAPHS + ((rank * 13 + Math.floor(rank / IDEOGRAPHS)) % IDEOGRAPHS)
  return String.fromCharCode(first, second)
}

/** A text of about so many bytes; every third is without spaces. */
export function textOf(random: SeededRandom, bytes: number): string {
  const parts: string[] = []
  if (random.bits() % 3 === 0) {
    for (let length = 0; length < bytes; length += 6) parts.push(pairOf(rankOf(random, PAIRS)))
    return parts.join('')
  }
  for (let length = 0; length < bytes; length += parts.at(-1)!.length + 1) parts.push(wordOf(rankOf(random, WORDS)))
  return parts.join(' ')
}

/** A rank by a law under which each is met about as often as its rank is high. */
function rankOf(random: SeededRandom, count: number): number {
  return Math.floor(count ** random.next()) - 1
}
