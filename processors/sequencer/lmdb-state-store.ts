import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Millis, Random } from '../../infra/clock.ts'
import type { Interval, Relation } from '../../schemas/session.ts'
import type { GroupSettings } from '../../schemas/settings.ts'
import {
  type AppRow,
  HEAD_PLAIN,
  type Head,
  type Rows,
  recentKeyBefore,
  type StoredCheckpoint,
  TABLES,
  type Table,
} from './session.ts'
import { FORGET_ROWS_MAX, type StateBatch, type StateSize, type StateStore, StateTaken } from './state-store.ts'

/**
 * The state store on LMDB: one environment per partition, one database per table, rows as short MessagePack arrays.
 *
 * All puts of one event turn, and those under one condition, are one LMDB transaction, committed by a thread of its
 * own. The condition is that the entry `holder` still has the version that this instance gave it when it opened the
 * directory: of two instances on one directory the later one goes on, the earlier one gets StateTaken and has written
 * nothing in between. (`env.transaction(callback)` of lmdb 3.5.6 never resolves on Node 20; not used.)
 *
 * A killed process loses nothing that was committed. After a crash of the machine the store counts as empty (see
 * dropStoreOfOtherBoot), and im.sessions has the state.
 */

type Tuple = readonly unknown[]

interface RowCodec<Row> {
  pack(row: Row): Tuple
  unpack(tuple: Tuple): Row
}

/** Rows of tables that are written rarely: as they are. */
function wholeRows<Row>(): RowCodec<Row> {
  return { pack: row => [row], unpack: tuple => tuple[0] as Row }
}

/** As numbers in the store. */
const MESSAGES = ['no', 'uncounted', 'counted'] as const

const ROW_CODECS: { [T in Table]: RowCodec<Rows[T]> } = {
  heads: {
    pack: row => {
      const { lastSeq, count, owner, dismissed, memberCount, settings, relation } = row
      if (owner === '' && relation === undefined) return [lastSeq, count]
      const group = [lastSeq, count, owner, dismissed, memberCount]
      return settings === undefined && relation === undefined ? group : [...group, settings ?? null, relation ?? null]
    },
    unpack: tuple => {
      if (tuple.length === 2) return { lastSeq: tuple[0] as number, count: tuple[1] as number, ...HEAD_PLAIN }
      const [lastSeq, count, owner, dismissed, memberCount, settings, relation] = tuple as HeadTuple
      const head: Head = { lastSeq, count, owner, dismissed, memberCount }
      if (settings != null) head.settings = settings
      if (relation != null) head.relation = relation
      return head
    },
  },
  infos: wholeRows(),
  members: {
    pack: row => {
      const { owner, admin, mutedUntil, requestedAt, lastSentAt } = row
      const intervals = row.intervals.flatMap(({ joinSeq, leaveSeq }) => [joinSeq, leaveSeq])
      if (!admin && mutedUntil + requestedAt + lastSentAt === 0) return [owner, intervals]
      return [owner, intervals, admin, mutedUntil, requestedAt, lastSentAt]
    },
    unpack: tuple => ({
      owner: tuple[0] as boolean,
      intervals: unpackIntervals(tuple[1] as number[]),
      admin: (tuple[2] as boolean | undefined) ?? false,
      mutedUntil: (tuple[3] as Millis | undefined) ?? 0,
      requestedAt: (tuple[4] as Millis | undefined) ?? 0,
      lastSentAt: (tuple[5] as Millis | undefined) ?? 0,
    }),
  },
  recents: {
    pack: row => [row.digest, row.code, row.seq, row.count, row.at, MESSAGES.indexOf(row.message)],
    unpack: tuple => ({
      digest: tuple[0] as string,
      code: tuple[1] as number,
      seq: tuple[2] as number,
      count: tuple[3] as number,
      at: tuple[4] as Millis,
      message: MESSAGES[tuple[5] as number]!,
    }),
  },
  rosters: wholeRows(),
  invites: wholeRows(),
  amended: wholeRows(),
  reactions: wholeRows(),
  profiles: wholeRows(),
  settings: wholeRows(),
  attributes: wholeRows(),
  logins: wholeRows(),
  sessionAttributes: wholeRows(),
  pushDevices: wholeRows(),
  revoked: wholeRows(),
  appKeys: {
    pack: ({ keys, webhooks }) => (webhooks.length === 0 ? [keys] : [keys, webhooks]),
    unpack: tuple => ({ keys: tuple[0] as AppRow['keys'], webhooks: (tuple[1] as string[] | undefined) ?? [] }),
  },
  jobs: wholeRows(),
  standings: wholeRows(),
  erasures: wholeRows(),
}

type HeadTuple = readonly [
  lastSeq: number,
  count: number,
  owner: string,
  dismissed: boolean,
  memberCount: number,
  settings?: GroupSettings | null,
  relation?: Relation | null,
]

function unpackIntervals(flat: readonly number[]): Interval[] {
  const intervals: Interval[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) intervals.push({ joinSeq: flat[at]!, leaveSeq: flat[at + 1]! })
  return intervals
}

/** Raised when the rows are stored in another form: a store of another version counts as empty. */
const FORMAT_VERSION = 4

