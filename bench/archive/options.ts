import { BadOptions, type NumberRange, numberFlag, parseFlags } from '../options.ts'

export interface ArchiveBenchOptions {
  json: boolean
  keep: boolean
  parameters: ArchiveBenchParameters
}

export interface ArchiveBenchParameters {
  messages: number
  textBytes: number
  users: number
  sessions: number
  partitions: number
  searches: number
  seed: number
}

export const ARCHIVE_HELP = `npm run bench -- archive [flags]

Fills an archive of its own in the ClickHouse that runs (npm start, or CLICKHOUSE_URL) with generated traffic, through the
archive's own view, then measures: events stored per second from a cold start, bytes on disk, the queries of
docs/analytics.md, and searches in ${500} sessions, one at a time and four at a time.

  --messages N    messages; edits, marks and the like come on top (1000000)
  --bytes B       UTF-8 bytes of a text, about (200)
  --users N       (50000)
  --sessions N    single chats and groups (20000)
  --partitions N  (12)
  --searches N    fixed queries of four kinds: rare and common words, two characters, no hit (200)
  --seed N        of the traffic and the queries (1)
  --keep          leave the database there
  --json          exactly one JSON object on standard output
  --help          this text

The exit code is 0 when no search was given up.
`

const COUNT: NumberRange = { min: 1, max: 100_000_000, isWhole: true }
const SESSIONS: NumberRange = { min: 600, max: 10_000_000, isWhole: true }
const BYTES: NumberRange = { min: 10, max: 10_000, isWhole: true }
const PARTITIONS: NumberRange = { min: 1, max: 64, isWhole: true }

/** Reads what stands behind `archive`; a text is the help that was asked for. Throws BadOptions. */
export function parseArchiveOptions([command, ...args]: readonly string[]): ArchiveBenchOptions | string {
  if (command !== 'archive') throw new BadOptions(`${command}: not archive`)
  const names = ['messages', 'bytes', 'users', 'sessions', 'partitions', 'searches', 'seed']
  const flags = parseFlags(args, names, ['keep', 'json', 'help'])
  if (flags.help === true) return ARCHIVE_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  return {
    json: flags.json === true,
    keep: flags.keep === true,
    parameters: {
      messages: number('messages', 1_000_000, COUNT),
      textBytes: number('bytes', 200, BYTES),
      users: number('users', 50_000, COUNT),
      sessions: number('sessions', 20_000, SESSIONS),
      partitions: number('partitions', 12, PARTITIONS),
      searches: number('searches', 200, COUNT),
      seed: number('seed', 1, COUNT),
    },
  }
}
