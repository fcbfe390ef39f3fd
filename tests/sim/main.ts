import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runSeeds } from './campaign.ts'
import { failureText } from './report.ts'
import type { RunResult } from './run.ts'
import { runWorkers } from './workers.ts'

/**
 * `npm run sim -- 817223` replays a seed, `npm run sim -- 1..500` runs a range, `npm run sim -- --seconds 60` runs
 * fresh seeds, in one process per core. Exit code 0: nothing was found; 1: a seed failed; 2: the arguments mean nothing.
 */
const USAGE = 'npm run sim -- SEED | FIRST..LAST | --seconds N [--workers N]'
const HELP = `${USAGE}

Runs the whole product on a virtual clock, with faults drawn from a seed, and audits what came of it (docs/simulation.md).

  SEED          runs one seed: the same faults at the same moments, and the same outcome, every time
  FIRST..LAST   runs a range of seeds, one after the other, up to the first that fails
  --seconds N   runs fresh seeds for so long
  --workers N   processes that do so (one per core)
  --help        this text

The exit code is 0 when nothing was found, 1 when a seed failed.`

async function main(): Promise<number> {
  const given = argumentsOf()
  if (given === undefined) {
    console.error(USAGE)
    return 2
  }
  if (given.isHelp) {
    console.log(HELP)
    return 0
  }
  const { seeds, seconds, workers } = given
  const { totals, failure } = seeds === undefined ? await runWorkers({ seconds, workers }) : await replay(seeds)
  console.log(String(totals))
  if (failure === undefined) return 0
  console.log(failure)
  return 1
}

/** Undefined where they mean nothing. */
function argumentsOf() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        workers: { type: 'string', default: String(availableParallelism()) },
        help: { type: 'boolean', default: false },
      },
    })
    const [seconds, workers] = [Number(values.seconds), Number(values.workers)]
    const seeds = seedsOf(positionals[0])
    const isMeant = values.help || seeds !== undefined || (seconds > 0 && workers >= 1)
    return isMeant ? { seeds, seconds, workers, isHelp: values.help } : undefined
  } catch {
    return undefined
  }
}

async function replay(seeds: Iterable<number>) {
  const { totals, failure } = await runSeeds(seeds, line)
  return { totals, failure: failure && failureText(failure) }
}

function seedsOf(range: string | undefined): Iterable<number> | undefined {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(range ?? '')
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2] ?? first)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)
}

function line({ options, steps, events, deliveries, fingerprint, findings }: RunResult): void {
  const outcome = findings.length === 0 ? 'ok' : 'FAILED'
  console.log(
    `seed ${options.seed} ${outcome}: ${steps} steps, ${events} events, ${deliveries} deliveries, ` +
      `${options.faults.length} kinds of faults, fingerprint ${fingerprint.toString(16)}`,
  )
}

process.exitCode = await main()
