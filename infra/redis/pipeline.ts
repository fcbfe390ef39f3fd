import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisConnection } from './redis.ts'

/** A Redis command: its name in lower case and its arguments. */
export type Command = [name: string, ...args: (string | number)[]]

/** A Lua script, called by its hash; `runPipeline` loads it where the server does not have it. */
export interface Script {
  readonly sha: string
  readonly lua: string
  /** The command that runs it. All `keys` must be in one slot. */
  call(keys: readonly string[], args: readonly (string | number)[]): Command
}

/** Loads a script from a file; `url` is relative to the module that owns it. */
export function loadScript(url: URL): Script {
  const lua = readFileSync(url, 'utf8')
  const sha = createHash('sha1').update(lua).digest('hex')
  return { sha, lua, call: (keys, args) => ['evalsha', sha, keys.length, ...keys, ...args] }
}

/** Commands that go to the server in one write. */
export const PIPELINE_COMMANDS_MAX = 1_000

/**
 * Runs the commands in order, in pipelines of at most PIPELINE_COMMANDS_MAX, and gives their replies. Rejects with
 * the first command that failed; those behind it in its pipeline may have run. Where a script was missing (a
 * restarted server), the scripts are loaded and that pipeline runs once more: commands must be idempotent.
 */
export async function runPipeline(
  { client }: RedisConnection,
  commands: readonly Command[],
  scripts: readonly Script[] = [],
): Promise<unknown[]> {
  const replies: unknown[] = []
  for (let start = 0; start < commands.length; start += PIPELINE_COMMANDS_MAX) {
    const chunk = commands.slice(start, start + PIPELINE_COMMANDS_MAX)
    let results = await client.pipeline(chunk).exec()
    if (scripts.length > 0 && results?.some(([error]) => error?.message.startsWith('NOSCRIPT'))) {
      await client.pipeline(scripts.map(script => ['script', 'load', script.lua])).exec()
      results = await client.pipeline(chunk).exec()
    }
    for (const [error, reply] of results ?? []) {
      if (error) throw error
      replies.push(reply)
    }
  }
  return replies
}

/** Keys that match, a page at a time; a key may come more than once. `pattern` is Redis' glob, prefix included. */
export async function* scanKeys({ client }: RedisConnection, pattern: string): AsyncIterable<string[]> {
  let cursor = '0'
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_KEYS)
    cursor = next
    if (keys.length > 0) yield keys
  } while (cursor !== '0')
}

/** Keys that one SCAN looks at: small enough not to hold up a server that others use. */
const SCAN_KEYS = 500

/** A literal string inside of a Redis glob. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, match => `\\${match}`)
}
