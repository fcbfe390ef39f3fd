import type { Clock, Millis, Random } from '../clock.ts'
import type { Guard } from './guarded-pipes.ts'
import { type Command, loadScript, runPipeline, unlinkKeys } from './pipeline.ts'
import type { RedisConnection } from './redis.ts'

/**
 * Generations of a Redis view: which set of keys is the live one.
 *
 * Every key of a view carries a generation, whose name begins with the format of what is stored. A pointer key names the live one; a rebuild fills another and moves the
 * pointer. The pointer is also how a writer notices that the server was emptied: then it is gone.
 *
 * The order that keeps readers right (RN9-RN12):
 * - A writer stores a position only while the pointer names its generation and the stored position is not behind
 *   what it knows to be stored; otherwise it asks for the position anew and goes on from there.
 * - A reader sends its commands and, behind them in the same pipeline, a look at the pointer. When the pointer has
 *   moved, the replies are thrown away and asked for again: keys are deleted only after the pointer has moved.
 * - A switch first seals the live generation: its positions stand still. As soon as the new one is as far in every
 *   partition, one script moves the pointer. So a position that a reader has seen never goes back. The seal has a
 *   time to live: a rebuild that dies holds nobody up for longer.
 *
 * Keys, under `<prefix><view>:`, all in the slot of `{<view>}`:
 *   {<view>}:live              string, no TTL      the live generation          writers, rebuild
 *   {<view>}:building          string, no TTL      the generation being built   rebuild
 *   {<view>}:builder, {<view>}:builder:1 ...  string, no TTL  who builds it: its last rebuild, in a word for each of those who share the work  rebuild
 *   {<view>}:seal              string, SEAL_MS     the generation that is sealed  rebuild
 *   {<view>}:filling           string, no TTL      the generation with which the server was filled from nothing,   writers
 *                                                  or a name of its own since it lost what it had confirmed
 *   <generation>:{<view>}:positions   hash, no TTL  partition -> JSON of the position   writers
 */

const SEAL_MS: Millis = 5_000
const SWITCH_POLL_MS: Millis = 10
/** How long one commit tries, sealed, before it lets the live generation go on. */
export const SWITCH_MS_MAX: Millis = 4_000
/** Reads that a moving pointer may spoil in a row. */
const READ_TRIES_MAX = 5
const GENERATION_BYTES = 6
/** Of those who build one generation together. */
export const BUILDERS_MAX = 8

export type Pointer = 'live' | 'building'
export interface PositionRequest {
  pointer: Pointer
  generation: string
  partition: number
  before: number | undefined
  offset: number
  json: string
}

interface WaitingPosition {
  request: PositionRequest
  resolve: (answer: StoreAnswer) => void
  reject: (error: unknown) => void
}

/** What one of those who build a generation together has to know; plain data, which goes from thread to thread. */
export interface BuildShare {
  generation: string
  /** Its own: nobody else's failure takes it away. */
  guard: Guard
}

export type StoreAnswer = 'STORED' | 'MOVED' | 'BEHIND' | 'SEALED'

/** The pointer moved again and again while a reader was reading: ask later. */
export class GenerationUnstable extends Error {
  override readonly name = 'GenerationUnstable'
}

/** A rebuild could not be finished: the live generation stays. */
export class SwitchFailed extends Error {
  override readonly name = 'SwitchFailed'
}

const storePositionsScript = loadScript(new URL('./store-positions.lua', import.meta.url))
const claimScript = loadScript(new URL('./claim-generation.lua', import.meta.url))
const renewScript = loadScript(new URL('./renew-guard.lua', import.meta.url))
const switchScript = loadScript(new URL('./switch-generation.lua', import.meta.url))

export interface GenerationsOptions {
  connection: RedisConnection
  view: string
  /** Of what is stored, letters and digits: generations of another one count as none. Undefined for the first format. */
  format?: string
  random: Random
}

export class Generations {
  readonly connection: RedisConnection
  private readonly view: string
  private readonly nameStart: string
  private readonly random: Random
  private readonly root: string
  /** What readers took for live when they looked last; checked by every read. */
  private seenLive: string | undefined
  /** Positions to be stored, by pointer and generation. */
  private readonly waiting = new Map<string, WaitingPosition[]>()

  constructor({ connection, view, format, random }: GenerationsOptions) {
    this.connection = connection
    this.view = view
    this.nameStart = format === undefined ? '' : `${format}-`
    this.random = random
    this.root = `${connection.prefix}${view}:`
  }

  /** What every key of a generation begins with. */
  keyPrefix(generation: string): string {
    return `${this.root}${generation}:`
  }

  private pointerKey(pointer: Pointer | 'seal'): string {
    return `${this.root}{${this.view}}:${pointer}`
  }

