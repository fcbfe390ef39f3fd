import { pino } from 'pino'
import type { GatewayCoreOptions } from '../../gateway/core.ts'
import { WRITE_BYTES_MAX } from '../../gateway/limits.ts'
import { MemoryPresence } from '../../gateway/presence/memory-presence.ts'
import type { Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { MemoryArchive } from '../../processors/archive/memory-archive-store.ts'
import { HISTORY_DEFAULTS, type HistoryOptions } from '../../processors/history/history-store.ts'
import { MemoryHistory } from '../../processors/history/memory-history.ts'
import { MemoryMembership } from '../../processors/membership/memory-membership-store.ts'
import type { PushParts } from '../../processors/push/main.ts'
import { MemoryPushStore } from '../../processors/push/memory-push-store.ts'
import type { RunnerOptions } from '../../processors/runner.ts'
import type { SequencerContext } from '../../processors/sequencer/main.ts'
import { MemoryStateDir } from '../../processors/sequencer/state-store.ts'
import { FaultyAppends } from '../../processors/sequencer/testing/faults.ts'
import type { View } from '../../processors/view.ts'
import type { ClientFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Offset, Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Log, StoredRecord } from '../../topics/log.ts'
import { MemoryTransactions, memoryTransactionalWriters } from '../../topics/memory-transactional.ts'
import type { Topics } from '../../topics/topics.ts'
import type { TransactionalWriters } from '../../topics/transactional-log.ts'
import type { Hearing } from './air.ts'
import { Truth } from './auditor/truth.ts'
import { ObservedLog, SteppedClock } from './broker.ts'
import { Device, type Survey } from './device.ts'
import { Faults } from './faults.ts'
import type { Host } from './host.ts'
import { Network, type RunningGateway } from './network.ts'
import type { SimOptions } from './options.ts'
import { type Codecs, codecsOf, countAppends, decodePack, sharesOf, topicsOf } from './parts.ts'
import { gatewayHost, sequencerHost, viewHost } from './processes.ts'
import { type Acked, pushHost, type Taken } from './push.ts'
import { Copies } from './set-back.ts'
import { Trail } from './stores.ts'
import { strike } from './strikes.ts'

/**
 * The whole product in one thread: three gateways, two sequencers that take partitions from each other, every view,
 * and people who chat, on one virtual clock, with every random choice drawn from one seed.
 *
 * The product's own code runs unchanged behind its ports: the memory log, the memory stores that pass the contracts
 * of the real ones, sockets in memory. Everything that happens is a task of the clock; between two tasks every promise
 * settles. So a run is a list of steps that depends on the seed alone, and the same seed replays it.
 *
 * Order of a run: `run` (people act, faults happen, a bounded number of steps), `heal` (no more faults, everything is
 * up, nobody acts), `untilQuiet` (all lags zero within a bounded number of steps). Then the auditor looks at what was
 * written down (auditor/audit.ts).
 *
 * Faults come in two ways: within a call to a port (the process dies before or after its effect, a produce is lost, a
 * store answers late), and as strikes at random moments (`strike`). A run has a random subset of them.
 */

/** Within so many steps after the healing everything must be quiet. */
export const QUIET_TICKS_MAX = 60_000
/** How often it is looked whether everything is quiet, and how long it must have been. */
const QUIET_LOOK_MS = 200
const QUIET_LOOKS = 15
const T0 = 1_700_000_000_000

/** Lets a test put something broken in the place of a part: each gets what the world would use. */
export interface Alterations {
  sequencer(context: SequencerContext, world: World): SequencerContext
  gateway(options: GatewayCoreOptions, world: World): GatewayCoreOptions
  view(view: View, world: World): View
  push(parts: PushParts, world: World): PushParts
  runner(options: RunnerOptions, world: World): RunnerOptions
  /** What becomes of one write of a gateway to a socket. */
  write(bytes: Buffer, world: World): readonly Buffer[]
  /** What a client hears at once of a frame that it has sent. */
  early(frame: ClientFrame, world: World): ServerFrame | undefined
}

const unaltered: Alterations = {
  sequencer: context => context,
  gateway: options => options,
  view: view => view,
  push: parts => parts,
  runner: options => options,
  write: bytes => [bytes],
  early: () => undefined,
}

/** What a run found to be wrong while it went on. */
export interface Finding {
  rule: string
  message: string
}

export class World {
  readonly options: SimOptions
  readonly clock = new VirtualClock(T0)
  readonly random: SeededRandom
  readonly faults: Faults
  readonly topics: Topics
  readonly log: ObservedLog
  readonly codecs: Codecs
  readonly appends: FaultyAppends
  readonly servers = {
    history: new MemoryHistory(),
    membership: new MemoryMembership(),
    archive: new MemoryArchive(),
    presence: new MemoryPresence(),
    push: new MemoryPushStore(),
  }
  readonly trails = { history: new Trail(), membership: new Trail() }
  readonly copies = {
    history: new Copies<MemoryHistory['contents']>(),
    membership: new Copies<MemoryMembership['contents']>(),
  }
  readonly disks = new Disks()
  readonly historyOptions: HistoryOptions
  readonly limits = { writeBytes: WRITE_BYTES_MAX }
  readonly users: readonly UserId[]
  readonly network: Network
  readonly truth: Truth
  readonly sequencers: readonly Host[]
  readonly gateways: readonly Host<RunningGateway>[]
  readonly views: readonly Host[]
  readonly devices: readonly Device[]
  /** The role push, where it runs. */
  readonly pushers: readonly Host[]
  /** What the push vendor has taken. */
  readonly pushed: Taken[] = []
  /** What devices have told to have, as push was told it. */
  readonly acked: Acked[] = []
  readonly findings: Finding[] = []
  /** What each user was told when all was quiet. */
  readonly surveyed = new Map<UserId, Survey>()
  /** Invites of which somebody has heard. */
  readonly invites: { sessionId: SessionId; inviteId: string }[] = []
  /** What went past the log, as gateways heard it. */
  readonly hearings: Hearing[] = []
  /** How often the membership view lost everything. */
  membershipLosses = 0
  /** What happened last, for people. */
  readonly notes: string[] = []
  /** Told of every note; two runs of one seed give the same. */
  fingerprint = 0
  /** False: people rest. */
  isActing = true
  readonly brokerClock: SteppedClock
  readonly transactional: TransactionalWriters
  readonly alterations: Alterations
  readonly logger: Logger
  /** Which partitions a sequencer is to own. */
  readonly assigned: Map<string, Set<Partition>>

  private constructor(options: SimOptions, codecs: Codecs, alterations: Partial<Alterations>) {
    this.options = options
    this.codecs = codecs
    this.alterations = { ...unaltered, ...alterations }
    this.random = new SeededRandom(options.seed + 1)
    this.faults = new Faults(this.random.fork(), options.faults)
    this.topics = topicsOf(options.partitions)
    this.brokerClock = new SteppedClock(this.clock)
    this.log = new ObservedLog({ clock: this.brokerClock, topics: Object.values(this.topics) })
    this.appends = new FaultyAppends({
      log: this.log,
      clock: this.clock,
      random: this.random.fork(),
      shares: sharesOf(this.faults),
    })
    this.transactional = memoryTransactionalWriters(this.log, new MemoryTransactions())
    this.historyOptions = {
      ...HISTORY_DEFAULTS,
      eventsPerSessionMax: options.historyEventsMax,
      hotGroupMembersMax: options.hotGroupMembersMax,
    }
    this.logger = this.makeLogger()
    this.truth = new Truth({
      log: this.log,
      topics: this.topics,
      codecs: { event: codecs.event, pack: { decode: value => decodePack(codecs.pack, value) } },
    })
    this.network = new Network(this)
    this.users = Array.from({ length: options.users }, (_, n) => `u${n}` as UserId)
    const partitions = Array.from({ length: options.partitions }, (_, n) => n)
    this.assigned = new Map([
      ['seq-a', new Set(partitions.filter(n => n % 2 === 0))],
      ['seq-b', new Set(partitions.filter(n => n % 2 === 1))],
    ])
    this.sequencers = [...this.assigned.keys()].map(name => sequencerHost(this, name))
    this.gateways = ['gw-a', 'gw-b', 'gw-c'].map(name => gatewayHost(this, name))
    const copies = options.viewsDoubled ? ['a', 'b'] : ['a']
    this.views = copies.flatMap(copy =>
      (['history', 'membership', 'archive'] as const).map(name => viewHost(this, name, copy)),
    )
    this.pushers = options.pushes ? copies.map(copy => pushHost(this, copy)) : []
    this.devices = this.users.flatMap(user =>
      Array.from({ length: options.devices }, (_, n) => new Device(this, user, `d${n}`)),
    )
  }

  static async make(options: SimOptions, alterations: Partial<Alterations> = {}): Promise<World> {
    return new World(options, await codecsOf(), alterations)
  }

  // The run.

  /** The first phase: everything is used and everything may break. */
  async run(): Promise<void> {
    for (const host of this.hosts()) host.start()
    for (const device of this.devices) device.start()
    this.strikeLater()
    this.probeLater()
    await this.clock.drive(() => this.clock.steps >= this.options.stepsMax || this.findings.length > 0)
  }

  /** No more faults; whatever is down comes up; people rest. */
  async heal(): Promise<void> {
    this.note('--- healed ---')
    this.isActing = false
    this.faults.isOn = false
    this.appends.healed = true
    countAppends(this.faults, this.appends.counts)
    for (const host of this.hosts()) {
      host.life.thaw()
      host.heldUntil = 0
      host.clock.skewMs = 0
      host.start()
    }
  }

  /** Drives until nothing is under way any more. */
  async untilQuiet(): Promise<void> {
    let looks = 0
    let isOver = false
    let why: string | undefined
    const look = async () => {
      const before = why
      why = await this.unquiet()
      if (why !== before) this.note(why ?? 'quiet')
      looks = why === undefined ? looks + 1 : 0
      if (looks > QUIET_LOOKS) isOver = true
      else this.clock.schedule(QUIET_LOOK_MS, () => void look())
    }
    void look()
    const end = this.clock.steps + QUIET_TICKS_MAX
    await this.clock.drive(() => isOver || this.clock.steps >= end || this.findings.length > 0)
    if (!isOver && this.findings.length === 0) {
      this.found('SIM10', `not quiet ${QUIET_TICKS_MAX} steps after the healing: ${why ?? 'it has just become quiet'}`)
    }
  }

  /** Asks everybody for their sessions; nothing changes any more. */
  async survey(): Promise<void> {
    for (const user of this.users) {
      const device = this.devices.find(it => it.user === user && !it.isOut)!
      this.surveyed.set(user, await this.clock.resolve(device.survey(), QUIET_TICKS_MAX))
    }
  }

  /** What is not quiet; undefined where everything is. */
  private async unquiet(): Promise<string | undefined> {
    for (const host of this.hosts()) if (!host.isReady) return `${host.name} is not ready`
    for (const device of this.devices) device.comeBackIfAlone()
    this.truth.read()
    if (this.truth.unanswered() > 0) return `${this.truth.unanswered()} packs have no outcome`
    const archived = await this.servers.archive.positions()
    for (const { partition, outcomes } of this.truth.partitions) {
      const last = outcomes.at(-1)?.offset ?? -1
      const reached = {
        history: this.servers.history.contents.positions.get(partition)?.offset ?? -1,
        membership: this.servers.membership.contents.positions.get(partition)?.offset ?? -1,
        archive: archived.get(partition)?.offset ?? -1,
        ...(await this.pushReached(partition)),
      }
      for (const [view, offset] of Object.entries(reached)) {
        if (offset < last) return `${view} is at ${offset} of ${last} in partition ${partition}`
      }
    }
    for (const { partition } of this.pushers.length === 0 ? [] : this.truth.partitions) {
      const waiting = await this.servers.push.waiting(partition)
      if (waiting > 0) return `${waiting} pushes wait in partition ${partition}`
    }
    for (const connection of this.network.connections) {
      if (connection.isStill) return `connection ${connection.number} stands still`
    }
    for (const device of this.devices)
      if (!device.isQuiet)
        return `${device.name} is ${device.client.phase.kind}, ${device.client.pendingCount} packs open`
    return undefined
  }

  /** How far push has come, where it runs; it begins where the log ends. */
  private async pushReached(partition: Partition): Promise<{ push?: Offset }> {
    if (this.pushers.length === 0) return {}
    const position = await this.servers.push.position(partition)
    return position === undefined ? {} : { push: position.offset }
  }

  /** The log without faults. */
  plainLog(): Log {
    const { log } = this
    return {
      append: request => log.append(request),
      bounds: topic => log.bounds(topic),
      read: options => log.read(options),
      close: () => Promise.resolve(),
    }
  }

  /** Every machine. */
  *hosts(): Iterable<Host> {
    yield* this.sequencers
    yield* this.views
    yield* this.pushers
    yield* this.gateways
  }

  // Chance.

  /** How long a message is on its way. */
  delay(): Millis {
    return this.random.next() * this.options.latencyMsMax
  }

  latency(): Promise<void> {
    return this.clock.sleep(this.delay())
  }

  /** Cuts what was fetched, so that batches are read in other sizes than they were written. */
  cut(records: readonly StoredRecord[]): (readonly StoredRecord[])[] {
    if (records.length < 2 || !this.random.chance(0.3)) return [records]
    const at = this.random.between(1, records.length - 1)
    return [records.slice(0, at), records.slice(at)]
  }

  private strikeLater(): void {
    this.clock.schedule(this.random.next() * 2 * this.options.strikeMs, () => {
      if (!this.faults.isOn) return
      const name = this.faults.nextStrike()
      if (name !== undefined) strike(this, name)
      this.strikeLater()
    })
  }

  private probeLater(): void {
    this.clock.schedule(1_000, () => {
      // A probe while things are broken would start processes that only wait for others.
      if (!this.faults.isOn) for (const host of this.hosts()) host.probe()
      this.probeLater()
    })
  }

  // What is told.

  note(text: string): void {
    const line = `${(this.clock.monotonic() - T0).toFixed(1)} ${text}`
    let hash = this.fingerprint
    for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193)
    this.fingerprint = hash >>> 0
    this.notes.push(line)
    const { notesMax } = this.options
    if (this.notes.length > 2 * notesMax) this.notes.splice(0, notesMax)
  }

  found(rule: string, message: string): void {
    this.note(`${rule}: ${message}`)
    this.findings.push({ rule, message })
  }

  /** A process ended that should not have. */
  processFailed(name: string, error: unknown): void {
    this.found('SIM10', `${name} ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  expectLimit(what: string, value: number, limit: number): void {
    if (value > limit) this.found('SIM9', `${what}: ${value} are more than ${limit}`)
  }

  private makeLogger(): Logger {
    const stream = { write: (line: string) => this.note(line.trimEnd()) }
    return pino(
      {
        level: 'warn',
        timestamp: false,
        base: null,
        serializers: {
          err: (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
        },
      },
      stream,
    )
  }
}

/** The disks of the sequencers' machines. */
export class Disks {
  private readonly dirs = new Map<string, MemoryStateDir>()

  dir(machine: string, partition: Partition): MemoryStateDir {
    const place = `${machine}/${partition}`
    const dir = this.dirs.get(place) ?? new MemoryStateDir()
    this.dirs.set(place, dir)
    return dir
  }

  lose(machine: string): void {
    for (const place of [...this.dirs.keys()]) if (place.startsWith(`${machine}/`)) this.dirs.delete(place)
  }
}
