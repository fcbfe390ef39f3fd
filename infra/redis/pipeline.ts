import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisConnection } from './redis.ts'
import { WireCommand } from './wire-command.ts'

/** A Redis command: its name in lower case and its arguments. */
export type Command = [name: string, ...args: (string | number)[]]

/** A Lua script, called by its hash; `runPipeline` loads it where the server does not have it. */
export interface Script {
  readonly sha: string
  readonly lua: string
  /** The command that runs it. All `keys` must be in one slot. */
  call(keys: readonly string[], args: readonly (string | number)[]): Command
}

/** What a script that takes several things of a kind gets for one of them. */
export interface ScriptPart {
  /** All in one slot; at least one. */
  keys: readonly string[]
  args: readonly (string | number)[]
}

export interface SharedCall {
  command: Command
  /** Which of the parts it is for, by their index. */
  parts: number[]
}

/** Parts of one call at most: a script holds up the server for as long as it runs. */
export const CALL_PARTS_MAX = 100

/**
 * As few calls of a script as may be: parts whose keys the connection lets a script use together share one. A call
 * costs server and client as much as what it does for one part. `args` come before those of the parts.
 */
export function sharedCalls(
  { slotOf }: Pick<RedisConnection, 'slotOf'>,
  script: Script,
  args: readonly (string | number)[],
  parts: readonly ScriptPart[],
): SharedCall[] {
  const bySlot = new Map<number, number[][]>()
  for (const [index, { keys }] of parts.entries()) {
    const slot = slotOf(keys[0]!)
    const groups = bySlot.get(slot) ?? [[]]
    bySlot.set(slot, groups)
    if (groups.at(-1)!.length === CALL_PARTS_MAX) groups.push([])
    groups.at(-1)!.push(index)
  }
  return [...bySlot.values()].flat().map(indexes => {
    const keys: string[] = []
    const all = [...args]
    for (const index of indexes) {
      keys.push(...parts[index]!.keys)
      for (const arg of parts[index]!.args) all.push(arg)
    }
    return { command: script.call(keys, all), parts: indexes }
  })
}

/** Loads a script from a file; `url` is relative to the module that owns it. */
export function loadScript(url: URL): Script {
  const lua = readFileSync(url, 'utf8')
  const sha = createHash('sha1').update(lua).digest('hex')
  return { sha, lua, call: (keys, args) => ['evalsha', sha, keys.length, ...keys, ...args] }
}

/** Commands that go to the server in one write; one caller's commands may exceed it only by coming alone. */
export const PIPELINE_COMMANDS_MAX = 1_000

interface Waiting {
  commands: readonly Command[]
  scripts: readonly Script[]
  resolve: (replies: unknown[]) => void
  reject: (error: unknown) => void
}

/** What was asked for in the present tick, by connection. */
const queues = new WeakMap<RedisConnection['client'], Waiting[]>()

/**
 * Runs the commands in order and gives their replies. Rejects with the first command that failed; those behind it may
 * have run. Where a script was missing (a restarted server), the scripts are loaded and everything runs once more:
 * commands must be idempotent.
 *
 * What several callers ask for in one tick goes to the server in one write: the partitions of a view write side by
 * side, and a write costs more than a command.
 */
export function runPipeline(
  { client }: RedisConnection,
  commands: readonly Command[],
  scripts: readonly Script[] = [],
): Promise<unknown[]> {
  if (commands.length === 0) return Promise.resolve([])
  return new Promise((resolve, reject) => {
    const waiting = { commands, scripts, resolve, reject }
    const queue = queues.get(client)
    if (queue !== undefined) {
      queue.push(waiting)
      return
    }
    const fresh = [waiting]
    queues.set(client, fresh)
    // Behind all promises that this tick settles, each of which may ask for more.
    process.nextTick(() => {
      queues.delete(client)
      for (const group of groupsWithin(fresh, PIPELINE_COMMANDS_MAX)) void runTogether(client, group)
    })
  })
}