  private builderKeys(): string[] {
    const first = `${this.root}{${this.view}}:builder`
    return Array.from({ length: BUILDERS_MAX }, (_, n) => (n === 0 ? first : `${first}:${n}`))
  }

  private positionsKey(generation: string): string {
    return `${this.keyPrefix(generation)}{${this.view}}:positions`
  }

  private fillingKey(): string {
    return `${this.root}{${this.view}}:filling`
  }

  /** Stays over rebuilds, and is another one after the server was emptied: what was read in between says nothing. */
  async filling(): Promise<string | undefined> {
    return (await this.connection.client.get(this.fillingKey())) ?? undefined
  }

  /** The generation that the pointer names; undefined where there is none. */
  async current(pointer: Pointer): Promise<string | undefined> {
    return this.known(await this.connection.client.get(this.pointerKey(pointer)))
  }

  /** The generation, where it is one of this format: others count as none. */
  private known(generation: string | null): string | undefined {
    if (generation === null) return undefined
    return generation.slice(0, generation.indexOf('-') + 1) === this.nameStart ? generation : undefined
  }

  /** The live generation, made when there is none of this format; one of another format is then deleted. */
  async liveOrNew(): Promise<string> {
    const { client } = this.connection
    const keys = [this.pointerKey('live'), this.fillingKey()]
    const answer = await client.eval(claimScript.lua, keys.length, ...keys, this.newName(), this.nameStart)
    const [generation, isNew] = answer as [string, string]
    if (isNew === '1') await this.sweep()
    return generation
  }

  /** Says that the server holds less than it had confirmed: who read it before the loss may not believe it to be the same. */
  async noteSetBack(): Promise<void> {
    await this.connection.client.set(this.fillingKey(), this.newName())
  }

  private newName(): string {
    return this.nameStart + this.random.bytes(GENERATION_BYTES).toString('hex')
  }

  /** Stored positions of a generation, as JSON. */
  async positions(generation: string): Promise<Map<number, string>> {
    const stored = await this.connection.client.hgetall(this.positionsKey(generation))
    return new Map(Object.entries(stored).map(([partition, json]) => [Number(partition), json]))
  }

  async position(generation: string, partition: number): Promise<string | undefined> {
    return (await this.connection.client.hget(this.positionsKey(generation), String(partition))) ?? undefined
  }

  /**
   * Stores a position after its data. `before` is the offset that the writer knows to be stored, if any. Partitions
   * that ask in one tick share a call, as the answers to what they wrote together come together.
   */
  storePosition(request: PositionRequest): Promise<StoreAnswer> {
    return new Promise((resolve, reject) => {
      const writer = `${request.pointer} ${request.generation}`
      const waiting = this.waiting.get(writer)
      if (waiting === undefined) {
        const fresh = [{ request, resolve, reject }]
        this.waiting.set(writer, fresh)
        process.nextTick(() => {
          this.waiting.delete(writer)
          void this.storePositions(fresh)
        })
      } else waiting.push({ request, resolve, reject })
    })
  }

