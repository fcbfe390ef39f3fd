import type { Partition } from '../../schemas/ids.ts'
import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, AppendFailed, type LogRecord } from '../../topics/log.ts'
import {
  checkTransactionSize,
  Fenced,
  INIT_ATTEMPTS_MAX,
  type TransactionalWriter,
  type TransactionalWriters,
} from '../../topics/transactional-log.ts'
import { assert } from '../assert.ts'
import { type Clock, type Millis, systemClock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { type BrokerLink, Cluster, messageOf, REPLICAS_MS_MAX } from './cluster.ts'
import { Coordinator } from './coordinator.ts'
import type { KafkaLogOptions } from './kafka-log.ts'
import { type Call, ErrorCode, errorName, produceCall } from './protocol.ts'
import { encodeBatch } from './record-batch.ts'
import {
  ANY_PRODUCER,
  addPartitionCall,
  commitCall,
  findCoordinatorCall,
  initProducerIdCall,
  type Producer,
  TRANSACTIONAL_ID_BYTES_MAX,
} from './transaction-protocol.ts'

/**
 * A fenced writer on Kafka's transactions.
 *
 * Order of one append: announce the partition to the coordinator, produce the batches with this instance's producer id
 * and epoch, commit. Up to the commit nothing can become visible, so every failure before it is `maybeStored: false`;
 * the commit itself is asked for again until it is answered, because asking twice changes nothing. After a failure the
 * next append first raises the own epoch, which aborts what was left open, and names the epoch it had: when another
 * instance has initialised the id meanwhile, the coordinator says so, and this one is fenced for ever.
 *
 * A transaction that stays open for longer than TRANSACTION_MS_MAX (a process that was paused in the middle, a network
 * that was away) is aborted by the coordinator, which raises the epoch and so fences its own writer. The coordinator
 * tells that from a successor (KIP-588, brokers from 2.7 on): who names the epoch before an abort is let on, who names
 * the one before another instance's is not. So a writer that was fenced asks once to go on, and only the refusal counts.
 */

/** How long a transaction may stay open, ms. */
export const TRANSACTION_MS_MAX = 60_000
/** How often the coordinator is asked for one step of an append. */
const STEP_ATTEMPTS_MAX = 10
const PAUSE_MS_MIN = 20
const PAUSE_MS_MAX = 500

const TRY_AGAIN: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
])
const FENCED: ReadonlySet<number> = new Set([ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED])

type State =
  | { kind: 'New' }
  /** `clean`: no transaction is left open. */
  | { kind: 'Ready'; producer: Producer; clean: boolean }
  | { kind: 'Fenced'; error: Fenced }
  | { kind: 'Closed' }

interface Request {
  topic: string
  partition: Partition
  records: readonly LogRecord[]
}

export interface TransactionalOptions extends KafkaLogOptions {
  transactionMsMax?: Millis
}

/** Makes the fenced writers of a Kafka cluster; each has connections of its own. */
export function kafkaTransactionalWriters(options: TransactionalOptions): TransactionalWriters {
  return transactionalId => new KafkaTransactionalWriter(transactionalId, options)
}

class KafkaTransactionalWriter implements TransactionalWriter {
  private readonly transactionalId: string
  private readonly cluster: Cluster
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly coordinator: Coordinator
  private state: State = { kind: 'New' }
  /** Number of the next record of a partition, within this epoch. */
  private readonly sequences = new Map<string, number>()
  private last: Promise<unknown> = Promise.resolve()

  private readonly transactionMsMax: Millis

  constructor(transactionalId: string, options: TransactionalOptions) {
    assert(Buffer.byteLength(transactionalId) <= TRANSACTIONAL_ID_BYTES_MAX, `${transactionalId} is too long`)
    const { clock = systemClock, logger = silentLogger } = options
    this.transactionalId = transactionalId
    this.transactionMsMax = options.transactionMsMax ?? TRANSACTION_MS_MAX
    this.clock = clock
    this.logger = logger
    this.cluster = new Cluster({ ...options, clock, logger })
    this.coordinator = new Coordinator(this.cluster, findCoordinatorCall(transactionalId))
  }

  init(): Promise<void> {
    return this.inTurn(() => this.start(ANY_PRODUCER, INIT_ATTEMPTS_MAX))
  }

  append(request: Request): Promise<void> {
    return this.inTurn(() => this.appendNow(request))
  }

  close(): Promise<void> {
    return this.inTurn(async () => {
      this.state = { kind: 'Closed' }
      await this.cluster.close()
    })
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.last.then(task)
    this.last = done.catch(() => {})
    return done
  }

  private async start(before: Producer, attemptsMax: number): Promise<void> {
    const call = initProducerIdCall(this.transactionalId, this.transactionMsMax, before)
    const { producerId, epoch } = await this.ask(call, attemptsMax)
    this.sequences.clear()
    this.state = { kind: 'Ready', producer: { producerId, epoch }, clean: true }
  }

