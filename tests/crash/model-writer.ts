import type { Random } from '../../infra/clock.ts'
import type { RowMaps } from '../../processors/sequencer/session.ts'
import { MemoryStateDir } from '../../processors/sequencer/state-store.ts'
import { FaultyAppends, Mortal } from '../../processors/sequencer/testing/faults.ts'
import type { Node, World } from '../../processors/sequencer/testing/world.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Pack, Rules } from '../../schemas/pack.ts'
import type { Log } from '../../topics/log.ts'
import { HEADER_POS } from '../../topics/valid-events.ts'

export interface ModelWriterOptions {
  world: World
  name: string
  random: Random
  packCodec?: RecordCodec<Pack>
  rules?: Rules
  believesAnswers?: boolean
}

/** A sequencer with a network and a disk of its own, and an im.sessions of its own, so that nothing fences it. */
export class ModelWriter {
  readonly name: string
  readonly faults: FaultyAppends
  /** What it stopped with, since it was last started. */
  failure: unknown
  private readonly options: ModelWriterOptions
  private mortal = new Mortal()
  private dirs = [new MemoryStateDir()]
  private node: Node | undefined
  private pasts = 0

  constructor(options: ModelWriterOptions) {
    const { world, random, name } = options
    this.options = options
    this.name = name
    this.faults = new FaultyAppends({ log: world.log, clock: world.clock, random })
    this.makeSessions()
  }

  get isReady(): boolean {
    return this.node?.service.ready() === true
  }

  get rows(): RowMaps {
    return this.dirs[0]!.rows
  }

  async start(): Promise<void> {
    const { world, name, random, packCodec, rules } = this.options
    const mortal = new Mortal()
    this.mortal = mortal
    this.failure = undefined
    const append: Log['append'] = request =>
      request.topic === world.topics.events.name ? this.append(request) : world.log.append(request)
    this.node = await world.start({
      name,
      dirs: this.dirs,
      clock: mortal.clock(world.clock),
      log: mortal.log(world.log, append),
      transactional: mortal.transactional(world.transactional),
      sessions: this.sessions(),
      seed: Math.floor(random.next() * 2 ** 31),
      ...(packCodec === undefined ? {} : { packCodec }),
      ...(rules === undefined ? {} : { rules }),
    })
    this.node.service.done.catch(error => {
      if (this.mortal === mortal) this.failure = error
    })
  }

  kill(): void {
    this.mortal.kill()
  }

  /** Killed, and started again: on its disk, or on an empty one. */
  async crash({ keepsDisk }: { keepsDisk: boolean }): Promise<void> {
    this.kill()
    if (!keepsDisk) this.dirs = [new MemoryStateDir()]
    await this.start()
  }

  /** Started on an empty disk and an empty im.sessions. */
  async startWithoutPast(): Promise<void> {
    this.pasts++
    this.makeSessions()
    this.dirs = [new MemoryStateDir()]
    await this.start()
  }

  async stop(): Promise<void> {
    if (this.node !== undefined) await this.options.world.stop(this.node)
  }

  private async append(request: Parameters<Log['append']>[0]): ReturnType<Log['append']> {
    const appended = await this.faults.append(request)
    if (this.options.believesAnswers !== true) return appended
    return { baseOffset: Number(request.records[0]!.headers[HEADER_POS]!.readBigUInt64BE()) }
  }

  private makeSessions(): void {
    this.options.world.log.createTopic(this.sessions())
  }

  private sessions() {
    return { ...this.options.world.topics.sessions, name: `im.sessions.${this.name}.${this.pasts}` }
  }
}
