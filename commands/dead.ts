import { BadConfig } from '../infra/config.ts'
import { type DeadAction, writeDeadAction } from '../processors/dead-letter.ts'
import { type Letter, readLetters } from '../processors/dead-letters.ts'
import { readEventAt } from '../verify/read-log.ts'
import { type Context, closeContext, openContext } from './context.ts'

export const DEAD_USAGE = `dead list [--all] [--json]      letters that wait; with --all also those that were dealt with
  dead inspect ID                 one letter, with the record that it is about
  dead retry ID [ID ...]          puts the record back through the processor that failed, and waits for the answer
  dead discard ID [--reason TEXT] gives a letter up; that it was, by whom and why stays on im.dead`

/** How long a retry may take until the processor has answered, in ms. */
const ANSWER_MS_MAX = 15_000
const ANSWER_POLL_MS = 300

export interface DeadOptions {
  env: NodeJS.ProcessEnv
  /** What stands behind `dead`. */
  words: readonly string[]
  all: boolean
  json: boolean
  reason: string | undefined
  print?: (line: string) => void
}

/** Works on dead letters. 0: done; 1: a retry did not help or was not answered; 2: bad input, or no such letter. */
export async function deadCommand(options: DeadOptions): Promise<number> {
  const [verb, ...ids] = options.words
  const needsIds = { list: false, inspect: true, retry: true, discard: true }[verb ?? '']
  if (needsIds === undefined || needsIds !== ids.length > 0) throw new BadConfig(`usage:\n  ${DEAD_USAGE}`)
  const context = await openContext({ PACKLOG_LOG_LEVEL: 'silent', ...options.env }, 'dead')
  try {
    return await new Desk(context, options).work(verb!, ids)
  } finally {
    await closeContext(context)
  }
}

class Desk {
  private readonly context: Context
  private readonly options: DeadOptions
  private readonly print: (line: string) => void

  constructor(context: Context, options: DeadOptions) {
    this.context = context
    this.options = options
    this.print = options.print ?? (line => process.stdout.write(`${line}\n`))
  }

  async work(verb: string, ids: readonly string[]): Promise<number> {
    if (verb === 'list') return this.list()
    const letters = await this.find(ids)
    switch (verb) {
      case 'inspect':
        return this.inspect(letters)
      case 'retry':
        return this.retry(letters)
      default:
        return this.discard(letters)
    }
  }

  private letters(): Promise<Letter[]> {
    const { log, topics } = this.context
    return readLetters({ log, dead: topics.dead })
  }

  /** Throws BadConfig where one is not there: nothing is done then. */
  private async find(ids: readonly string[]): Promise<Letter[]> {
    const byId = new Map((await this.letters()).map(letter => [letter.id, letter]))
    return ids.map(id => {
      const letter = byId.get(id)
      if (letter === undefined) throw new BadConfig(`there is no dead letter ${id}: see \`npm run dead -- list --all\``)
      return letter
    })
  }

  private async list(): Promise<number> {
    const { all, json } = this.options
    const letters = (await this.letters()).filter(letter => all || waits(letter))
    if (json) {
      this.print(JSON.stringify(letters.map(plain)))
      return 0
    }
    for (const letter of letters) this.print(lineOf(letter))
    this.print(letters.length === 0 ? 'no dead letters wait' : `${letters.length} dead letters`)
    return 0
  }

  private async inspect(letters: readonly Letter[]): Promise<number> {
    for (const letter of letters)
      this.print(JSON.stringify({ ...plain(letter), record: await this.record(letter) }, null, 2))
    return 0
  }

  /** What the letter is about, as the log holds it. */
  private async record({ place }: Letter): Promise<unknown> {
    const { log, topics, codecs } = this.context
    if (place.topic !== topics.events.name) return `on ${place.topic}, which this command cannot decode`
    const source = { log, topic: topics.events.name, codec: codecs.events }
    try {
      const event = await readEventAt(source, place.partition, place.offset)
      return event === undefined ? GONE : { ...event, digest: event.digest.toString('hex') }
    } catch (error) {
      return `it cannot be read: ${(error as Error).message}`
    }
  }

  private async retry(letters: readonly Letter[]): Promise<number> {
    for (const letter of letters) {
      if (!waits(letter)) throw new BadConfig(`${letter.id} is ${letter.state}: only what waits can be tried again`)
    }
    for (const letter of letters) await this.say(letter, 'retry')
    const answers = await this.answers(letters)
    for (const letter of answers) this.print(lineOf(letter))
    const late = answers.filter(({ state }) => state === 'retrying')
    if (late.length > 0) {
      const who = [...new Set(late.map(({ place }) => place.processor))].join(', ')
      this.print(`no answer within ${ANSWER_MS_MAX / 1_000} s: ${who} will try when it runs`)
    }
    return answers.every(({ state }) => state === 'applied') ? 0 : 1
  }

  private async answers(asked: readonly Letter[]): Promise<Letter[]> {
    const { clock } = this.context
    const ids = new Set(asked.map(({ id }) => id))
    const deadline = clock.monotonic() + ANSWER_MS_MAX
    for (;;) {
      const letters = (await this.letters()).filter(({ id }) => ids.has(id))
      if (letters.every(({ state }) => state !== 'retrying') || clock.monotonic() > deadline) return letters
      await clock.sleep(ANSWER_POLL_MS)
    }
  }

  private async discard(letters: readonly Letter[]): Promise<number> {
    for (const letter of letters) await this.say(letter, 'discarded', this.options.reason)
    for (const { id } of letters) this.print(`${id} is discarded`)
    return 0
  }

  private async say({ place, key }: Letter, action: DeadAction, error?: string): Promise<void> {
    const { log, topics } = this.context
    const said = { action, key, by: OPERATOR, ...(error === undefined ? {} : { error }) }
    await writeDeadAction({ log, dead: topics.dead }, place, said)
  }
}

const OPERATOR = 'operator'
const GONE = 'the log no longer holds it'

function waits({ state }: Letter): boolean {
  return state === 'open' || state === 'failed' || state === 'retrying'
}

function plain({ id, place, key, error, state, at, changedAt, by }: Letter): Record<string, unknown> {
  const times = { at: new Date(at).toISOString(), changedAt: new Date(changedAt).toISOString() }
  return { id, ...place, sessionId: key?.toString() ?? null, state, error, ...times, by }
}

function lineOf({ id, key, state, error, changedAt }: Letter): string {
  return `${id}  ${state}  ${key?.toString() ?? '-'}  ${new Date(changedAt).toISOString()}  ${error}`
}
