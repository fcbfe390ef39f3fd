import type { Clock, Random } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { CloseCode } from '../../schemas/close-codes.ts'
import { eventCodec, eventSchema, packCodec, type RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { ClientFrame, EventFrame, ServerFrame } from '../../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame } from '../../schemas/frames-avro.ts'
import { makePackId, type PackId, type Partition, type SessionId, type UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import {
  type Appended,
  AppendFailed,
  type Log,
  type LogReader,
  type PartitionBounds,
  type ReadOptions,
} from '../../topics/log.ts'
import { MemoryLog } from '../../topics/memory-log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { makeTopics, sessionPartition, valueSubject } from '../../topics/topics.ts'
import { GatewayCore, type GatewayCoreOptions } from '../core.ts'
import { MemoryPresence } from '../presence/memory-presence.ts'
import type { ClientConnection } from '../ws/client-connection.ts'
import type { Subprotocol } from '../ws/frames.ts'
import type { ClientSocket } from '../ws/socket.ts'
import { FakeArchive, FakeHistory, FakeMembership, FakePeople } from './fake-views.ts'
import { ScriptedSequencer } from './script.ts'

/** Gateways, a scripted sequencer and fake views on one memory log, with a clock that the test moves. */

/** Counts upwards: ids differ, and every run is the same. */
export function countingRandom(): Random {
  let count = 0
  return {
    next: () => 0.5,
    bytes: size => {
      const bytes = Buffer.alloc(size)
      bytes.writeUInt32BE(++count, size - 4)
      return bytes
    },
  }
}

/** One gateway's way to the log: what it reads can be held back, what it appends can be made to fail. */
export class GatewayLog implements Log {
  private readonly log: MemoryLog
  private held: (() => void)[] | undefined
  /** Called before every append; throws what the append shall fail with. */
  onAppend: (partition: number) => void = () => {}
  /** Called after every append that was stored. */
  onAppended: (partition: number) => void = () => {}
  appends = 0
  isDown = false

  constructor(log: MemoryLog) {
    this.log = log
  }

  hold(): void {
    this.held ??= []
  }

  letGo(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const resume of held) resume()
  }

  async append(request: Parameters<Log['append']>[0]): Promise<Appended> {
    this.appends++
    this.onAppend(request.partition)
    const appended = await this.log.append(request)
    this.onAppended(request.partition)
    return appended
  }

  bounds(topic: string): Promise<ReadonlyMap<number, PartitionBounds>> {
    return this.isDown ? Promise.reject(new Error('the log is away')) : this.log.bounds(topic)
  }

  read(options: ReadOptions): LogReader {
    return this.log.read({
      ...options,
      onBatch: async batch => {
        while (this.held !== undefined) await new Promise<void>(resolve => this.held!.push(resolve))
        await options.onBatch(batch)
      },
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** The client's end of a connection in memory. */
export class TestClient implements ClientSocket {
  readonly frames: ServerFrame[] = []
  readonly writes: number[] = []
  pings = 0
  closed: { code: number; reason: string } | undefined
  /** True: the socket takes nothing after its next write. */
  isFrozen = false
  connection!: ClientConnection
  /** Resolves when the login was answered. */
  opened: Promise<void> = Promise.resolve()
  private readonly core: GatewayCore
  private readonly subprotocol: Subprotocol

  constructor(core: GatewayCore, subprotocol: Subprotocol) {
    this.core = core
    this.subprotocol = subprotocol
  }

  write(bytes: Buffer): boolean {
    this.writes.push(bytes.length)
    for (let at = 0; at < bytes.length; ) at = this.readFrame(bytes, at)
    return !this.isFrozen
  }

  private readFrame(bytes: Buffer, at: number): number {
    const opcode = bytes[at]! & 0x0f
    let length = bytes[at + 1]!
    let start = at + 2
    if (length === 126) {
      length = bytes.readUInt16BE(start)
      start += 2
    } else if (length === 127) {
      length = bytes.readUInt32BE(start + 4)
      start += 8
    }
    const payload = bytes.subarray(start, start + length)
    if (opcode === 1) this.frames.push(JSON.parse(payload.toString()) as ServerFrame)
    else if (opcode === 2) this.frames.push(decodeServerFrame(payload))
    else this.pings++
    return start + length
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason }
  }

  terminate(): void {
    this.closed ??= { code: 1006, reason: '' }
  }

  send(frame: ClientFrame): void {
    const data = this.subprotocol === 'json' ? Buffer.from(JSON.stringify(frame)) : encodeClientFrame(frame)
    this.core.hub!.received(this.connection, data, this.subprotocol === 'avro')
  }

  sendRaw(text: string): void {
    this.core.hub!.received(this.connection, Buffer.from(text), false)
  }

  /** The socket breaks. */
  drop(): void {
    this.core.hub!.closed(this.connection)
  }

  of<Type extends ServerFrame['type']>(type: Type): Extract<ServerFrame, { type: Type }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: Type }> => frame.type === type)
  }

  /** Seqs of the session that came as events, in order. */
  seqs(sessionId: SessionId): number[] {
    return this.of('event')
      .filter((frame: EventFrame) => frame.sessionId === sessionId)
      .map(({ seq }) => seq)
  }
}

export class World<C extends Clock = VirtualClock> {
  readonly clock: C
  readonly random = countingRandom()
  readonly topics = makeTopics({ prefix: '', partitions: 2, eventRetentionDays: 1 })
  readonly log: MemoryLog
  readonly registry = new MemoryRegistry()
  codecs!: { packs: RecordCodec<Pack>; events: RecordCodec<Event> }
  sequencer!: ScriptedSequencer
  history!: FakeHistory
  membership!: FakeMembership
  people!: FakePeople
  readonly presence = new MemoryPresence()
  archive!: FakeArchive

  private constructor(clock: C) {
    this.clock = clock
    this.log = new MemoryLog({ clock, topics: [this.topics.packs, this.topics.events, this.topics.dead] })
  }

  /** A world whose clock the test moves. */
  static make(): Promise<World> {
    return World.on(new VirtualClock())
  }

  static async on<C extends Clock>(clock: C): Promise<World<C>> {
    const world = new World(clock)
    const { log, topics, registry } = world
    world.codecs = {
      packs: await packCodec(registry, valueSubject(topics.packs)),
      events: await eventCodec(registry, valueSubject(topics.events)),
    }
    world.sequencer = new ScriptedSequencer(log, topics, world.codecs)
    world.history = new FakeHistory(log, topics, world.codecs.events)
    world.membership = new FakeMembership(log, topics, world.codecs.events)
    world.people = new FakePeople(log, topics, world.codecs.events)
    world.archive = new FakeArchive(log, topics, world.codecs.events)
    return world
  }

  /** What a gateway of this world is made of, besides its log, time and name. */
  gatewayParts() {
    const { topics, codecs, history, membership, people, archive, random, presence } = this
    return {
      topics,
      codecs,
      history,
      membership,
      people,
      apps: membership.apps,
      presence: { store: presence, signals: presence.signals() },
      archive,
      random,
      logger: silentLogger,
      metrics: new Metrics(),
    }
  }

  /** Starts a gateway and waits until it is open. */
  async gateway(name = 'gw', options: Partial<GatewayCoreOptions> = {}): Promise<TestGateway> {
    const log = new GatewayLog(this.log)
    const core = new GatewayCore({ ...this.gatewayParts(), log, clock: this.clock, nodeName: name, ...options })
    core.start()
    await this.settle()
    return { core, log }
  }

  /** Connects; the hold after the welcome is over unless asked otherwise. */
  async connect(
    { core }: TestGateway,
    user: string,
    { deviceId = 'd1', deviceType = 6, subprotocol = 'json' as Subprotocol, held = false } = {},
  ): Promise<TestClient> {
    const userId = user as UserId
    if (!(await core.admit(userId))) throw new Error(`${user} was not let in`)
    const client = new TestClient(core, subprotocol)
    const identity = { userId, device: { type: deviceType, id: deviceId } }
    const opening = core.login(identity, id => {
      client.connection = core.hub!.open(identity, subprotocol, client, id)
    })
    client.opened = opening.then(refused => {
      if (refused !== undefined) client.closed = { code: CloseCode[refused].code, reason: refused }
      core.unreserve(userId)
    })
    await this.settle()
    if (!held) client.connection?.release()
    return client
  }

  partitionOf(sessionId: SessionId): Partition {
    return sessionPartition(this.topics.events, sessionId)
  }

  lostAnswer(): AppendFailed {
    return new AppendFailed('the answer was lost', { maybeStored: true })
  }

  refusedAppend(): AppendFailed {
    return new AppendFailed('no leader', { maybeStored: false })
  }

  /** Registers a schema that this build cannot read; what it gives puts events under it. */
  async newerSchema(): Promise<(value: Buffer) => Buffer> {
    const schema = structuredClone(eventSchema) as unknown as { fields: { name: string; type: object[] }[] }
    const body = schema.fields.find(({ name }) => name === 'body')!
    body.type.push({ type: 'record', name: 'ThingHappened', fields: [] })
    return this.under(await this.registry.register('other', schema))
  }

  /** Registers the present schema as another version would be: the same fields, another text. */
  async olderSchema(): Promise<(value: Buffer) => Buffer> {
    return this.under(await this.registry.register('other', { ...structuredClone(eventSchema), doc: 'older' }))
  }

  private under(schemaId: number): (value: Buffer) => Buffer {
    return value => {
      const bytes = Buffer.from(value)
      bytes.writeUInt32BE(schemaId, 1)
      return bytes
    }
  }

  /** The registry fails the next few questions. */
  registryDown(questions: number): void {
    const { registry } = this
    const schemaById = registry.schemaById.bind(registry)
    let left = questions
    registry.schemaById = schemaId => {
      if (left-- > 0) return Promise.reject(new Error('the registry is away'))
      return schemaById(schemaId)
    }
  }

  packId(): PackId {
    return makePackId(this.clock.now(), this.random.bytes(10))
  }

  /** Sends a text and gives its packId; nothing else happens yet. */
  say(client: TestClient, sessionId: string, text = 'hi'): PackId {
    const packId = this.packId()
    client.send({ type: 'send', packId, sessionId: sessionId as SessionId, flags: 4, content: { kind: 'Text', text } })
    return packId
  }

  /** Lets everything happen that needs no time, packs answered included. */
  async settle(): Promise<void> {
    if (this.clock instanceof VirtualClock) return this.clock.settle()
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
  }

  /** The packs that are appended are answered, and the answers arrive. */
  async flow(): Promise<void> {
    await this.settle()
    this.sequencer.run()
    await this.settle()
  }
}

export interface TestGateway {
  core: GatewayCore
  log: GatewayLog
}
