import type { Generations } from './generations.ts'
import { loadScript, type ScriptPart, type SharedCall, sharedCalls } from './pipeline.ts'

const readKeysScript = loadScript(new URL('./read-keys.lua', import.meta.url))

/** Things of one call: each call is answered by itself, so that the next ones are read while its answer is worked on. */
const CALL_THINGS_MAX = 64
/** Values after which a call ends: it holds the server up no longer, and an answer is a few megabytes. */
const CALL_VALUES_MAX = 10_000

interface Waiting<Id> {
  id: Id
  resolve: (answers: KeyAnswers | undefined) => void
  reject: (error: unknown) => void
}

/** What each key of a thing holds: of a hash and of a sorted set with scores flat pairs, of all others members. */
export type KeyAnswers = readonly (readonly string[])[]

/**
 * Reads whole things of the live generation, of many keys each, for whoever wants all of them. What is asked for in one
 * tick is read by a few calls of a script: in a command for each key most of the time would go to the commands. The keys
 * of one thing are read at one moment.
 */
export class KeyReader<Id> {
  private readonly generations: Generations
  private readonly kinds: string
  private readonly keysOf: (keyPrefix: string, id: Id) => readonly string[]
  private waiting: Waiting<Id>[] = []

  /** `kinds` has a letter for each key that `keysOf` gives, as read-keys.lua has them. */
  constructor(
    generations: Generations,
    { kinds, keysOf }: { kinds: string; keysOf: (keyPrefix: string, id: Id) => readonly string[] },
  ) {
    this.generations = generations
    this.kinds = kinds
    this.keysOf = keysOf
  }

  /** Undefined where there is no live generation. Rejects as `Generations.read` does. */
  read(id: Id): Promise<KeyAnswers | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, resolve, reject })
      if (this.waiting.length === 1) process.nextTick(() => this.flush())
    })
  }

  /** One call a tick: calls of the same tick would be answered together. */
  private flush(): void {
    const things = this.waiting.splice(0, CALL_THINGS_MAX)
    void this.call(things)
    if (this.waiting.length > 0) process.nextTick(() => this.flush())
  }

  private async call(things: readonly Waiting<Id>[]): Promise<void> {
    try {
      let calls: SharedCall[] = []
      const replies = await this.generations.read(
        keyPrefix => {
          const parts = things.map(({ id }): ScriptPart => ({ keys: this.keysOf(keyPrefix, id), args: [] }))
          const args = [CALL_VALUES_MAX, this.kinds]
          calls = sharedCalls(this.generations.connection, readKeysScript, args, parts)
          return calls.map(({ command }) => command)
        },
        [readKeysScript],
      )
      if (replies === undefined) for (const { resolve } of things) resolve(undefined)
      else
        for (const [index, { parts }] of calls.entries())
          this.settle(
            parts.map(part => things[part]!),
            replies[index],
          )
    } catch (error) {
      for (const { reject } of things) reject(error)
    }
  }

  /** What a call had no room for is asked for again. */
  private settle(things: readonly Waiting<Id>[], reply: unknown): void {
    const answers = reply as KeyAnswers[]
    for (const [index, answer] of answers.entries()) things[index]!.resolve(answer)
    const left = things.slice(answers.length)
    if (left.length === 0) return
    const isScheduled = this.waiting.length > 0
    this.waiting.unshift(...left)
    if (!isScheduled) process.nextTick(() => this.flush())
  }
}
