import { isDeepStrictEqual } from 'node:util'
import type { Random } from '../../infra/clock.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import type { TestState } from '../../processors/sequencer/testing/packs.ts'
import { foldOfEither, hardToRead } from '../../processors/sequencer/testing/reference.ts'
import { World } from '../../processors/sequencer/testing/world.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import type { LogRecord } from '../../topics/log.ts'
import { chainHeaders, type ValidBatch } from '../../topics/valid-events.ts'
import { ModelReader } from './model-reader.ts'
import { ModelWriter } from './model-writer.ts'
import { pick, randomPack } from './random-packs.ts'

/**
 * The two-writer model of DESIGN 4: two sequencers that do not know of each other work on one partition, while their
 * produces get lost, come late, twice, slowly or without an answer, while they are killed and started again on the
 * same disk or on none, and while strangers write to the topic. In some runs the two decide by different code, and the
 * log loses its tail, as an unclean election would do it. Readers follow from several places.
 *
 * Writers and readers are the product's own code. What must hold is checked against the packs and `decide` alone:
 *   every pack has one outcome, in order, and each is what one of the writers decides on what stands before it;
 *   every reader has got just this, wherever it began and however it read; one that slept through a loss of the tail
 *   has got nothing that does not follow what it had;
 *   what a writer has stored is the fold of it, and both are ready.
 *
 * Not modelled: a writer that lives on through a loss of the tail. The loss comes with a failure of the broker, both
 * writers are started anew, and the operator has removed what they had stored beyond it (MARKER_AHEAD says so); only
 * produces that were on their way live on.
 */

export interface ModelOptions {
  steps?: number
  /** The writer believes any answer, wherever its records landed. */
  believesAnswers?: boolean
}

export interface ModelRun {
  /** Empty when everything held. */
  violations: string[]
  /** How often each fault happened. */
  counts: Record<string, number>
}

const STEPS = 60
const STEP_MS_MAX = 60
/** In a hundred steps. */
const CRASHES = 6
const STRANGERS = 8
const LOSSES = 3
/** Records that a loss of the tail takes at most. */
const LOST_RECORDS_MAX = 6
/** How late a lost record comes once more at most, in ms. */
const AGAIN_MS_MAX = 200
/** Rounds that the writers get to answer everything once nothing fails any more. */
const ANSWER_ROUNDS_MAX = 300
const ROUND_MS = 20
/** Longer than any produce is late and any write of store or changelog waits. */
const QUIET_MS = 5_000

/** One run; a broken rule is a violation, not an error. */
export async function runModel(seed: number, options: ModelOptions = {}): Promise<ModelRun> {
  const world = await World.make()
  const model = new Model(world, new SeededRandom(seed), options)
  try {
    await model.run()
  } catch (error) {
    model.violations.push(`ended by ${String(error)}`)
  }
  await model.stop()
  return { violations: model.violations, counts: model.counts() }
}

class Model {
  readonly violations: string[] = []
  private readonly world: World
  private readonly random: Random
  private readonly options: ModelOptions
  private readonly writers: readonly ModelWriter[]
  private readonly readers: readonly ModelReader[]
  /** Is never told that the log has lost its tail. */
  private readonly sleeper: ModelReader
  private readonly losesTail: boolean
  private readonly happened = { crashes: 0, strangers: 0, losses: 0, junk: 0, differing: 0 }

  constructor(world: World, random: Random, options: ModelOptions) {
    this.world = world
    this.random = random
    this.options = options
    this.losesTail = random.next() < 0.4
    const differ = random.next() < 0.5
    const rules = { ...RULES_DEFAULT, version: 1, contentBytesMax: 300 }
    const make = (name: string, extra: object) => new ModelWriter({ world, name, random, ...options, ...extra })
    this.writers = [
      make('a', {}),
      make('b', {
        ...(differ ? { packCodec: hardToRead(world.codecs.pack) } : {}),
        ...(random.next() < 0.3 ? { rules } : {}),
      }),
    ]
    this.readers = [new ModelReader(world, 'one'), new ModelReader(world, 'other')]
    this.sleeper = new ModelReader(world, 'sleeper')
  }

  async run(): Promise<void> {
    for (const writer of this.writers) await writer.start()
    for (let step = 0; step < (this.options.steps ?? STEPS); step++) await this.step()
    for (const writer of this.writers) writer.faults.healed = true
    if (!(await this.untilAnswered())) return
    await this.world.clock.pass(QUIET_MS)
    await this.check()
  }

  async stop(): Promise<void> {
    for (const writer of this.writers) await writer.stop()
  }

  counts(): Record<string, number> {
    const counts: Record<string, number> = { ...this.happened }
    for (const { faults } of this.writers) {
      for (const [fault, count] of Object.entries(faults.counts)) counts[fault] = (counts[fault] ?? 0) + count
    }
    return counts
  }

