import { BadOptions, type NumberRange, numberFlag, parseFlags } from '../options.ts'
import type { CoreOptions } from './core.ts'
import type { RestoreOptions } from './restore.ts'

export type StateBenchOptions =
  | { command: 'core'; json: boolean; parameters: CoreOptions }
  | { command: 'restore'; json: boolean; start: boolean; parameters: RestoreOptions }

export const CORE_HELP = `npm run bench -- core [flags]

How many packs per second one thread decides, on the state in memory and in LMDB; no log, no network.

  --slices N      measured slices of each kind (15)
  --packs N       packs of a slice (20000)
  --batch N       packs that are committed together (200)
  --sessions N    sessions that exist before (100000)
  --bytes B       length of a message's text (100)
  --seed N        of the packs (1)
  --json          exactly one JSON object on standard output
  --help          this text
`

export const RESTORE_HELP = `npm run bench -- restore [flags]

Builds a partition on Kafka and LMDB and starts the sequencer on it: on the local checkpoint, after kill -9 on the same
disk, and on an empty disk. The topics are removed afterwards.

  --sessions N    sessions of the partition (1000000)
  --packs N       packs in the dedupe window (100000)
  --bytes B       length of a message's text (100)
  --repeat N      starts of each kind (3)
  --seed N        of the packs (1)
  --start         start a stack of its own instead of using the one that runs
  --json          exactly one JSON object on standard output
  --help          this text

The exit code is 0 when every start has answered known packs as repeated and new ones with the next seq.
`

const COUNT: NumberRange = { min: 1, max: 100_000_000, isWhole: true }
const BATCH: NumberRange = { min: 1, max: 500, isWhole: true }
const BYTES: NumberRange = { min: 1, max: 60_000, isWhole: true }
const REPEAT: NumberRange = { min: 1, max: 1_000, isWhole: true }

/** Reads the command line of core or restore; a text is the help that was asked for. Throws BadOptions. */
export function parseStateOptions([command, ...args]: readonly string[]): StateBenchOptions | string {
  if (command === 'core') return parseCore(args)
  if (command === 'restore') return parseRestore(args)
  throw new BadOptions(`${command}: neither core nor restore`)
}

function parseCore(args: readonly string[]): StateBenchOptions | string {
  const flags = parseFlags(args, ['slices', 'packs', 'batch', 'sessions', 'bytes', 'seed'], ['json', 'help'])
  if (flags.help === true) return CORE_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const parameters = {
    slices: number('slices', 15, REPEAT),
    packs: number('packs', 20_000, COUNT),
    batch: number('batch', 200, BATCH),
    sessions: number('sessions', 100_000, COUNT),
    bytes: number('bytes', 100, BYTES),
    seed: number('seed', 1, COUNT),
  }
  return { command: 'core', json: flags.json === true, parameters }
}

function parseRestore(args: readonly string[]): StateBenchOptions | string {
  const flags = parseFlags(args, ['sessions', 'packs', 'bytes', 'repeat', 'seed'], ['start', 'json', 'help'])
  if (flags.help === true) return RESTORE_HELP
  const number = (name: string, standard: number, range: NumberRange) =>
    numberFlag(`--${name}`, String(flags[name] ?? standard), range)
  const parameters = {
    sessions: number('sessions', 1_000_000, COUNT),
    packs: number('packs', 100_000, COUNT),
    bytes: number('bytes', 100, BYTES),
    repeat: number('repeat', 3, REPEAT),
    seed: number('seed', 1, COUNT),
  }
  return { command: 'restore', json: flags.json === true, start: flags.start === true, parameters }
}
