import { BadOptions, type NumberRange, numberFlag, parseFlags } from '../options.ts'
import type { FillParameters } from './fill.ts'

export interface ViewsBenchOptions {
  command: 'verify' | 'rebuild'
  json: boolean
  keep: boolean
  parameters: FillParameters
  threads: string | undefined
}

export const VIEWS_HELP = `npm run bench -- verify|rebuild [flags]

Fills im.events of its own (with a prefix, on the servers of the stack that runs) with generated traffic, then measures

  rebuild   how fast history and membership are built from it into Redis
  verify    the same, and the archive; then how fast all views are compared with the log

What was made is removed afterwards. For figures beside other traffic, run npm run bench -- chat at the same time.

  --sessions N    sessions: nine chats of two for every group of eight (100000)
  --events N      events in all (three for each session)
  --users N       users (as many as sessions)
  --bytes B       length of a message's text, about (100)
  --seed N        of the traffic (1)
  --threads N     of a rebuild of history or membership (one per core)
  --keep          leave everything, and say how to look at it
  --json          exactly one JSON object on standard output
  --help          this text

The exit code is 0 when the views are equal to the log.
`

const COUNT: NumberRange = { min: 1, max: 100_000_000, isWhole: true }
/** The first sessions are those of one user. */
const SESSIONS: NumberRange = { min: 600, max: 100_000_000, isWhole: true }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const EVENTS_PER_SESSION = 3

/** Reads the command line; a text is the help that was asked for. Throws BadOptions. */
export function parseViewsOptions([command, ...args]: readonly string[]): ViewsBenchOptions | string {
  if (command !== 'verify' && command !== 'rebuild') throw new BadOptions(`${command}: neither verify nor rebuild`)
  const flags = parseFlags(args, ['sessions', 'events', 'users', 'bytes', 'seed', 'threads'], ['keep', 'json', 'help'])
  if (flags.help === true) return VIEWS_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const sessions = number('sessions', 100_000, SESSIONS)
  const parameters = {
    sessions,
    events: number('events', EVENTS_PER_SESSION * sessions, COUNT),
    users: number('users', sessions, COUNT),
    textBytes: number('bytes', 100, BYTES),
    seed: number('seed', 1, COUNT),
  }
  const threads = flags.threads === undefined ? undefined : String(flags.threads)
  return { command, json: flags.json === true, keep: flags.keep === true, parameters, threads }
}
