import type { Generations } from './generations.ts'
import { escapeGlob, scanKeys } from './pipeline.ts'

/**
 * The hash tags of all keys `{<tag>}:<suffix>` of the live generation, in no order, each once, a page at a time. `glob`
 * is a pattern for the tag; of the suffixes any will do.
 */
export async function* tagsOf(
  generations: Generations,
  glob: string,
  suffixes: readonly string[],
): AsyncIterable<string[]> {
  const generation = await generations.current('live')
  if (generation === undefined) return
  const keyPrefix = generations.keyPrefix(generation)
  const seen = new Set<string>()
  // With one suffix the server leaves out all other keys.
  const ending = suffixes.length === 1 ? escapeGlob(suffixes[0]!) : '*'
  for await (const keys of scanKeys(generations.connection, `${escapeGlob(keyPrefix)}{${glob}}:${ending}`)) {
    const fresh = new Set<string>()
    for (const key of keys) {
      const end = key.lastIndexOf('}:')
      const tag = key.slice(keyPrefix.length + 1, end)
      if (suffixes.includes(key.slice(end + 2)) && !seen.has(tag)) fresh.add(tag)
    }
    for (const tag of fresh) seen.add(tag)
    yield [...fresh]
  }
}