  private async appendNow(request: Request): Promise<void> {
    checkTransactionSize(request.records)
    try {
      const producer = await this.prepare(request)
      await this.ask(commitCall(this.transactionalId, producer), STEP_ATTEMPTS_MAX)
      this.state = { kind: 'Ready', producer, clean: true }
    } catch (error) {
      if (error instanceof Fenced) throw await this.afterFence(error, request)
      if (error instanceof AppendFailed) throw error
      // Only the commit throws anything else: it may have reached the coordinator.
      throw this.failed(request, { maybeStored: true, cause: error })
    }
  }

  /** Everything up to the commit. Throws Fenced, or AppendFailed with nothing visible. */
  private async prepare(request: Request): Promise<Producer> {
    try {
      const producer = await this.readyProducer()
      this.state = { kind: 'Ready', producer, clean: false }
      await this.ask(addPartitionCall(this.transactionalId, producer, request), STEP_ATTEMPTS_MAX)
      for (const records of batchesOf(request.records)) await this.produce(producer, { ...request, records })
      return producer
    } catch (error) {
      if (error instanceof Fenced) throw error
      throw this.failed(request, { maybeStored: false, cause: error })
    }
  }

  /** What an append ends with whose writer was fenced: AppendFailed where its own transaction was given up. */
  private async afterFence(fence: Fenced, request: Request): Promise<Error> {
    if (this.state.kind !== 'Ready') return fence
    try {
      await this.start(this.state.producer, STEP_ATTEMPTS_MAX)
    } catch (error) {
      // Not answered: the writer is as it was, and its next append asks again.
      if (!(error instanceof Fenced)) return this.failed(request, { maybeStored: true, cause: error })
      this.state = { kind: 'Fenced', error: fence }
      return fence
    }
    this.logger.warn({ transactionalId: this.transactionalId }, 'a transaction was given up: going on after it')
    // A commit that had been answered would have left nothing to give up.
    return this.failed(request, { maybeStored: false, cause: fence })
  }

  private async readyProducer(): Promise<Producer> {
    if (this.state.kind === 'Fenced') throw this.state.error
    if (this.state.kind !== 'Ready') throw new Error(this.state.kind === 'New' ? 'not initialised' : 'closed')
    if (!this.state.clean) await this.start(this.state.producer, STEP_ATTEMPTS_MAX)
    return this.state.producer
  }

  private async produce(producer: Producer, { topic, partition, records }: Request): Promise<void> {
    const place = `${topic}/${partition}`
    if (this.cluster.leaderOf(topic, partition) === undefined) await this.cluster.refresh(topic)
    const leader = this.cluster.leaderOf(topic, partition)
    if (leader === undefined) throw new Error(this.cluster.problemOf(topic) ?? 'no leader')
    const sequence = this.sequences.get(place) ?? 0
    const batch = encodeBatch(records, this.clock.now(), { ...producer, sequence })
    const batches = new Map([[topic, new Map([[partition, batch]])]])
    const link = await this.cluster.link(leader)
    try {
      const answer = await link.send(produceCall(batches, REPLICAS_MS_MAX, this.transactionalId))
      this.check(answer.partitions[0]?.errorCode ?? -1, 'Produce')
    } catch (error) {
      this.cluster.drop(link)
      this.cluster.forget(topic, partition)
      throw error
    }
    this.sequences.set(place, sequence + records.length)
  }

  /** Asks the coordinator, again while it cannot answer. Throws Fenced, or what came last. */
  private async ask<T extends { errorCode: number }>(call: Call<T>, attemptsMax: number): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let link: BrokerLink | undefined
      let problem: unknown
      try {
        link = await this.coordinator.link()
        const answer = await link.send(call)
        if (!TRY_AGAIN.has(answer.errorCode)) {
          this.check(answer.errorCode, call.apiName)
          return answer
        }
        problem = new Error(`${call.apiName}: ${errorName(answer.errorCode)}`)
        if (answer.errorCode === ErrorCode.NOT_COORDINATOR) this.coordinator.forget()
      } catch (error) {
        if (error instanceof Fenced || error instanceof StepRefused) throw error
        problem = error
        this.coordinator.forget()
        if (link !== undefined) this.cluster.drop(link)
      }
      if (attempt >= attemptsMax) throw problem
      this.logger.debug({ transactionalId: this.transactionalId, attempt, err: problem }, 'a transaction step waits')
      await this.clock.sleep(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (attempt - 1)))
    }
  }

  private check(errorCode: number, step: string): void {
    if (errorCode === ErrorCode.NONE) return
    if (FENCED.has(errorCode)) throw new Fenced(this.transactionalId, `${step}: ${errorName(errorCode)}`)
    throw new StepRefused(`${step}: ${errorName(errorCode)}`)
  }

  private failed(request: Request, options: { maybeStored: boolean; cause: unknown }): AppendFailed {
    const { topic, partition } = request
    const why = messageOf(options.cause)
    return new AppendFailed(`${topic}/${partition} as ${this.transactionalId}: ${why}`, options)
  }
}

/** The broker said no, and asking again would not help. */
class StepRefused extends Error {
  override readonly name = 'StepRefused'
}

/** Records in the sizes that one append of the log may have. */
function batchesOf(records: readonly LogRecord[]): LogRecord[][] {
  const batches: LogRecord[][] = []
  let batch: LogRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    if (batch.length > 0 && (batch.length >= APPEND_RECORDS_MAX || bytes + size > APPEND_BYTES_MAX)) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += size
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
