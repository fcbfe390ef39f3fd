import type { Offset, Partition } from '../schemas/ids.ts'
import type { Log, StoredRecord } from '../topics/log.ts'
import type { Topic } from '../topics/topics.ts'

/**
 * im.dead: which records a processor could not read or apply, where they are and why, and what operators did about them.
 * Written at least once: a batch that is tried again writes its letters again.
 *
 * A letter has the key and the place of its record and not its value: what people wrote stands in one log only, and
 * where it is erased nothing of it is left here. `npm run dead -- inspect` reads it where it is.
 *
 * Every record has the headers topic, partition, offset and processor, which name the letter (`letterId`). One without
 * `action` is the letter, with an `error`; the others tell, in order, what became of it (dead-letters.ts).
 */
export interface DeadLetters {
  /** Rejects with AppendFailed; the caller tries again before it goes on. */
  write(letter: { partition: Partition; record: StoredRecord; error: string }): Promise<void>
}

/** What was done about a letter: asked by an operator (retry, discarded), or answered by the processor. */
export const DEAD_ACTIONS = ['retry', 'applied', 'failed', 'discarded'] as const
export type DeadAction = (typeof DEAD_ACTIONS)[number]

/** The record that a letter is about, and who could not apply it. */
export interface DeadPlace {
  processor: string
  topic: string
  partition: Partition
  offset: Offset
}

/** Longest text of an error in a header, in characters. */
export const DEAD_ERROR_CHARS_MAX = 1_000

/** How a letter is named on a command line: `history/im.events/3/120`. */
export function letterId({ processor, topic, partition, offset }: DeadPlace): string {
  return `${processor}/${topic}/${partition}/${offset}`
}

export function makeDeadLetters({
  log,
  dead,
  topic,
  processor,
}: {
  log: Log
  /** Where to write. */
  dead: Topic
  /** Name of the topic that the records come from. */
  topic: string
  processor: string
}): DeadLetters {
  return {
    write: ({ partition, record, error }) =>
      appendDead({ log, dead }, { processor, topic, partition, offset: record.offset }, { key: record.key, error }),
  }
}

/** Says what was done about a letter. `error` is the reason: of a retry that failed, or of a letter that was discarded. */
export function writeDeadAction(
  to: { log: Log; dead: Topic },
  place: DeadPlace,
  said: { action: DeadAction; key: Buffer | null; by: string; error?: string },
): Promise<void> {
  return appendDead(to, place, said)
}

async function appendDead(
  { log, dead }: { log: Log; dead: Topic },
  place: DeadPlace,
  said: { key: Buffer | null; error?: string; action?: DeadAction; by?: string },
): Promise<void> {
  const { key, ...texts } = said
  const record = { key, value: null, headers: headersOf({ ...place, ...texts }) }
  await log.append({ topic: dead.name, partition: place.partition % dead.partitions, records: [record] })
}

function headersOf(texts: Record<string, string | number | undefined>): Record<string, Buffer> {
  const headers: Record<string, Buffer> = {}
  for (const [name, text] of Object.entries(texts)) {
    if (text !== undefined) headers[name] = Buffer.from(String(text).slice(0, DEAD_ERROR_CHARS_MAX))
  }
  return headers
}
