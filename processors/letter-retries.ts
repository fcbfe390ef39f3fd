import type { Logger } from '../infra/logger.ts'
import type { Partition } from '../schemas/ids.ts'
import type { Log, LogReader, StoredRecord } from '../topics/log.ts'
import { readRecordAt } from '../topics/read-range.ts'
import type { Topic } from '../topics/topics.ts'
import type { Position } from '../topics/valid-events.ts'
import { type DeadAction, writeDeadAction } from './dead-letter.ts'
import { foldLetter, type Letter } from './dead-letters.ts'
import type { EventIntake } from './event-intake.ts'
import type { RetryLoop } from './retry-loop.ts'
import type { View } from './view.ts'

export interface LetterRetriesOptions {
  log: Log
  dead: Topic
  logger: Logger
  view: Pick<View, 'name' | 'apply' | 'reasonToSkip'>
  intake: Pick<EventIntake, 'decode'>
  retry: Pick<RetryLoop, 'run'>
}

/**
 * Tries again what operators want of the letters of one view, as im.dead itself says it: a request that comes while the
 * processor is away is met when it is back, and one that was answered is not met twice.
 */
export class LetterRetries {
  private readonly options: LetterRetriesOptions
  private readonly letters = new Map<string, Letter>()
  private readonly wanted = new Map<Partition, Map<string, Letter>>()
  private reader: LogReader | undefined

  constructor(options: LetterRetriesOptions) {
    this.options = options
  }

  /** Begins to read. A failure of the topic never holds up the view: `done` of the reader settles with it. */
  async start(partitions: readonly Partition[]): Promise<void> {
    const { log, dead: topic } = this.options
    const bounds = await log.bounds(topic.name)
    const wanted = new Set(partitions.map(partition => partition % topic.partitions))
    const from = new Map([...bounds].filter(([dead]) => wanted.has(dead)).map(([dead, { start }]) => [dead, start]))
    this.reader = log.read({
      topic: topic.name,
      from,
      pauseMs: RETRIES_PAUSE_MS,
      onBatch: ({ records }) => {
        for (const record of records) this.note(foldLetter(this.letters, record))
      },
    })
    this.reader.done.catch(() => {})
  }

  private note(letter: Letter | undefined): void {
    if (letter === undefined || letter.place.processor !== this.options.view.name) return
    const { partition } = letter.place
    const wanted = this.wanted.get(partition) ?? new Map<string, Letter>()
    if (letter.state === 'retrying') wanted.set(letter.id, letter)
    else wanted.delete(letter.id)
    this.wanted.set(partition, wanted)
  }

  /**
   * Applies what operators asked for in a partition, the oldest record first; the view stays at `position`. Its caller gives
   * the view nothing meanwhile.
   */
  async retry(partition: Partition, position: Position, signal: AbortSignal): Promise<void> {
    for (const letter of this.of(partition)) {
      if (signal.aborted) return
      await this.options.retry.run('trying a dead letter again', () => this.retryOne(letter, position))
    }
  }

  private async retryOne(letter: Letter, position: Position): Promise<void> {
    const { log, logger, view } = this.options
    const { topic, partition, offset } = letter.place
    const record = await readRecordAt({ log, topic }, { partition, offset })
    const reason =
      record === undefined
        ? 'the log no longer holds the record'
        : await this.applyAgain({ partition, record, position })
    await this.answer(letter, reason === undefined ? 'applied' : 'failed', reason)
    logger.info({ view: view.name, letter: letter.id, reason }, 'a dead letter was tried again')
  }

  /** Applies one event that was passed over. Gives why it still cannot be applied. */
  private async applyAgain(one: {
    partition: Partition
    record: StoredRecord
    position: Position
  }): Promise<string | undefined> {
    const { intake, view } = this.options
    const { partition, record, position } = one
    const place = { offset: record.offset, cause: null, hash: null }
    const events = await intake.decode({ partition, records: [record], positions: [place] })
    const event = events?.[0]?.event
    if (event === undefined) return 'the processor was stopped meanwhile'
    const reason = view.reasonToSkip?.(event)
    if (reason === undefined) await view.apply({ partition, events: events!, position })
    return reason
  }

  private of(partition: Partition): Letter[] {
    const wanted = this.wanted.get(partition)
    if (wanted === undefined || wanted.size === 0) return []
    return [...wanted.values()].sort((a, b) => a.place.offset - b.place.offset)
  }

  /** Writes what came of it, and asks for it no more. */
  private async answer(letter: Letter, action: DeadAction, error?: string): Promise<void> {
    const { log, dead, view } = this.options
    const said = { action, key: letter.key, by: view.name, ...(error === undefined ? {} : { error }) }
    await writeDeadAction({ log, dead }, letter.place, said)
    this.wanted.get(letter.place.partition)?.delete(letter.id)
  }

  async close(): Promise<void> {
    await this.reader?.close()
  }
}

/** An operator waits for it; nobody else does. */
const RETRIES_PAUSE_MS = 500
