import { parseArgs } from 'node:util'
import { BadOptions, type NumberRange, numberFlag } from '../../bench/options.ts'
import type { Random } from '../../infra/clock.ts'

export interface ContractOptions {
  /** Examples of each operation, at least. */
  examples: number
  /** The same seed makes the same examples. */
  seed: number
  /** Operations to be called; empty: all. */
  operations: string[]
}

export const CONTRACT_HELP = `npm run contract -- [flags]

Starts the product on free ports and an empty directory, and lets schemathesis call every operation of /openapi.json with
valid and with broken requests. Every answer must have a status, a type and a shape that the document names, and no
status from 500 on; every operation must succeed at least once. schemathesis is installed once into the cache of the
user: that needs Python 3.10 or later, and PyPI.

  --examples N     examples of each operation, at least (100)
  --seed N         repeats a run (drawn, and printed)
  --operation ID   only this operation; may be given several times
  --help           this text

Exit code 0: every operation kept its word; 1: one did not; 2: the arguments mean nothing.
`

const EXAMPLES: NumberRange = { min: 1, max: 100_000, isWhole: true }
const SEED: NumberRange = { min: 0, max: 2 ** 32 - 1, isWhole: true }

/** Reads the command line; undefined when help is asked for. Throws BadOptions. */
export function parseContractOptions(args: readonly string[], random: Random): ContractOptions | undefined {
  const { help, examples, seed, operation } = parse(args)
  if (help === true) return undefined
  return {
    examples: numberFlag('--examples', examples ?? '100', EXAMPLES),
    seed: seed === undefined ? random.bytes(4).readUInt32BE() : numberFlag('--seed', seed, SEED),
    operations: operation ?? [],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        examples: { type: 'string' },
        seed: { type: 'string' },
        operation: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BadOptions(error instanceof Error ? error.message : String(error))
  }
}
