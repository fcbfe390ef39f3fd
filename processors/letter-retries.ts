import type { Partition } from '../schemas/ids.ts'
import type { Log, LogReader } from '../topics/log.ts'
import type { Topic } from '../topics/topics.ts'
import { type DeadAction, writeDeadAction } from './dead-letter.ts'
import { foldLetter, type Letter } from './dead-letters.ts'

/**
 * Which letters of one processor operators want tried again, read from im.dead itself: a request that comes while the
 * processor is away is met when it is back, and one that was answered is not met twice.
 */
export class LetterRetries {
  private readonly log: Log
  private readonly dead: Topic
  private readonly processor: string
  private readonly letters = new Map<string, Letter>()
  private readonly wanted = new Map<Partition, Map<string, Letter>>()
  private reader: LogReader | undefined

  constructor({ log, dead, processor }: { log: Log; dead: Topic; processor: string }) {
    this.log = log
    this.dead = dead
    this.processor = processor
  }

  /** Begins to read. A failure of the topic never holds up the view: `done` of the reader settles with it. */
  async start(partitions: readonly Partition[]): Promise<void> {
    const bounds = await this.log.bounds(this.dead.name)
    const wanted = new Set(partitions.map(partition => partition % this.dead.partitions))
    const from = new Map([...bounds].filter(([dead]) => wanted.has(dead)).map(([dead, { start }]) => [dead, start]))
    this.reader = this.log.read({
      topic: this.dead.name,
      from,
      pauseMs: RETRIES_PAUSE_MS,
      onBatch: ({ records }) => {
        for (const record of records) this.note(foldLetter(this.letters, record))
      },
    })
    this.reader.done.catch(() => {})
  }

  private note(letter: Letter | undefined): void {
    if (letter === undefined || letter.place.processor !== this.processor) return
    const { partition } = letter.place
    const wanted = this.wanted.get(partition) ?? new Map<string, Letter>()
    if (letter.state === 'retrying') wanted.set(letter.id, letter)
    else wanted.delete(letter.id)
    this.wanted.set(partition, wanted)
  }

  /** What is to be tried again in a partition, the oldest record first. */
  of(partition: Partition): Letter[] {
    const wanted = this.wanted.get(partition)
    if (wanted === undefined || wanted.size === 0) return []
    return [...wanted.values()].sort((a, b) => a.place.offset - b.place.offset)
  }

  /** Writes what came of it, and asks for it no more. */
  async answer(letter: Letter, action: DeadAction, error?: string): Promise<void> {
    const said = { action, key: letter.key, by: this.processor, ...(error === undefined ? {} : { error }) }
    await writeDeadAction({ log: this.log, dead: this.dead }, letter.place, said)
    this.wanted.get(letter.place.partition)?.delete(letter.id)
  }

  async close(): Promise<void> {
    await this.reader?.close()
  }
}

/** An operator waits for it; nobody else does. */
const RETRIES_PAUSE_MS = 500
