import type { Clock, Millis } from '../../infra/clock.ts'
import { type DeadAction, writeDeadAction } from '../../processors/dead-letter.ts'
import { type Letter, readLetters } from '../../processors/dead-letters.ts'
import { type RecordCodec, UnknownSchema } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Log } from '../../topics/log.ts'
import { readRecordAt } from '../../topics/read-range.ts'
import type { Topics } from '../../topics/topics.ts'

/** How long a retry may take until the processor has answered. */
export const ANSWER_MS_MAX: Millis = 15_000
const ANSWER_POLL_MS: Millis = 300

/** What operators and partners do about dead letters, whichever way they ask. Rejects when the log cannot be read. */
export class DeadDesk {
  private readonly options: { log: Log; topics: Topics; codec: RecordCodec<Event>; clock: Clock }

  constructor(options: DeadDesk['options']) {
    this.options = options
  }

  /** All letters, the oldest first. */
  letters(): Promise<Letter[]> {
    const { log, topics } = this.options
    return readLetters({ log, dead: topics.dead })
  }

  async find(id: string): Promise<Letter | undefined> {
    return (await this.letters()).find(letter => letter.id === id)
  }

  /** The event that the letter is about, or why it cannot be shown. */
  async record({ place }: Letter): Promise<{ event: Record<string, unknown> } | { fault: string }> {
    const { log, topics, codec } = this.options
    if (place.topic !== topics.events.name) return { fault: `on ${place.topic}, which cannot be decoded here` }
    try {
      const record = await readRecordAt({ log, topic: topics.events.name }, place)
      if (record === undefined) return { fault: 'the log no longer holds it' }
      const event = await decode(codec, record.value!)
      return { event: { ...event, digest: event.digest.toString('hex') } }
    } catch (error) {
      return { fault: `it cannot be read: ${(error as Error).message}` }
    }
  }

  /** Puts what waits back to its processors, and gives the letters as they are once all are answered, or it is too late. */
  async retry(letters: readonly Letter[], by: string): Promise<Letter[]> {
    for (const letter of letters) await this.say(letter, { action: 'retry', by })
    const { clock } = this.options
    const ids = new Set(letters.map(({ id }) => id))
    const deadline = clock.monotonic() + ANSWER_MS_MAX
    for (;;) {
      const asked = (await this.letters()).filter(({ id }) => ids.has(id))
      if (asked.every(({ state }) => state !== 'retrying') || clock.monotonic() > deadline) return asked
      await clock.sleep(ANSWER_POLL_MS)
    }
  }

  async discard(
    letters: readonly Letter[],
    { by, reason }: { by: string; reason?: string | undefined },
  ): Promise<void> {
    for (const letter of letters) {
      await this.say(letter, { action: 'discarded', by, ...(reason === undefined ? {} : { error: reason }) })
    }
  }

  private say({ place, key }: Letter, said: { action: DeadAction; by: string; error?: string }): Promise<void> {
    const { log, topics } = this.options
    return writeDeadAction({ log, dead: topics.dead }, place, { ...said, key })
  }
}

/** True where nothing final was done about it. */
export function waits({ state }: Letter): boolean {
  return state === 'open' || state === 'failed' || state === 'retrying'
}

async function decode(codec: RecordCodec<Event>, bytes: Buffer): Promise<Event> {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (!(error instanceof UnknownSchema) || !(await codec.learn(error.schemaId))) throw error
    return codec.decode(bytes)
  }
}
