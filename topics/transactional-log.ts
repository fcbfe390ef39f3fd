import type { Partition } from '../schemas/ids.ts'
import { AppendFailed, type LogRecord } from './log.ts'
import type { TopicName } from './topics.ts'

/**
 * The port of a fenced writer: of all instances that share a transactional id, only the one that was initialised last
 * can append. The sequencer writes im.sessions through it, one id per partition (`seq-<partition>`): a paused
 * instance that wakes up finds itself fenced instead of overwriting its successor's state.
 *
 * Implementations: kafka-transactional.ts (adapter, in infra/kafka) and memory-transactional.ts; both pass
 * tests/contract/transactional.contract.ts. What is appended here is to be read with isolation `committed`.
 */
export interface TransactionalWriter {
  /**
   * Initialises the transactional id: fences every earlier holder and aborts a transaction that it left open. To be
   * called once, before the first append; once it resolves, nothing that an earlier holder appends is ever committed.
   * Retries inside while the coordinator is not available, up to INIT_ATTEMPTS_MAX, then throws what came last.
   */
  init(): Promise<void>
  /**
   * Appends the records, in order, in one transaction; resolves when it is committed, that is, when nothing can undo
   * it; committed readers may see it a moment later. All or nothing: they see all of the records or none. At most TRANSACTION_RECORDS_MAX records and TRANSACTION_BYTES_MAX bytes of keys
   * and values. One append at a time: a second call waits for the first.
   * Throws Fenced when another instance has taken over (it can never append again), AppendFailed otherwise,
   * also when this one was paused inside a transaction until the log gave that up and nobody else came:
   * `maybeStored: true` when the commit's own answer is missing, so that it may be or become visible. After
   * AppendFailed the writer can be used again; it initialises itself afresh where that is needed, except that it never
   * takes the id back from another instance.
   */
  append(request: { topic: TopicName; partition: Partition; records: readonly LogRecord[] }): Promise<void>
  /** Waits for a running append, then lets the connection go. Idempotent. */
  close(): Promise<void>
}

/** Makes the writer of one transactional id, for example `seq-3`. */
export type TransactionalWriters = (transactionalId: string) => TransactionalWriter

/** Another instance has initialised the same transactional id. This one must stop. */
export class Fenced extends Error {
  override readonly name = 'Fenced'
  readonly transactionalId: string
  constructor(transactionalId: string, cause?: unknown) {
    super(`${transactionalId}: another instance has taken over`, { cause })
    this.transactionalId = transactionalId
  }
}

export const TRANSACTION_RECORDS_MAX = 5_000
export const TRANSACTION_BYTES_MAX = 4_000_000
export const INIT_ATTEMPTS_MAX = 20

/** Throws AppendFailed when the records are more than one transaction may hold. */
export function checkTransactionSize(records: readonly LogRecord[]): void {
  const bytes = records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0)
  if (records.length > TRANSACTION_RECORDS_MAX || bytes > TRANSACTION_BYTES_MAX) {
    throw new AppendFailed(`a transaction of ${records.length} records and ${bytes} bytes is too large`, {
      maybeStored: false,
    })
  }
}
