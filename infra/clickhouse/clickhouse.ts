import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client'
import type { Millis } from '../clock.ts'
import { onCluster } from './cluster.ts'

/**
 * The one place that speaks to ClickHouse: an HTTP client with every option said, and four calls. All reject when the
 * server cannot be reached, answers with an error or does not answer in time; nothing is retried in here.
 */
export interface ClickHouse {
  readonly database: string
  /** Runs a statement that gives no rows. `params` fill `{name: Type}` in it. */
  command(sql: string, params?: QueryParams): Promise<void>
  /** All rows of a query. 64-bit integers come as numbers, which is exact up to 2^53. */
  rows<T>(sql: string, params?: QueryParams): Promise<T[]>
  /** The rows of a query, read as they come: memory stays bounded whatever their number. */
  stream<T>(sql: string, params?: QueryParams): AsyncIterable<T>
  /** The rows of a query in RowBinary, in pieces that end anywhere: a quarter of what rows cost that are read as JSON. */
  streamBinary(sql: string, params?: QueryParams): AsyncIterable<Buffer>
  /** Inserts rows in RowBinary as one block. The same token again inserts nothing, into views' targets neither. */
  insertBinary(insert: BinaryInsert): Promise<void>
  /** Inserts rows of a table with the same names as one block; the same token again inserts nothing. */
  insertRows<T>(insert: { table: string; rows: readonly T[]; token: string }): Promise<void>
  close(): Promise<void>
}

export type QueryParams = Record<string, unknown>

export interface BinaryInsert {
  table: string
  columns: readonly string[]
  body: Buffer
  /** insert_deduplication_token: at most INSERT_TOKEN_BYTES_MAX bytes. */
  token: string
}

export interface ClickHouseOptions {
  /** `http://host:port`; may carry user and password. */
  url: string
  database: string
  /** How long one request may take; default REQUEST_TIMEOUT_MS. */
  requestTimeoutMs?: Millis
  /** Requests under way at once; more wait. Default CONNECTIONS_MAX. */
  connectionsMax?: number
  /** Name of the cluster whose servers all have the tables (cluster.ts); undefined: one server. */
  cluster?: string
}

/** An insert or a query that takes longer has failed; its deduplication token makes a repeat harmless. */
export const REQUEST_TIMEOUT_MS = 30_000
/** One archive needs two at a time (insert, and positions asked for by someone else); verify a few more. */
export const CONNECTIONS_MAX = 8
/** The server closes idle connections after 10 s (3 s before 23.11): ours are given up before that. */
const IDLE_SOCKET_MS = 2_500
export const INSERT_TOKEN_BYTES_MAX = 4_096
/** Rows of one insert stay one block, so that one deduplication token names all of them. */
export const INSERT_ROWS_MAX = 1_000_000

/** Said with every request, because the defaults have changed between versions of the server. */
const REQUEST_SETTINGS: ClickHouseSettings = {
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_decimals: 0,
  date_time_output_format: 'iso',
  // An answer with status 200 then means that the statement is done, not that it has begun.
  wait_end_of_query: 1,
}

/** What one replica has acked the next one asked has as well: the archive's progress is read wherever its client is sent. */
const CLUSTER_SETTINGS: ClickHouseSettings = {
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
}

const INSERT_SETTINGS: ClickHouseSettings = {
  ...REQUEST_SETTINGS,
  // The server's own batching has no deduplication token of ours, and the ack would come before the parts are there.
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: String(INSERT_ROWS_MAX),
  min_insert_block_size_rows: String(INSERT_ROWS_MAX),
  min_insert_block_size_bytes: '0',
  // Rows of one insert are different events: there is nothing to replace among them.
  optimize_on_insert: 0,
  // One block goes into each table: more threads only wait for each other.
  max_threads: 1,
  // Indexes are made by the merges: making them here, the text indexes above all, doubled the time of an insert.
  materialize_skip_indexes_on_insert: 0,
}

/** Makes a client; it connects when it is first used. `database` need not exist yet: see createDatabase. */
export function connectClickHouse(options: ClickHouseOptions): ClickHouse {
  const client = createClient({
    url: options.url,
    database: options.database,
    application: 'packlog',
    request_timeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    max_open_connections: options.connectionsMax ?? CONNECTIONS_MAX,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
    // Local traffic gains nothing from it, and the archive's inserts are bound by the CPU.
    compression: { request: false, response: false },
    clickhouse_settings:
      options.cluster === undefined ? REQUEST_SETTINGS : { ...REQUEST_SETTINGS, ...CLUSTER_SETTINGS },
    // Whatever fails is thrown and logged once, by whoever called.
    log: { level: ClickHouseLogLevel.OFF },
  })
  return new HttpClickHouse(client, options)
}

/** Creates the database when it is missing; can be run again. */
export async function createDatabase(options: ClickHouseOptions): Promise<void> {
  const server = connectClickHouse({ ...options, database: 'default' })
  try {
    await server.command(`CREATE DATABASE IF NOT EXISTS ${quoteName(options.database)}`)
  } finally {
    await server.close()
  }
}

/** A name of a database, table or column as it stands in SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

class HttpClickHouse implements ClickHouse {
  readonly database: string
  private readonly client: ClickHouseClient
  private readonly cluster: string | undefined

  constructor(client: ClickHouseClient, { database, cluster }: ClickHouseOptions) {
    this.client = client
    this.database = database
    this.cluster = cluster
  }

  async command(sql: string, params: QueryParams = {}): Promise<void> {
    const query = this.cluster === undefined ? sql : onCluster(sql, this.cluster)
    await this.client.command({ query, query_params: params })
  }

  async rows<T>(sql: string, params: QueryParams = {}): Promise<T[]> {
    const result = await this.client.query({ query: sql, query_params: params, format: 'JSONEachRow' })
    return result.json<T>()
  }

  async *stream<T>(sql: string, params: QueryParams = {}): AsyncIterable<T> {
    const result = await this.client.query({
      query: sql,
      query_params: params,
      format: 'JSONEachRow',
      // The whole answer would otherwise be put aside on the server before the first row is sent.
      clickhouse_settings: { wait_end_of_query: 0 },
    })
    for await (const rows of result.stream<T>()) {
      for (const row of rows) yield row.json<T>()
    }
  }

  async *streamBinary(sql: string, params: QueryParams = {}): AsyncIterable<Buffer> {
    const { stream } = await this.client.exec({
      query: `${sql} FORMAT RowBinary`,
      query_params: params,
      clickhouse_settings: { wait_end_of_query: 0 },
    })
    yield* stream as AsyncIterable<Buffer>
  }

  async insertBinary({ table, columns, body, token }: BinaryInsert): Promise<void> {
    const result = await this.client.exec({
      query: `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) FORMAT RowBinary`,
      values: Readable.from(body, { objectMode: false }),
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    })
    // The connection is free again when the (empty) answer was read.
    for await (const _ of result.stream) {
    }
  }

  async insertRows<T>({ table, rows, token }: { table: string; rows: readonly T[]; token: string }): Promise<void> {
    await this.client.insert({
      table: quoteName(table),
      values: [...rows],
      format: 'JSONEachRow',
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    })
  }

  close(): Promise<void> {
    return this.client.close()
  }
}
