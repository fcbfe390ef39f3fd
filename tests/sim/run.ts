import { audit } from './auditor/audit.ts'
import type { FaultCounts } from './faults.ts'
import { optionsOf, type SimOptions } from './options.ts'
import { type Alterations, type Finding, World } from './world.ts'

/** What came out of one run. */
export interface RunResult {
  options: SimOptions
  findings: readonly Finding[]
  faults: FaultCounts
  /** Tasks of the clock, healing included. */
  steps: number
  /** Events on the log. */
  events: number
  deliveries: number
  fingerprint: number
  notes: readonly string[]
}

/** Runs a seed to its end and audits it. */
export async function runSeed(
  seed: number,
  { changes = {}, alterations = {} }: { changes?: Partial<SimOptions>; alterations?: Partial<Alterations> } = {},
): Promise<RunResult> {
  const options = optionsOf(seed, changes)
  const world = await World.make(options, alterations)
  let findings: readonly Finding[] = []
  try {
    await world.run()
    await world.heal()
    if (world.findings.length === 0) await world.untilQuiet()
    if (world.findings.length === 0) await world.survey()
    findings = world.findings.length > 0 ? world.findings : await audit(world)
  } catch (error) {
    findings = [...world.findings, { rule: 'SIM10', message: `the run broke off: ${(error as Error).stack ?? error}` }]
  }
  return {
    options,
    findings,
    faults: world.faults.counts,
    steps: world.clock.steps,
    events: world.truth.partitions.reduce((sum, { outcomes }) => sum + outcomes.length, 0),
    deliveries: world.devices.reduce((sum, { witness }) => sum + witness.deliveries, 0),
    fingerprint: world.fingerprint,
    notes: world.notes.slice(-options.notesMax),
  }
}
