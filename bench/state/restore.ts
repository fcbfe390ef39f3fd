import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Millis, systemRandom } from '../../infra/clock.ts'
import { deleteTopics, setupTopics } from '../../infra/kafka/create-topics.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { kafkaTransactionalWriters } from '../../infra/kafka/kafka-transactional.ts'
import { freePorts, HOST } from '../../infra/local/ports.ts'
import { type RoleHandle, startRole } from '../../infra/local/roles.ts'
import { silentLogger } from '../../infra/logger.ts'
import { HttpSchemaRegistry } from '../../infra/registry/registry.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { LmdbStateStore } from '../../processors/sequencer/lmdb-state-store.ts'
import { transactionalIdPrefix } from '../../processors/sequencer/main.ts'
import { eventCodec, packCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Pack } from '../../schemas/pack.ts'
import { sessionCodec } from '../../schemas/session.ts'
import type { Log } from '../../topics/log.ts'
import { makeTopics, type Topics, valueSubject } from '../../topics/topics.ts'
import { type Spread, spread } from '../report.ts'
import { StatePacks } from './packs.ts'
import { buildPartition } from './partition.ts'

/**
 * How long a sequencer takes to take over one large partition, and how much memory it needs: a partition on real Kafka
 * and real LMDB, then the product's own sequencer process, started on the local checkpoint, after kill -9 on the same
 * disk, and on an empty disk.
 */

export interface RestoreOptions {
  sessions: number
  /** Packs in the dedupe window. */
  packs: number
  /** Length of a message's text. */
  bytes: number
  /** Starts of each kind. */
  repeat: number
  seed: number
}

/** From where the state of a start comes. */
export type StartKind = 'local checkpoint' | 'after kill -9' | 'empty disk'
export const START_KINDS: readonly StartKind[] = ['local checkpoint', 'after kill -9', 'empty disk']

export interface StartFigures {
  /** From the start of the process until it is ready to answer packs. */
  readyMs: Millis
  /** CPU time that the process took until then, all threads. */
  cpuMs: Millis
  /** Most anonymous memory up to then, and after it has answered packs. */
  anonymousMiB: number
  anonymousMiBAfterLoad: number
}

export type Range = { [Name in keyof StartFigures]: Spread }

export interface RestoreResult {
  starts: Record<StartKind, Range>
  /** Rows of the store, its size, and records on im.sessions with those that compaction has not removed yet. */
  built: { seconds: number; packs: number; storeRows: number; storeMiB: number; sessionsRecords: number }
  /** Answers of a start that were not those of a sequencer that knows everything. */
  wrongAnswers: number
}

const PARTITION = 0
const READY_POLL_MS: Millis = 10
const READY_MS_MAX: Millis = 600_000
const ANSWER_MS_MAX: Millis = 60_000
/** Packs that each start answers: known ones, and new ones in sessions that exist, at most as many as the window has. */
const KNOWN_PACKS = 100
const NEW_PACKS_MAX = 20_000
const APPEND_PACKS = 250
const KIB_PER_MIB = 1_024
const BYTES_PER_MIB = 1_048_576
const TICK_MS = 10
const MS_PER_SECOND = 1_000

export async function measureRestore(
  options: RestoreOptions,
  { env, clock, log: progress }: { env: NodeJS.ProcessEnv; clock: Clock; log(line: string): void },
): Promise<RestoreResult> {
  const bench = await RestoreBench.open(options, { env, clock, log: progress })
  try {
    return await bench.run()
  } finally {
    await bench.close()
  }
}

interface Servers {
  env: NodeJS.ProcessEnv
  clock: Clock
  log(line: string): void
}

async function makeCodecs(topics: Topics, { env, clock }: Servers) {
  const registry = new HttpSchemaRegistry({ url: env.SCHEMA_REGISTRY_URL!, clock, logger: silentLogger })
  return {
    pack: await packCodec(registry, valueSubject(topics.packs)),
    event: await eventCodec(registry, valueSubject(topics.events)),
    session: await sessionCodec(registry, valueSubject(topics.sessions)),
  }
}

class RestoreBench {
  private readonly options: RestoreOptions
  private readonly servers: Servers
  private readonly prefix: string
  private readonly topics: Topics
  private readonly dir: string
  private readonly log: Log
  private readonly codecs: Awaited<ReturnType<typeof makeCodecs>>
  private readonly packs: StatePacks
  private known: Pack[] = []
  private wrongAnswers = 0
  private starts = 0