  private async storePositions(waiting: readonly WaitingPosition[]): Promise<void> {
    const { pointer, generation } = waiting[0]!.request
    const keys = [this.pointerKey(pointer), this.positionsKey(generation), this.pointerKey('seal')]
    const args = waiting.flatMap(({ request: { partition, before, offset, json } }) => {
      return [partition, before ?? '', offset, json]
    })
    try {
      const call = storePositionsScript.call(keys, [generation, ...args])
      const [answers] = (await runPipeline(this.connection, [call], [storePositionsScript])) as [StoreAnswer[]]
      for (const [index, { resolve }] of waiting.entries()) resolve(answers[index]!)
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  /**
   * Runs the commands that `read` makes for the live generation and gives their replies, all from a time at which it
   * was live; undefined when there is none. Rejects when Redis cannot be reached.
   */
  async read(read: (keyPrefix: string) => Command[], scripts: Parameters<typeof runPipeline>[2] = []) {
    for (let tries = 0; tries < READ_TRIES_MAX; tries++) {
      this.seenLive ??= await this.current('live')
      const generation = this.seenLive
      if (generation === undefined) return undefined
      const commands: Command[] = [...read(this.keyPrefix(generation)), ['get', this.pointerKey('live')]]
      const replies = await runPipeline(this.connection, commands, scripts)
      const live = replies.pop() as string | null
      if (live === generation) return replies
      this.seenLive = this.known(live)
    }
    throw new GenerationUnstable(`${this.view}: the live generation changed ${READ_TRIES_MAX} times during one read`)
  }

  /** Position of a partition as `read` sees it. */
  async readPosition(partition: number): Promise<string | undefined> {
    const replies = await this.read(prefix => [['hget', `${prefix}{${this.view}}:positions`, partition]])
    return (replies?.[0] as string | null | undefined) ?? undefined
  }

  /** All positions as `read` sees them, as JSON. */
  async readPositions(): Promise<Map<number, string>> {
    const replies = await this.read(prefix => [['hgetall', `${prefix}{${this.view}}:positions`]])
    const flat = pairsOf(replies?.[0])
    return new Map(flat.map(([partition, json]) => [Number(partition), json]))
  }

  /**
   * Begins a rebuild: a new empty generation, what an unfinished one left is deleted; or goes on with that one, where
   * there is any and `resume` says so. Gives what each of those needs who share the work, BUILDERS_MAX at most: only the
   * last ones to have begun have the guards.
   */
  async beginBuilding({ resume = false }: { resume?: boolean } = {}): Promise<[BuildShare, ...BuildShare[]]> {
    const guards = this.builderKeys().map(key => ({ key, value: this.newName() }))
    await this.connection.client.mset(guards.flatMap(({ key, value }) => [key, value]))
    const left = resume ? await this.current('building') : undefined
    const generation = left ?? this.newName()
    if (left === undefined) {
      await this.connection.client.set(this.pointerKey('building'), generation)
      await this.sweep()
    }
    const [own, ...others] = guards.map(guard => ({ generation, guard }))
    return [own!, ...others]
  }

  /** A new value for a guard; whoever gives it to `renewGuard` again and again gives the same one. */
  guardAfter(guard: Guard): Guard {
    return { ...guard, value: this.newName() }
  }

  /** From then on nothing happens that was sent under the value before. False where the guard is another's. */
  async renewGuard(before: Guard, after: Guard): Promise<boolean> {
    const call = renewScript.call([before.key], [before.value, after.value])
    const [renewed] = await runPipeline(this.connection, [call], [renewScript])
    return renewed === 1
  }

  /**
   * Makes the built generation live, see above; whoever fills it must go on meanwhile. The old one is left to `sweep`. Rejects
   * with SwitchFailed when it does not get as far as the live one within SWITCH_MS_MAX.
   */
  async commitBuilding(generation: string, clock: Clock): Promise<void> {
    const deadline = clock.monotonic() + SWITCH_MS_MAX
    try {
      for (;;) {
        const answer = await this.trySwitch(generation)
        if (answer === 'SWITCHED') break
        if (answer === 'MOVED') throw new SwitchFailed(`${this.view}: another rebuild has begun meanwhile`)
        if (clock.monotonic() > deadline) throw new SwitchFailed(`${this.view}: the rebuild does not catch up`)
        await clock.sleep(SWITCH_POLL_MS)
      }
    } catch (error) {
      await this.connection.client.del(this.pointerKey('seal')).catch(() => {})
      throw error
    }
  }

  private async trySwitch(generation: string): Promise<string> {
    // Of whatever format: what readers have seen of its positions must not go back.
    const live = (await this.connection.client.get(this.pointerKey('live'))) ?? undefined
    if (live !== undefined) await this.connection.client.set(this.pointerKey('seal'), live, 'PX', SEAL_MS)
    const pointers = (['live', 'building', 'seal'] as const).map(pointer => this.pointerKey(pointer))
    const positions = [live ?? generation, generation].map(name => this.positionsKey(name))
    const keys = [...pointers, ...positions, ...this.builderKeys()]
    const call = switchScript.call(keys, [generation, live ?? ''])
    const [answer] = await runPipeline(this.connection, [call], [switchScript])
    return answer as string
  }

  /** Gives a rebuild up. */
  async abortBuilding(generation: string): Promise<void> {
    if ((await this.current('building')) === generation) {
      await this.connection.client.del(this.pointerKey('building'), ...this.builderKeys())
    }
    await this.sweep()
  }

  /**
   * Deletes every key of generations that are neither live nor being built. The pointers are read after the keys: a
   * generation is named by its pointer before it has its first key.
   */
  async sweep(): Promise<void> {
    await unlinkKeys(this.connection, this.root, async keys => {
      const kept = [`{${this.view}}:`]
      for (const pointer of ['live', 'building'] as const) {
        const generation = await this.connection.client.get(this.pointerKey(pointer))
        if (generation !== null) kept.push(`${generation}:`)
      }
      return keys.filter(key => !kept.some(start => key.startsWith(start, this.root.length)))
    })
  }
}

/** A reply of fields and values, flat as Redis sends it or an object as ioredis makes of HGETALL, as pairs. */
export function pairsOf(reply: unknown): [string, string][] {
  if (reply === undefined || reply === null) return []
  if (!Array.isArray(reply)) return Object.entries(reply as Record<string, string>)
  const flat = reply as string[]
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
  return pairs
}
