import type { Clock } from '../../../infra/clock.ts'
import { type Logger, silentLogger } from '../../../infra/logger.ts'
import { Metrics } from '../../../infra/metrics.ts'
import { SeededRandom } from '../../../infra/seeded-random.ts'
import type { Service } from '../../../infra/service.ts'
import { VirtualClock } from '../../../infra/testing/virtual-clock.ts'
import { eventCodec, packCodec, type RecordCodec } from '../../../schemas/codec.ts'
import type { Event } from '../../../schemas/event.ts'
import type { Pack, Rules } from '../../../schemas/pack.ts'
import { type SessionRecord, sessionCodec } from '../../../schemas/session.ts'
import type { Log, StoredRecord } from '../../../topics/log.ts'
import { MemoryLog } from '../../../topics/memory-log.ts'
import { MemoryRegistry } from '../../../topics/memory-registry.ts'
import { MemoryTransactions, memoryTransactionalWriters } from '../../../topics/memory-transactional.ts'
import { fixedOwnership, type Ownership } from '../../../topics/ownership.ts'
import { makeTopics, type Topic, type Topics, valueSubject } from '../../../topics/topics.ts'
import type { TransactionalWriters } from '../../../topics/transactional-log.ts'
import { POSITION_START, selectValid, type ValidBatch } from '../../../topics/valid-events.ts'
import { makeSequencer, type SequencerContext, transactionalIdPrefix } from '../main.ts'
import { MemoryStateDir, MemoryStateStore, type StateStores } from '../state-store.ts'
import { T0 } from './packs.ts'

export interface Codecs {
  pack: RecordCodec<Pack>
  event: RecordCodec<Event>
  session: RecordCodec<SessionRecord>
}

export interface NodeOptions {
  name?: string
  dirs?: MemoryStateDir[]
  /** Other stores than plain ones on `dirs`. */
  stores?: StateStores
  log?: Log
  clock?: Clock
  /** Another topic in the place of im.sessions. */
  sessions?: Topic
  packCodec?: RecordCodec<Pack>
  eventCodec?: RecordCodec<Event>
  transactional?: TransactionalWriters
  /** Which partitions it owns for good; all unless told otherwise. */
  partitions?: readonly number[]
  /** Otherwise those that are agreed on. */
  ownership?: Ownership
  rules?: Rules
  era?: number
  seed?: number
  logger?: Logger
}

export interface Node {
  service: Service
  /** State directories, one per partition: what survives on this machine. */
  dirs: MemoryStateDir[]
  metrics: Metrics
}

/** A memory log with the sequencer's topics on a virtual clock, and sequencers on it. */
export class World {
  readonly clock: VirtualClock
  readonly log: MemoryLog
  readonly topics: Topics
  readonly registry: MemoryRegistry
  readonly codecs: Codecs
  readonly transactional: TransactionalWriters

  private starts = 0

  private constructor(parts: Pick<World, 'clock' | 'log' | 'topics' | 'registry' | 'codecs'>) {
    this.clock = parts.clock
    this.log = parts.log
    this.topics = parts.topics
    this.registry = parts.registry
    this.codecs = parts.codecs
    this.transactional = memoryTransactionalWriters(parts.log, new MemoryTransactions())
  }

  static async make({ partitions = 1 } = {}): Promise<World> {
    const clock = new VirtualClock(T0)
    const topics = makeTopics({ prefix: '', partitions, eventRetentionDays: 30 })
    const log = new MemoryLog({ clock, topics: Object.values(topics) })
    const registry = new MemoryRegistry()
    const codecs = {
      pack: await packCodec(registry, valueSubject(topics.packs)),
      event: await eventCodec(registry, valueSubject(topics.events)),
      session: await sessionCodec(registry, valueSubject(topics.sessions)),
    }
    return new World({ clock, log, topics, registry, codecs })
  }

  context(options: NodeOptions = {}): SequencerContext & { dirs: MemoryStateDir[] } {
    const { log, codecs } = this
    const clock = options.clock ?? this.clock
    const topics = options.sessions === undefined ? this.topics : { ...this.topics, sessions: options.sessions }
    const partitions = Array.from({ length: topics.packs.partitions }, (_, partition) => partition)
    const dirs = options.dirs ?? partitions.map(() => new MemoryStateDir())
    return {
      ...{ topics, clock, dirs },
      ownership: options.ownership ?? fixedOwnership(options.partitions ?? partitions),
      log: options.log ?? log,
      packCodec: options.packCodec ?? codecs.pack,
      eventCodec: options.eventCodec ?? codecs.event,
      sessionCodec: codecs.session,
      transactional: options.transactional ?? this.transactional,
      transactionalIdPrefix: transactionalIdPrefix(topics),
      stores: options.stores ?? (partition => new MemoryStateStore(dirs[partition])),
      era: options.era ?? 0,
      instance: options.name ?? 'one',
      ...(options.rules === undefined ? {} : { rules: options.rules }),
      random: new SeededRandom(options.seed ?? ++this.starts),
      logger: options.logger ?? silentLogger,
      metrics: new Metrics(),
    }
  }

  /** Starts a sequencer that owns every partition. */
  async start(options: NodeOptions = {}): Promise<Node> {
    const context = this.context(options)
    const service = makeSequencer(context)
    try {
      await this.clock.resolve(service.start())
    } catch (error) {
      await this.clock.resolve(service.drain())
      throw error
    }
    return { service, dirs: context.dirs, metrics: context.metrics }
  }

  /** Puts packs on im.packs, as a gateway would. */
  send(...packs: Pack[]): void {
    for (const pack of packs) this.sendRaw(this.codecs.pack.encode(pack), Buffer.from(pack.sessionId))
  }

  sendRaw(value: Buffer | null, key: Buffer | null, partition = 0): void {
    this.log.put(this.topics.packs.name, partition, [{ key, value, headers: {} }])
  }

  /** Everything that lies on a partition of a topic. */
  async records(topic: string, partition = 0): Promise<StoredRecord[]> {
    const { start, end } = (await this.log.bounds(topic)).get(partition)!
    const found: StoredRecord[] = []
    let seen = start
    const reader = this.log.read({
      topic,
      from: new Map([[partition, start]]),
      onBatch: batch => {
        found.push(...batch.records)
        seen = found.at(-1)!.offset + 1
      },
    })
    // The last offsets may hold control records, which nobody is given.
    for (let turn = 0; turn < 10 && seen < end; turn++) await this.clock.pass(0)
    await this.clock.resolve(reader.close())
    return found
  }

  /** The valid part of im.events, from its beginning, by the rule that all readers share. */
  async valid(partition = 0): Promise<ValidBatch> {
    return selectValid(partition, POSITION_START, await this.records(this.topics.events.name, partition))
  }

  /** The valid events, decoded. */
  async events(partition = 0): Promise<Event[]> {
    return (await this.valid(partition)).records.map(record => this.codecs.event.decode(record.value!))
  }

  /** Drives until every pack has an outcome on im.events. */
  async untilAnswered(partition = 0): Promise<void> {
    const packs = (await this.log.bounds(this.topics.packs.name)).get(partition)!
    for (let round = 0; round < 10_000; round++) {
      const position = (await this.valid(partition)).position
      if ((position.cause?.offset ?? -1) + 1 >= packs.end) return
      await this.clock.pass(20)
    }
    throw new Error('packs are left without an outcome')
  }

  /** Ends a node in order. */
  async stop(node: Node): Promise<void> {
    await this.clock.resolve(node.service.drain())
  }
}