  private constructor(
    options: RestoreOptions,
    servers: Servers,
    parts: { prefix: string; topics: Topics; dir: string; codecs: Awaited<ReturnType<typeof makeCodecs>>; log: Log },
  ) {
    this.options = options
    this.servers = servers
    this.prefix = parts.prefix
    this.topics = parts.topics
    this.dir = parts.dir
    this.codecs = parts.codecs
    this.log = parts.log
    this.packs = new StatePacks(new SeededRandom(options.seed), options)
  }

  static async open(options: RestoreOptions, servers: Servers): Promise<RestoreBench> {
    const prefix = `bench-${systemRandom.bytes(4).toString('hex')}.`
    const topics = makeTopics({ prefix, partitions: 1, eventRetentionDays: 30 })
    const kafka = kafkaOf(servers.env)
    await setupTopics(Object.values(topics), { ...kafka, replicationFactor: 1, minInsyncReplicas: 1 })
    const dir = await mkdtemp(join(tmpdir(), 'packlog-bench-'))
    const codecs = await makeCodecs(topics, servers)
    return new RestoreBench(options, servers, { prefix, topics, dir, codecs, log: new KafkaLog(kafka) })
  }

  async run(): Promise<RestoreResult> {
    const built = await this.build()
    const figures = new Map<StartKind, StartFigures[]>(START_KINDS.map(kind => [kind, []]))
    for (let round = 0; round < this.options.repeat; round++) {
      // On the disk of the builder first; a killed one leaves its disk to the start after it.
      figures.get('local checkpoint')!.push(await this.start('local checkpoint', 'built', { kill: true }))
      figures.get('after kill -9')!.push(await this.start('after kill -9', 'built', { kill: false }))
      figures.get('empty disk')!.push(await this.start('empty disk', `empty-${round}`, { kill: false }))
    }
    const ranges = START_KINDS.map(kind => [kind, rangeOf(figures.get(kind)!)] as const)
    const starts = Object.fromEntries(ranges) as Record<StartKind, Range>
    return { starts, built, wrongAnswers: this.wrongAnswers }
  }

  async close(): Promise<void> {
    await this.log.close()
    const names = Object.values(this.topics).map(({ name }) => name)
    await deleteTopics(names, kafkaOf(this.servers.env))
    await rm(this.dir, { recursive: true, force: true })
  }

  private async build(): Promise<RestoreResult['built']> {
    const { clock, log: progress, env } = this.servers
    const { sessions, packs: windowPacks } = this.options
    progress(`building a partition of ${sessions} sessions, ${windowPacks} packs in the window`)
    const begunAt = clock.monotonic()
    const writers = kafkaTransactionalWriters({ ...kafkaOf(env), clock, logger: silentLogger })
    const store = this.openStore('built')
    const { windowPacks: known } = await buildPartition(
      {
        ...{ log: this.log, topics: this.topics, codecs: this.codecs, clock, store },
        transactional: writers(transactionalIdPrefix(this.topics) + PARTITION),
        random: systemRandom,
        logger: silentLogger,
      },
      { packs: this.packs, sessions, windowPacks, onProgress: done => progress(`  ${done} packs`) },
    )
    this.known = known
    const built = this.openStore('built')
    const { rows, bytes } = built.size()
    await built.close()
    const { start, end } = (await this.log.bounds(this.topics.sessions.name)).get(PARTITION)!
    return {
      seconds: Math.round((clock.monotonic() - begunAt) / MS_PER_SECOND),
      packs: sessions + windowPacks,
      storeRows: rows,
      storeMiB: Math.round(bytes / BYTES_PER_MIB),
      sessionsRecords: end - start,
    }
  }

  private openStore(name: string): LmdbStateStore {
    const stateDir = join(this.dir, name)
    mkdirSync(stateDir, { recursive: true })
    return new LmdbStateStore({ stateDir, partition: PARTITION, random: systemRandom })
  }

  /** Starts the sequencer process on the disk, lets it answer, and ends it. */
  private async start(kind: StartKind, disk: string, { kill }: { kill: boolean }): Promise<StartFigures> {
    const { clock, log: progress } = this.servers
    const begunAt = clock.monotonic()
    const { role, url } = await this.launch(disk)
    const memory = new AnonymousMemory(role.pid, clock)
    try {
      await this.untilReady(role, url, begunAt)
      const readyMs = Math.round(clock.monotonic() - begunAt)
      const cpuMs = cpuMsOf(role.pid)
      const anonymousMiB = memory.most()
      await this.ask()
      const figures = { readyMs, cpuMs, anonymousMiB, anonymousMiBAfterLoad: memory.most() }
      progress(`${kind}: ${JSON.stringify(figures)}`)
      return figures
    } finally {
      memory.stop()
      if (kill) role.kill('SIGKILL')
      else await role.stop()
      await role.exited
    }
  }