/** Holds the boot id under which the store is written; beside LMDB's own files. */
export const BOOT_FILE = 'boot'
const HOLDER = 'holder'
const CHECKPOINT = 'checkpoint'
/** Versions other than the holder's own; LMDB keeps one beside every entry of `meta`. */
const PLAIN_VERSION = 1

interface CheckpointEntry {
  format: number
  json: string
}

export class LmdbStateStore implements StateStore {
  private readonly path: string
  private readonly env: RootDatabase
  private readonly tables: { [T in Table]: Database<Tuple, string> }
  private readonly meta: Database<unknown, string>
  private readonly holderVersion: number
  private closed = false

  /** Opens or creates the store; takes it from an instance that has it open. */
  constructor(options: { stateDir: string; partition: number; random: Random }) {
    this.path = join(options.stateDir, `sequencer-${options.partition}`)
    const boot = bootId()
    if (boot !== undefined) dropStoreOfOtherBoot(this.path, boot)
    this.env = open({
      path: this.path,
      // One for each table, one for what is not a row.
      maxDbs: TABLES.length + 1,
      noMemInit: true,
      // Twelve stores that sync several times a second hold up the broker's writes on the same disk (ADR 6). A killed process loses
      // nothing either way; a store that a crash of the machine may have torn is told by its boot and dropped.
      noSync: boot !== undefined,
      overlappingSync: boot === undefined,
      eventTurnBatching: true,
    })
    const table = (name: Table) => this.env.openDB<Tuple, string>({ name, encoding: 'msgpack' })
    this.tables = Object.fromEntries(TABLES.map(name => [name, table(name)])) as typeof this.tables
    this.meta = this.env.openDB<unknown, string>({ name: 'meta', encoding: 'msgpack', useVersions: true })
    this.holderVersion = 2 + options.random.bytes(4).readUInt32BE()
    this.meta.putSync(HOLDER, 'sequencer', this.holderVersion)
    this.env.resetReadTxn()
  }

  get<T extends Table>(table: T, key: string): Rows[T] | undefined {
    const tuple = this.tables[table].get(key)
    return tuple === undefined ? undefined : ROW_CODECS[table].unpack(tuple)
  }

  newestRecent(): string | undefined {
    for (const key of this.tables.recents.getKeys({ reverse: true, limit: 1 })) return key
    return undefined
  }

  checkpoint(): StoredCheckpoint | undefined {
    const stored = this.meta.get(CHECKPOINT) as CheckpointEntry | undefined
    return stored?.format === FORMAT_VERSION ? parseCheckpoint(stored.json) : undefined
  }

  write(batch: StateBatch): Promise<void> {
    const old = this.oldRecents(batch.forgetBefore, batch.rows.recents.size + FORGET_ROWS_MAX)
    return this.asHolder(() => {
      for (const table of TABLES) this.putRows(table, batch.rows[table])
      for (const key of old) this.tables.recents.remove(key)
      if (batch.checkpoint === undefined) return
      const stored: CheckpointEntry = { format: FORMAT_VERSION, json: JSON.stringify(batch.checkpoint) }
      this.meta.put(CHECKPOINT, stored, PLAIN_VERSION)
    })
  }

  async clear(): Promise<void> {
    // The checkpoint goes first: a crash before the tables are empty leaves a store that counts as empty.
    await this.asHolder(() => this.meta.remove(CHECKPOINT))
    for (const table of TABLES) await this.tables[table].clearAsync()
    this.env.resetReadTxn()
  }

  size(): StateSize {
    const rows = TABLES.reduce((sum, table) => sum + entryCount(this.tables[table]), 0)
    return { rows, bytes: statSync(join(this.path, 'data.mdb')).size }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.env.close()
  }

  private putRows<T extends Table>(table: T, rows: ReadonlyMap<string, Rows[T]>): void {
    const database = this.tables[table]
    const codec = ROW_CODECS[table]
    for (const [key, row] of rows) database.put(key, codec.pack(row))
  }

  private oldRecents(before: Millis, limit: number): string[] {
    return [...this.tables.recents.getKeys({ end: recentKeyBefore(before), limit })]
  }

  private async asHolder(writes: () => void): Promise<void> {
    const held = await this.meta.ifVersion(HOLDER, this.holderVersion, writes)
    if (!held) throw new StateTaken(this.path)
    this.env.resetReadTxn()
  }
}

/** Names this run of the machine's kernel; undefined where the system does not tell: the store then syncs. */
function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Removes a store that was last written before the machine was started anew: restore then takes im.sessions. */
function dropStoreOfOtherBoot(path: string, boot: string): void {
  const file = join(path, BOOT_FILE)
  if (existsSync(file) && readFileSync(file, 'utf8') === boot) return
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  writeFileSync(file, boot)
}

function entryCount(database: Database<Tuple, string>): number {
  return (database.getStats() as { entryCount: number }).entryCount
}

/** JSON has no infinity: the first mark's time comes back from null. */
function parseCheckpoint(json: string): StoredCheckpoint {
  const stored = JSON.parse(json) as StoredCheckpoint
  return { ...stored, marks: stored.marks.map(mark => ({ ...mark, at: mark.at ?? Number.NEGATIVE_INFINITY })) }
}