/** Splits into groups of at most `max` commands; what exceeds it alone is a group of its own. */
function groupsWithin(all: readonly Waiting[], max: number): Waiting[][] {
  const groups: Waiting[][] = []
  let room = 0
  for (const waiting of all) {
    if (waiting.commands.length > room) {
      groups.push([])
      room = max
    }
    groups.at(-1)!.push(waiting)
    room -= waiting.commands.length
  }
  return groups
}

async function runTogether(client: RedisConnection['client'], group: readonly Waiting[]): Promise<void> {
  try {
    const commands = group.length === 1 ? group[0]!.commands : group.flatMap(waiting => waiting.commands)
    const scripts = new Set(group.flatMap(waiting => waiting.scripts))
    const results = await execute(client, commands, [...scripts])
    let start = 0
    for (const waiting of group) {
      const end = start + waiting.commands.length
      settle(waiting, results.slice(start, end))
      start = end
    }
  } catch (error) {
    for (const waiting of group) waiting.reject(error)
  }
}

type Result = [error: Error | null, reply: unknown]

/** What ioredis writes commands to that leave together. */
type BatchStream = Exclude<Parameters<RedisConnection['client']['sendCommand']>[1], NetStream | undefined>
type NetStream = RedisConnection['client']['stream']

async function execute(
  client: RedisConnection['client'],
  commands: readonly Command[],
  scripts: readonly Script[],
): Promise<Result[]> {
  const results = await executeOnce(client, commands)
  if (scripts.length === 0 || !results.some(([error]) => error?.message.startsWith('NOSCRIPT'))) return results
  await executeOnce(
    client,
    scripts.map(script => ['script', 'load', script.lua]),
  )
  return executeOnce(client, commands)
}

async function executeOnce(client: RedisConnection['client'], commands: readonly Command[]): Promise<Result[]> {
  const results: Result[] = []
  for (let start = 0; start < commands.length; start += PIPELINE_COMMANDS_MAX) {
    results.push(...(await sendTogether(client, commands.slice(start, start + PIPELINE_COMMANDS_MAX))))
  }
  return results
}

/**
 * One write for all commands. A Pipeline of ioredis does the same, but each has a hidden class of its own, which lives
 * until the next full collection and keeps it: every command and reply was copied twice and collected late
 * (docs/performance.md, Chat).
 */
function sendTogether(client: RedisConnection['client'], commands: readonly Command[]): Promise<Result[]> {
  const written: Buffer[] = []
  const gather: BatchStream = {
    isPipeline: true,
    // A WireCommand writes bytes, never a text.
    write: bytes => written.push(bytes as Buffer),
    destination: { redis: client },
  }
  const sent = commands.map(words => new WireCommand(words))
  for (const command of sent) client.sendCommand(command, gather)
  // Commands that cannot be written now are rejected, all of them.
  if (written.length > 0) client.stream.write(Buffer.concat(written))
  return Promise.all(sent.map(resultOf))
}

function resultOf({ promise }: WireCommand): Promise<Result> {
  return promise.then(
    reply => [null, reply],
    error => [error, undefined],
  )
}

function settle({ resolve, reject }: Waiting, results: readonly Result[]): void {
  const failed = results.find(([error]) => error !== null)
  if (failed !== undefined) reject(failed[0])
  else resolve(results.map(([, reply]) => reply))
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

/**
 * Deletes the keys that begin so, of each page those that `doomed` gives; gives how many. One key per command: a cluster
 * has them in different slots.
 */
export async function unlinkKeys(
  connection: RedisConnection,
  beginning: string,
  doomed: (keys: string[]) => string[] | Promise<string[]> = keys => keys,
): Promise<number> {
  let count = 0
  for await (const page of scanKeys(connection, `${escapeGlob(beginning)}*`)) {
    const keys = await doomed(page)
    count += keys.length
    await runPipeline(
      connection,
      keys.map(key => ['unlink', key]),
    )
  }
  return count
}

/** Keys that one SCAN looks at: small enough not to hold up a server that others use. */
const SCAN_KEYS = 2_000

/** A literal string inside of a Redis glob. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, match => `\\${match}`)
}
