import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { FAULTS, type FaultCounts, noFaults } from './faults.ts'
import type { RunResult } from './run.ts'

/** What is printed of runs. */

/** Everything that somebody needs who looks into a run that failed. */
export function failureText({ options, findings, notes }: RunResult): string {
  return [
    `seed ${options.seed} failed, commit ${commit()}`,
    `options ${JSON.stringify({ ...options, faults: options.faults.join(', ') })}`,
    `the last ${notes.length} lines of the world:`,
    ...notes.map(line => `  ${line}`),
    ...findings.map(({ rule, message }) => `${rule}: ${message}`),
    `replay: npm run sim -- ${options.seed}`,
  ].join('\n')
}

function commit(): string {
  try {
    const cwd = fileURLToPath(new URL('.', import.meta.url))
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown (no git here)'
  }
}

/** What is counted of a run. */
export type RunCounts = Pick<RunResult, 'steps' | 'events' | 'deliveries' | 'faults'>

/** Adds up runs. */
export class Totals {
  runs = 0
  steps = 0
  events = 0
  deliveries = 0
  readonly faults: FaultCounts = noFaults()

  add({ steps, events, deliveries, faults }: RunCounts): void {
    this.runs++
    this.steps += steps
    this.events += events
    this.deliveries += deliveries
    for (const name of FAULTS) this.faults[name] += faults[name]
  }

  toString(): string {
    const counts = FAULTS.map(name => `${name} ${this.faults[name]}`).join(', ')
    return (
      `${this.runs} runs, ${this.steps} steps, ${this.events} events, ${this.deliveries} deliveries\n` +
      `faults: ${counts}`
    )
  }
}
