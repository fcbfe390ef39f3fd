import type { Millis } from '../infra/clock.ts'
import type { Log, StoredRecord } from '../topics/log.ts'
import { readRecords } from '../topics/read-range.ts'
import type { Topic } from '../topics/topics.ts'
import { DEAD_ACTIONS, type DeadAction, type DeadPlace, letterId } from './dead-letter.ts'

/** The letters of im.dead and what became of them: a fold of the topic. */

/** `open`: nothing was done; `retrying`: asked for and not answered yet; `failed`: the retry did not help either. */
export type LetterState = 'open' | 'retrying' | 'failed' | 'applied' | 'discarded'

export interface Letter {
  id: string
  place: DeadPlace
  key: Buffer | null
  /** Why it is here: of the letter, or of its last retry. */
  error: string
  state: LetterState
  /** When it was written first, and when something was done about it last. */
  at: Millis
  changedAt: Millis
  /** Who did that; empty where nobody did anything. */
  by: string
}

const STATE_AFTER: Record<DeadAction, LetterState> = {
  retry: 'retrying',
  applied: 'applied',
  failed: 'failed',
  discarded: 'discarded',
}

/** Takes a record of im.dead in; gives the letter that it is about, undefined for a record that is none of ours. */
export function foldLetter(letters: Map<string, Letter>, record: StoredRecord): Letter | undefined {
  const place = placeOf(record)
  if (place === undefined) return undefined
  const id = letterId(place)
  const action = textOf(record, 'action')
  const before = letters.get(id)
  const error = textOf(record, 'error') ?? ''
  if (action === undefined) {
    // The same batch tried again writes it again: what became of it in between stays.
    if (before !== undefined) return before
    const letter: Letter = {
      id,
      place,
      key: record.key,
      error,
      state: 'open',
      at: record.appendedAt,
      changedAt: record.appendedAt,
      by: '',
    }
    letters.set(id, letter)
    return letter
  }
  if (before === undefined || !isAction(action)) return undefined
  const letter = {
    ...before,
    state: STATE_AFTER[action],
    error: error === '' ? before.error : error,
    changedAt: record.appendedAt,
    by: textOf(record, 'by') ?? '',
  }
  letters.set(id, letter)
  return letter
}

function isAction(text: string): text is DeadAction {
  return (DEAD_ACTIONS as readonly string[]).includes(text)
}

function placeOf(record: StoredRecord): DeadPlace | undefined {
  const [processor, topic] = [textOf(record, 'processor'), textOf(record, 'topic')]
  const [partition, offset] = [Number(textOf(record, 'partition')), Number(textOf(record, 'offset'))]
  if (processor === undefined || topic === undefined) return undefined
  if (!Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return undefined
  return { processor, topic, partition, offset }
}

function textOf(record: StoredRecord, header: string): string | undefined {
  return record.headers[header]?.toString()
}

/** Reads the whole topic; the oldest letter first. */
export async function readLetters({ log, dead }: { log: Log; dead: Topic }): Promise<Letter[]> {
  const letters = new Map<string, Letter>()
  for (const [partition, { start, end }] of await log.bounds(dead.name)) {
    await readRecords({ log, topic: dead.name }, { partition, from: start, to: end }, async records => {
      for (const record of records) foldLetter(letters, record)
    })
  }
  return [...letters.values()].sort((a, b) => a.at - b.at)
}
