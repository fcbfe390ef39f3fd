import { ANSWER_MS_MAX, DeadDesk, waits } from '../gateway/dead/dead-desk.ts'
import { BadConfig } from '../infra/config.ts'
import type { Letter } from '../processors/dead-letters.ts'
import { closeContext, openContext } from './context.ts'

export const DEAD_USAGE = `dead list [--all] [--json]      letters that wait; with --all also those that were dealt with
  dead inspect ID                 one letter, with the record that it is about
  dead retry ID [ID ...]          puts the record back through the processor that failed, and waits for the answer
  dead discard ID [--reason TEXT] gives a letter up; that it was, by whom and why stays on im.dead`

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
    const { log, topics, codecs, clock } = context
    return await new Desk(new DeadDesk({ log, topics, codec: codecs.events, clock }), options).work(verb!, ids)
  } finally {
    await closeContext(context)
  }
}

class Desk {
  private readonly desk: DeadDesk
  private readonly options: DeadOptions
  private readonly print: (line: string) => void

  constructor(desk: DeadDesk, options: DeadOptions) {
    this.desk = desk
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

  /** Throws BadConfig where one is not there: nothing is done then. */
  private async find(ids: readonly string[]): Promise<Letter[]> {
    const byId = new Map((await this.desk.letters()).map(letter => [letter.id, letter]))
    return ids.map(id => {
      const letter = byId.get(id)
      if (letter === undefined) throw new BadConfig(`there is no dead letter ${id}: see \`npm run dead -- list --all\``)
      return letter
    })
  }

  private async list(): Promise<number> {
    const { all, json } = this.options
    const letters = (await this.desk.letters()).filter(letter => all || waits(letter))
    if (json) {
      this.print(JSON.stringify(letters.map(plain)))
      return 0
    }
    for (const letter of letters) this.print(lineOf(letter))
    this.print(letters.length === 0 ? 'no dead letters wait' : `${letters.length} dead letters`)
    return 0
  }

  private async inspect(letters: readonly Letter[]): Promise<number> {
    for (const letter of letters) {
      const shown = await this.desk.record(letter)
      const record = 'event' in shown ? shown.event : shown.fault
      this.print(JSON.stringify({ ...plain(letter), record }, null, 2))
    }
    return 0
  }

  private async retry(letters: readonly Letter[]): Promise<number> {
    for (const letter of letters) {
      if (!waits(letter)) throw new BadConfig(`${letter.id} is ${letter.state}: only what waits can be tried again`)
    }
    const answers = await this.desk.retry(letters, OPERATOR)
    for (const letter of answers) this.print(lineOf(letter))
    const late = answers.filter(({ state }) => state === 'retrying')
    if (late.length > 0) {
      const who = [...new Set(late.map(({ place }) => place.processor))].join(', ')
      this.print(`no answer within ${ANSWER_MS_MAX / 1_000} s: ${who} will try when it runs`)
    }
    return answers.every(({ state }) => state === 'applied') ? 0 : 1
  }

  private async discard(letters: readonly Letter[]): Promise<number> {
    await this.desk.discard(letters, { by: OPERATOR, reason: this.options.reason })
    for (const { id } of letters) this.print(`${id} is discarded`)
    return 0
  }
}

const OPERATOR = 'operator'

function plain({ id, place, key, error, state, at, changedAt, by }: Letter): Record<string, unknown> {
  const times = { at: new Date(at).toISOString(), changedAt: new Date(changedAt).toISOString() }
  return { id, ...place, sessionId: key?.toString() ?? null, state, error, ...times, by }
}

function lineOf({ id, key, state, error, changedAt }: Letter): string {
  return `${id}  ${state}  ${key?.toString() ?? '-'}  ${new Date(changedAt).toISOString()}  ${error}`
}
