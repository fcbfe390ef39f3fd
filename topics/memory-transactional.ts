import type { Partition } from '../schemas/ids.ts'
import { AppendFailed, type LogRecord } from './log.ts'
import type { MemoryLog, MemoryTransaction } from './memory-log.ts'
import {
  checkTransactionSize,
  Fenced,
  type TransactionalWriter,
  type TransactionalWriters,
} from './transactional-log.ts'

/** Who holds which transactional id of a memory log; one for all instances that may fence each other. */
export class MemoryTransactions {
  private readonly epochs = new Map<string, number>()

  epochOf(transactionalId: string): number {
    return this.epochs.get(transactionalId) ?? 0
  }

  raise(transactionalId: string): number {
    const epoch = this.epochOf(transactionalId) + 1
    this.epochs.set(transactionalId, epoch)
    return epoch
  }
}

/** Writers of one memory log that fence each other through `transactions`. */
export function memoryTransactionalWriters(log: MemoryLog, transactions: MemoryTransactions): TransactionalWriters {
  return transactionalId => new MemoryTransactionalWriter(transactionalId, log, transactions)
}

class MemoryTransactionalWriter implements TransactionalWriter {
  private readonly transactionalId: string
  private readonly log: MemoryLog
  private readonly transactions: MemoryTransactions
  private epoch = 0
  private last: Promise<void> = Promise.resolve()
  private closed = false

  constructor(transactionalId: string, log: MemoryLog, transactions: MemoryTransactions) {
    this.transactionalId = transactionalId
    this.log = log
    this.transactions = transactions
  }

  async init(): Promise<void> {
    this.epoch = this.transactions.raise(this.transactionalId)
  }

  append(request: { topic: string; partition: Partition; records: readonly LogRecord[] }): Promise<void> {
    const appended = this.last.then(() => this.appendNow(request))
    this.last = appended.catch(() => {})
    return appended
  }

  async close(): Promise<void> {
    this.closed = true
    await this.last
  }

  private async appendNow({
    topic,
    partition,
    records,
  }: {
    topic: string
    partition: Partition
    records: readonly LogRecord[]
  }): Promise<void> {
    if (this.closed) throw new AppendFailed('the writer is closed', { maybeStored: false })
    checkTransactionSize(records)
    this.checkEpoch()
    const transaction: MemoryTransaction = { state: 'open' }
    await this.log.turn()
    this.checkEpoch()
    if (records.some(record => this.log.tooLarge(topic, [record]))) {
      throw new AppendFailed(`${topic}/${partition}: MESSAGE_TOO_LARGE`, { maybeStored: false })
    }
    this.log.put(topic, partition, records, transaction)
    this.log.endTransaction(topic, partition, transaction, true)
  }

  private checkEpoch(): void {
    if (this.epoch === 0) throw new AppendFailed(`${this.transactionalId}: not initialised`, { maybeStored: false })
    if (this.epoch !== this.transactions.epochOf(this.transactionalId)) throw new Fenced(this.transactionalId)
  }
}
