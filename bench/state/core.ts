import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Millis, systemRandom } from '../../infra/clock.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { buildBatch } from '../../processors/sequencer/batch.ts'
import { decide, type Request } from '../../processors/sequencer/decide.ts'
import { evolve, evolveTime } from '../../processors/sequencer/evolve.ts'
import { LmdbStateStore } from '../../processors/sequencer/lmdb-state-store.ts'
import { PackQueue } from '../../processors/sequencer/pack-queue.ts'
import { CHECKPOINT_START, type Checkpoint } from '../../processors/sequencer/session.ts'
import { SessionState } from '../../processors/sequencer/session-state.ts'
import { MemoryStateStore, type StateStore } from '../../processors/sequencer/state-store.ts'
import { eventCodec, packCodec, type RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { StoredRecord } from '../../topics/log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { type Spread, spread } from '../report.ts'
import { StatePacks } from './packs.ts'
import { processCpuMs, threadCpuMs } from './thread-time.ts'

/**
 * How fast one thread decides: the real decide and evolve on the real SessionState, whose store takes what is committed
 * in the background as in the sequencer. No log: what an append takes is not in it.
 *
 *   decide   decide + evolve of packs that are decoded already, nothing else
 *   state    the same with the commit of each batch and what the store writes meanwhile
 *   batch    all that the sequencer does per pack: decode, decide, evolve, encode, chain by hash, commit, store
 *
 * Slices of all kinds run in turn, so that what changes on the machine meets them alike.
 */

export interface CoreOptions {
  /** Measured slices of each kind. */
  slices: number
  /** Packs of a slice. */
  packs: number
  /** Packs that are decided before they are committed together. */
  batch: number
  /** Sessions that exist before the first slice. */
  sessions: number
  /** Length of a message's text. */
  bytes: number
  seed: number
}

/** Packs per second; `perCpuSecond` per second of CPU time of the deciding thread. */
export interface DecideFigures {
  perSecond: Spread
  perCpuSecond: Spread
}

/** `perProcessCpuSecond`: per second of CPU time of all threads, for the store commits on one of its own. */
export interface CoreFigures extends DecideFigures {
  perProcessCpuSecond: Spread
}

export type StoreKind = 'memory' | 'lmdb'
export type CoreResult = Record<StoreKind, { decide: DecideFigures; state: CoreFigures; batch: CoreFigures }>

/** Slices that are run and not counted: the code is compiled meanwhile. */
const WARMUP_SLICES = 2
/** Log time of the first pack, and what passes with each slice. */
const LOG_TIME_START: Millis = 1_700_000_000_000
const SLICE_MS: Millis = 1_000
const PLACE = { partition: 0, partitions: 1 }
const MS_PER_SECOND = 1_000

export async function measureCore(options: CoreOptions, clock: Clock): Promise<CoreResult> {
  const dir = mkdtempSync(join(tmpdir(), 'packlog-bench-'))
  const registry = new MemoryRegistry()
  const codecs = { pack: await packCodec(registry, 'packs-value'), event: await eventCodec(registry, 'events-value') }
  const make = (work: Work, store: StateStore) => new Core(store, codecs, { ...options, clock, work })
  const lmdb = (partition: number) => new LmdbStateStore({ stateDir: dir, partition, random: systemRandom })
  const cores = {
    memory: { decide: make('decide', new MemoryStateStore()), batch: make('batch', new MemoryStateStore()) },
    lmdb: { decide: make('decide', lmdb(0)), batch: make('batch', lmdb(1)) },
  }
  const all = [cores.memory.decide, cores.lmdb.decide, cores.memory.batch, cores.lmdb.batch]
  try {
    for (const core of all) await core.fill()
    for (let slice = -WARMUP_SLICES; slice < options.slices; slice++) {
      for (const core of all) await core.slice({ counts: slice >= 0 })
    }
    const figures = ({ decide, batch }: Record<Work, Core>) => ({
      decide: decide.decideFigures(),
      state: decide.figures(),
      batch: batch.figures(),
    })
    return { memory: figures(cores.memory), lmdb: figures(cores.lmdb) }
  } finally {
    for (const core of all) await core.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** `decide` takes packs that are decoded, `batch` those that are not. */
type Work = 'decide' | 'batch'

interface Times {
  wallMs: Millis
  threadMs: Millis
}

/** Packs per second, slice by slice. */
class Rates {
  private readonly values: number[] = []

  add(packs: number, tookMs: Millis): void {
    this.values.push(Math.round((packs * MS_PER_SECOND) / tookMs))
  }

  spread(): Spread {
    return spread(this.values)
  }
}

interface Codecs {
  pack: RecordCodec<Pack>
  event: RecordCodec<Event>
}

interface Arrived {
  record: StoredRecord
  pack: Pack
}

class Core {
  private readonly store: StateStore
  private readonly state: SessionState
  private readonly codecs: Codecs
  private readonly options: CoreOptions & { clock: Clock; work: Work }
  private readonly packs: StatePacks
  private readonly queue = new PackQueue()
  private readonly rates = { wall: new Rates(), thread: new Rates(), process: new Rates() }
  private readonly decideRates = { wall: new Rates(), thread: new Rates() }
  /** What the decide loops of this slice took. */
  private decideTimes: Times = { wallMs: 0, threadMs: 0 }
  private logTime = LOG_TIME_START
  private nextPack = 0
  private failure: unknown

  constructor(store: StateStore, codecs: Codecs, options: CoreOptions & { clock: Clock; work: Work }) {
    this.store = store
    this.codecs = codecs
    this.options = options
    this.packs = new StatePacks(new SeededRandom(options.seed), options)
    this.state = new SessionState({
      store,
      clock: options.clock,
      checkpoint: CHECKPOINT_START,
      logged: null,
      onFailure: error => {
        this.failure = error
      },
    })
  }

  /** Begins the sessions that exist before anything is measured. */
  async fill(): Promise<void> {
    const { sessions, packs } = this.options
    for (let begun = 0; begun < sessions; begun += packs) {
      await this.run(this.arrive(Math.min(packs, sessions - begun), time => this.packs.begin(time)))
    }
    await this.state.flush()
  }

  async slice({ counts }: { counts: boolean }): Promise<void> {
    const arrived = this.arrive(this.options.packs, time => this.packs.next(time))
    this.decideTimes = { wallMs: 0, threadMs: 0 }
    const processBefore = processCpuMs()
    const before = this.readTimes()
    await this.run(arrived)
    const { wallMs, threadMs } = this.timesSince(before)
    const processMs = processCpuMs() - processBefore
    await this.state.flush()
    if (this.failure !== undefined) throw this.failure
    if (!counts) return
    const { rates, decideRates, decideTimes } = this
    rates.wall.add(arrived.length, wallMs)
    rates.thread.add(arrived.length, threadMs)
    rates.process.add(arrived.length, processMs)
    decideRates.wall.add(arrived.length, decideTimes.wallMs)
    decideRates.thread.add(arrived.length, decideTimes.threadMs)
  }

  decideFigures(): DecideFigures {
    const { wall, thread } = this.decideRates
    return { perSecond: wall.spread(), perCpuSecond: thread.spread() }
  }

  figures(): CoreFigures {
    const { wall, thread, process } = this.rates
    return {
      perSecond: wall.spread(),
      perCpuSecond: thread.spread(),
      perProcessCpuSecond: process.spread(),
    }
  }

  async close(): Promise<void> {
    this.state.stop()
    await this.store.close()
  }

  private readTimes(): Times {
    return { threadMs: threadCpuMs(), wallMs: this.options.clock.monotonic() }
  }

  private timesSince(before: Times): Times {
    const wallMs = this.options.clock.monotonic() - before.wallMs
    return { wallMs, threadMs: threadCpuMs() - before.threadMs }
  }

  /** Packs as a reader gives them: encoded and decoded, so that their strings are those of real packs. */
  private arrive(count: number, make: (time: Millis) => Pack): Arrived[] {
    const { pack: codec } = this.codecs
    this.logTime += SLICE_MS
    return Array.from({ length: count }, () => {
      const value = codec.encode(make(this.logTime))
      const pack = codec.decode(value)
      const key = Buffer.from(pack.sessionId)
      return { pack, record: { key, value, headers: {}, offset: this.nextPack++, appendedAt: this.logTime } }
    })
  }

  private async run(arrived: readonly Arrived[]): Promise<void> {
    const { batch, clock, work } = this.options
    for (let at = 0; at < arrived.length; at += batch) {
      const part = arrived.slice(at, at + batch)
      if (work === 'decide') this.decide(part)
      else this.build(part)
      // As in the sequencer, where an append lies between two batches: the store's own work gets its turn.
      await new Promise<void>(resolve => clock.defer(resolve))
      await this.state.room()
    }
  }

  private decide(part: readonly Arrived[]): void {
    const { state, decideTimes } = this
    const before = this.readTimes()
    let { time } = state.checkpoint
    for (const { record, pack } of part) {
      const cause = { era: 0, offset: record.offset }
      const request: Request = { cause, appendedAt: record.appendedAt, key: record.key, pack }
      const event = decide(state, time, request, PLACE)
      state.apply(evolve(state, event))
      time = evolveTime(time, event)
    }
    const { wallMs, threadMs } = this.timesSince(before)
    decideTimes.wallMs += wallMs
    decideTimes.threadMs += threadMs
    state.commit(this.checkpointAfter(part.at(-1)!.record.offset, time))
  }

  private checkpointAfter(offset: number, time: Checkpoint['time']): Checkpoint {
    const { marks } = this.state.checkpoint
    return { position: { offset, cause: { era: 0, offset }, hash: null }, time, marks }
  }

  private build(part: readonly Arrived[]): void {
    const { state, queue } = this
    void queue.push(part.map(({ record }) => record))
    const end = part.at(-1)!.record.offset + 1
    for (let nextPack = part[0]!.record.offset; nextPack < end; ) {
      const { pack, event } = this.codecs
      const place = { state, queue, packCodec: pack, eventCodec: event, place: PLACE, era: 0 }
      const built = buildBatch({ ...place, nextPack, end: nextPack })
      state.commit(built.checkpoint)
      nextPack = built.nextPack
      queue.release(nextPack)
    }
  }
}
