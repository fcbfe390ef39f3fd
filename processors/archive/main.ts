import { type ClickHouseOptions, connectClickHouse, createDatabase } from '../../infra/clickhouse/clickhouse.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Service } from '../../infra/service.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import type { Rebuildable } from '../rebuild/rebuild.ts'
import type { View } from '../view.ts'
import { type ArchiveReader, ClickHouseArchiveReader } from './archive-reader.ts'
import { archiveStripper } from './archive-stripper.ts'
import { ArchiveView, type ArchiveViewOptions } from './archive-view.ts'
import { ClickHouseArchiveRebuild } from './clickhouse-archive-rebuild.ts'
import { ClickHouseArchiveStore } from './clickhouse-archive-store.ts'
import { type EraserOptions, type ErasureProgress, eraser, erasureProgress } from './eraser.ts'
import { ClickHouseGroupList, type GroupList } from './group-list.ts'
import { migrate } from './migrate.ts'
import { archiveRetention, type RetentionOptions } from './retention.ts'
import { type ArchiveStatistics, ClickHouseStatistics } from './statistics.ts'

export interface ArchiveOptions {
  clickhouse: ClickHouseOptions
  /** Name of im.events, prefix included. */
  topic: string
  /** The partitions that this process archives. */
  partitions: readonly Partition[]
  clock: Clock
}

/** The archive as a view for the runner. Its tables are made when it is first asked for a position. */
export function makeArchiveView(options: ArchiveOptions & Pick<ArchiveViewOptions, 'onHeld'>): View {
  const { clickhouse, ...others } = options
  const store = new ClickHouseArchiveStore(connectClickHouse(clickhouse), () => createDatabase(clickhouse))
  return new ArchiveView({ ...others, store })
}

/** The archive as something that `rebuild` can build anew; `partitions` are all of the topic. */
export function makeArchiveRebuild(options: ArchiveOptions & { random: Random; keepsRevoked: boolean }): Rebuildable {
  const { clickhouse, topic, partitions, clock, random, keepsRevoked } = options
  return new ClickHouseArchiveRebuild({
    connect: () => connectClickHouse(clickhouse),
    prepareDatabase: () => createDatabase(clickhouse),
    topic,
    partitions,
    clock,
    random,
    keepsRevoked,
  })
}

/** Empties the archive of what was taken back, while the role runs. */
export function makeArchiveStripper(options: {
  clickhouse: ClickHouseOptions
  keepsRevoked: boolean
  clock: Clock
  logger: Logger
}): Service {
  // A statement that empties a large table takes its time.
  const clickhouse = connectClickHouse({ ...options.clickhouse, requestTimeoutMs: STRIP_TIMEOUT_MS })
  return archiveStripper({ ...options, clickhouse })
}

/** Empties messages whose time is over, while the role runs; undefined where all are kept for good. */
export function makeArchiveRetention(
  options: Omit<RetentionOptions, 'clickhouse'> & { clickhouse: ClickHouseOptions },
): Service | undefined {
  if (Object.keys(options.days).length === 0) return undefined
  const clickhouse = connectClickHouse({ ...options.clickhouse, requestTimeoutMs: STRIP_TIMEOUT_MS })
  return archiveRetention({ ...options, clickhouse })
}

/** Erases what erased users said, while the role runs. */
export function makeEraser(options: Omit<EraserOptions, 'clickhouse'> & { clickhouse: ClickHouseOptions }): Service {
  return eraser({ ...options, clickhouse: connectClickHouse(options.clickhouse) })
}

/** How far the erasure of a user has come, as the archive tells it. */
export async function readErasure(options: ClickHouseOptions, userId: UserId): Promise<ErasureProgress> {
  const clickhouse = connectClickHouse(options)
  try {
    return await erasureProgress(clickhouse, userId)
  } finally {
    await clickhouse.close()
  }
}

const STRIP_TIMEOUT_MS = 600_000

/** How long one statement of a migration may take. */
const MIGRATION_MS_MAX = 6 * 3_600_000

/** Makes the database and brings its tables up to date; can be run again. Gives what was applied. */
export async function setupArchive(clickhouse: ClickHouseOptions): Promise<string[]> {
  await createDatabase(clickhouse)
  // A migration may copy what is there into a new table.
  const client = connectClickHouse({ ...clickhouse, requestTimeoutMs: MIGRATION_MS_MAX })
  try {
    return await migrate(client)
  } finally {
    await client.close()
  }
}

/** How long a question of the gateway's may take. */
const READER_TIMEOUT_MS = 5_000

/** What the gateway asks of the archive. */
export interface ArchiveForGateway {
  reader: ArchiveReader
  statistics: ArchiveStatistics
  groups: GroupList
  /** How far the erasure of a user has come. Rejects when the store cannot be reached. */
  erasure(userId: UserId): Promise<ErasureProgress>
  close(): Promise<void>
}

/** The archive as the gateway reads it; connects when it is first asked. */
export function archiveReader(options: ClickHouseOptions): ArchiveForGateway {
  const clickhouse = connectClickHouse({ ...options, requestTimeoutMs: READER_TIMEOUT_MS })
  return {
    reader: new ClickHouseArchiveReader(clickhouse),
    statistics: new ClickHouseStatistics(clickhouse),
    groups: new ClickHouseGroupList(clickhouse),
    erasure: userId => erasureProgress(clickhouse, userId),
    close: () => clickhouse.close(),
  }
}
