import { hash } from 'node:crypto'
import { type Generations, GenerationUnstable } from './generations.ts'
import { escapeGlob, runPipeline, type Script } from './pipeline.ts'

/**
 * Sums of what the keys of the live generation hold, made where they are: only sums travel. What is to be compared is
 * told as facts, each a text; a fact counts as the first 48 bits of its SHA-1, and all facts about one hash tag are added
 * up modulo 2^48. So the order in which facts are found does not matter, and whoever knows what should be there adds up
 * the same. Two sums that are equal by chance: once in 2^48.
 */
export const SUM_MODULUS = 2 ** 48

/** What the scripts call `fact`. As hex: a buffer for each would cost twice as much as the hash. */
export function factSum(fact: string): number {
  return Number.parseInt(hash('sha1', fact, 'hex').slice(0, SUM_HEX_DIGITS), 16)
}

const SUM_HEX_DIGITS = 12

/** A part of the sum of a tag: a tag comes once for each of its keys. */
export interface TagSum {
  tag: string
  sum: number
}

/** Keys that one call looks at: a script holds the server up for as long as it runs, with these some milliseconds. */
const CALL_KEYS = 500

/**
 * Goes through all keys once; `script` (ARGV: cursor, pattern, number of keys, bytes of the prefix) answers the next cursor
 * and flat pairs of tag and sum. Rejects with GenerationUnstable where another generation became live meanwhile: all sums
 * so far then say nothing. While a page is worked on the server makes the next one.
 */
export async function* keySums(generations: Generations, script: Script): AsyncIterable<TagSum[]> {
  const generation = await generations.current('live')
  if (generation === undefined) return
  const prefix = generations.keyPrefix(generation)
  const call = (cursor: string) => {
    const args = [cursor, `${escapeGlob(prefix)}{*`, CALL_KEYS, Buffer.byteLength(prefix)]
    const reply = runPipeline(generations.connection, [script.call([], args)], [script])
    // Whoever stops half way does not wait for it.
    reply.catch(() => {})
    return reply
  }
  let page: Promise<unknown[]> | undefined = call('0')
  while (page !== undefined) {
    const [reply] = await page
    const [cursor, ...pairs] = reply as [string, ...(string | number)[]]
    page = cursor === '0' ? undefined : call(cursor)
    yield tagSums(pairs)
  }
  if ((await generations.current('live')) !== generation) {
    throw new GenerationUnstable('another generation became live while the keys of this one were summed up')
  }
}

function tagSums(pairs: readonly (string | number)[]): TagSum[] {
  const sums: TagSum[] = []
  for (let at = 0; at < pairs.length; at += 2) sums.push({ tag: pairs[at] as string, sum: pairs[at + 1] as number })
  return sums
}