  private async launch(disk: string): Promise<{ role: RoleHandle; url: string }> {
    const [port] = await freePorts(1, systemRandom.next)
    const env = {
      ...this.servers.env,
      PACKLOG_TOPIC_PREFIX: this.prefix,
      PACKLOG_PARTITION_COUNT: '1',
      PACKLOG_PARTITIONS: 'all',
      PACKLOG_STATE_DIR: join(this.dir, disk),
      PACKLOG_METRICS_PORT: String(port),
      PACKLOG_NODE_NAME: `bench-${++this.starts}`,
    }
    const logFile = join(this.dir, `sequencer-${this.starts}.log`)
    const role = await startRole({ roles: ['sequencer'], env, logFile, log: () => {} })
    return { role, url: `http://${HOST}:${port}/readyz` }
  }

  private async untilReady(role: RoleHandle, url: string, begunAt: Millis): Promise<void> {
    const { clock } = this.servers
    let hasEnded = false
    void role.exited.then(() => {
      hasEnded = true
    })
    while (!(await isReady(url))) {
      if (hasEnded) throw new Error(`the sequencer ended:\n${readFileSync(role.logFile, 'utf8')}`)
      if (clock.monotonic() - begunAt > READY_MS_MAX) throw new Error('the sequencer does not become ready')
      await clock.sleep(READY_POLL_MS)
    }
  }

  /** Known packs must be answered as repeated, new ones in sessions that exist with the next seq. */
  private async ask(): Promise<void> {
    const { clock } = this.servers
    // The newest: the oldest of the window leave it while this runs.
    const known = this.known.slice(-KNOWN_PACKS)
    const length = Math.min(NEW_PACKS_MAX, this.options.packs)
    const fresh = Array.from({ length }, () => this.packs.messageSomewhere(clock.now()))
    const packs = [...known, ...fresh]
    const { end } = (await this.log.bounds(this.topics.events.name)).get(PARTITION)!
    for (let n = 0; n < packs.length; n += APPEND_PACKS) {
      const records = packs.slice(n, n + APPEND_PACKS).map(pack => ({
        key: Buffer.from(pack.sessionId),
        value: this.codecs.pack.encode(pack),
        headers: {},
      }))
      await this.log.append({ topic: this.topics.packs.name, partition: PARTITION, records })
    }
    const events = await this.readEvents(end, packs.length)
    const wrong = events.filter(({ body, seq }, index) => {
      return index < known.length ? body.kind !== 'PackRepeated' : body.kind !== 'MessageAccepted' || seq < 2
    })
    this.wrongAnswers += wrong.length + packs.length - events.length
  }

  private async readEvents(from: number, count: number): Promise<Event[]> {
    const { clock } = this.servers
    const events: Event[] = []
    const waiting = new AbortController()
    const reader = this.log.read({
      topic: this.topics.events.name,
      from: new Map([[PARTITION, from]]),
      onBatch: ({ records }) => {
        events.push(...records.map(({ value }) => this.codecs.event.decode(value!)))
        if (events.length >= count) waiting.abort()
      },
    })
    await Promise.race([clock.sleep(ANSWER_MS_MAX, waiting.signal), reader.done])
    waiting.abort()
    await reader.close()
    return events
  }
}

function kafkaOf(env: NodeJS.ProcessEnv): { brokers: string[]; clientId: string } {
  return { brokers: (env.KAFKA_BROKERS ?? '').split(','), clientId: 'packlog-bench' }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

function rangeOf(figures: readonly StartFigures[]): Range {
  const of = (name: keyof StartFigures) => spread(figures.map(figure => figure[name]))
  return {
    readyMs: of('readyMs'),
    cpuMs: of('cpuMs'),
    anonymousMiB: of('anonymousMiB'),
    anonymousMiBAfterLoad: of('anonymousMiBAfterLoad'),
  }
}

/** Watches how much memory of a process is not backed by a file; on Linux only, 0 elsewhere. */
class AnonymousMemory {
  private static readonly EVERY_MS: Millis = 20
  private readonly pid: number
  private readonly clock: Clock
  private mostKiB = 0
  private cancel: () => void = () => {}

  constructor(pid: number, clock: Clock) {
    this.pid = pid
    this.clock = clock
    this.sample()
  }

  /** In MiB. */
  most(): number {
    return Math.round(this.mostKiB / KIB_PER_MIB)
  }

  stop(): void {
    this.cancel()
  }

  private sample(): void {
    this.mostKiB = Math.max(this.mostKiB, anonymousKiB(this.pid))
    this.cancel = this.clock.schedule(AnonymousMemory.EVERY_MS, () => this.sample())
  }
}

function anonymousKiB(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** User and system time of a process so far; on Linux only, 0 elsewhere. */
function cpuMsOf(pid: number): Millis {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return 0
  }
}
