import { failureText, Totals } from './report.ts'
import { type RunResult, runSeed } from './run.ts'

/** Seeds are drawn from this range; each can be typed. */
export const SEED_MAX = 2 ** 31

export interface Campaign {
  totals: Totals
  /** The first run that failed. */
  failure: RunResult | undefined
}

/** Runs the seeds, one after the other, and ends at the first that fails. */
export async function runSeeds(
  seeds: Iterable<number>,
  onRun: (result: RunResult) => void = () => {},
): Promise<Campaign> {
  const totals = new Totals()
  for (const seed of seeds) {
    const result = await runSeed(seed)
    totals.add(result)
    onRun(result)
    if (result.findings.length > 0) return { totals, failure: result }
  }
  return { totals, failure: undefined }
}

/** A seed that nobody has chosen. */
export function freshSeed(): number {
  return Math.floor(Math.random() * SEED_MAX)
}

/** Throws what is to be said of the failure, where there is one. */
export function expectClean({ failure }: Campaign): void {
  if (failure !== undefined) throw new Error(failureText(failure))
}