  private async step(): Promise<void> {
    const { random, world, happened } = this
    const packs = Math.floor(random.next() * 4)
    for (let n = 0; n < packs; n++) world.send(randomPack(random))
    if (this.draws(STRANGERS)) await this.strangersWrite()
    if (this.losesTail && this.draws(LOSSES)) await this.loseTail()
    if (this.draws(CRASHES)) {
      happened.crashes++
      await pick(random, this.writers).crash({ keepsDisk: random.next() < 0.5 })
    }
    await world.clock.pass(Math.floor(random.next() * STEP_MS_MAX))
    for (const reader of this.readers) {
      if (random.next() < 0.5) await reader.read(1 + Math.floor(random.next() * 20))
    }
    if (random.next() < 0.2) await this.sleeper.readAll()
  }

  private draws(percent: number): boolean {
    return this.random.next() * 100 < percent
  }

  /** Records of nobody, and records of the topic itself once more, as a careless copying tool would write them. */
  private async strangersWrite(): Promise<void> {
    const { world, random } = this
    const topic = world.topics.events.name
    const records = await world.records(topic)
    const end = records.at(-1)?.offset ?? -1
    const forged: LogRecord = {
      key: Buffer.from('s:alice:bob'),
      value: Buffer.from('not ours'),
      // At its own place only where nobody begins to read there: whoever does, without the hash before, believes it (LOG3).
      headers: chainHeaders(this.losesTail ? end + 1 : end + 2, '0011223344556677'),
    }
    const copied = records.slice(Math.floor(random.next() * records.length)).slice(0, 3)
    world.log.put(topic, 0, copied.length > 0 && random.next() < 0.7 ? copied : [forged])
    this.happened.strangers++
  }

  private async loseTail(): Promise<void> {
    const { world, random } = this
    const topic = world.topics.events.name
    const { start, end } = (await world.log.bounds(topic)).get(0)!
    const kept = Math.max(start, end - Math.ceil(random.next() * LOST_RECORDS_MAX))
    for (const writer of this.writers) writer.kill()
    const lost = (await world.records(topic)).filter(({ offset }) => offset >= kept)
    world.log.truncateTo(topic, 0, kept)
    // What the lost leader had taken may be sent once more, and arrive among what is written in its place.
    for (const record of lost) {
      world.clock.schedule(random.next() * AGAIN_MS_MAX, () => world.log.put(topic, 0, [record]))
    }
    for (const reader of this.readers) await reader.tailLost(kept)
    for (const writer of this.writers) await writer.startWithoutPast()
    this.happened.losses++
  }

  /** True when every pack has an outcome. */
  private async untilAnswered(): Promise<boolean> {
    const { world } = this
    const { end } = (await world.log.bounds(world.topics.packs.name)).get(0)!
    for (let round = 0; round < ANSWER_ROUNDS_MAX; round++) {
      for (const { name, failure } of this.writers) {
        if (failure !== undefined) this.violations.push(`writer ${name} stopped: ${String(failure)}`)
      }
      if (this.violations.length > 0) return false
      const { position } = await world.valid()
      if ((position.cause?.offset ?? -1) + 1 >= end) return true
      await world.clock.pass(ROUND_MS)
    }
    this.violations.push('packs are left without an outcome')
    return false
  }

  private async check(): Promise<void> {
    const { world, violations } = this
    const valid = await world.valid()
    this.happened.junk += valid.junk
    const { state, faults, differing } = await foldOfEither(world, valid.records)
    this.happened.differing += differing
    violations.push(...faults)
    for (const writer of this.writers) this.checkWriter(writer, state)
    for (const reader of this.readers) {
      await reader.readAll()
      violations.push(...reader.differencesFrom(valid))
    }
    await this.sleeper.readAll()
    violations.push(...this.sleeper.mixtureWith(valid))
    if (!this.losesTail) await this.checkLateReader(valid)
  }

  private checkWriter(writer: ModelWriter, state: TestState): void {
    if (!writer.isReady) this.violations.push(`writer ${writer.name} is not ready`)
    for (const table of ['heads', 'members'] as const) {
      // Cloned, because rows that were read back are of classes of the codec.
      const [stored, folded] = structuredClone([writer.rows[table], state.rows[table]])
      if (!isDeepStrictEqual(stored, folded)) {
        this.violations.push(`writer ${writer.name} has other ${table} than the log`)
      }
    }
  }

  /** Somebody who begins when the log has lost its beginning, and so does not know the hash before. */
  private async checkLateReader(valid: ValidBatch): Promise<void> {
    const { world, random } = this
    const topic = world.topics.events.name
    const { end } = (await world.log.bounds(topic)).get(0)!
    const start = Math.floor(random.next() * end)
    world.log.deleteBefore(topic, 0, start)
    const reader = new ModelReader(world, 'late', start)
    await reader.readAll()
    this.violations.push(...reader.differencesFrom(valid))
  }
}
