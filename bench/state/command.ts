import { NoServer, readLocalStack, START_HINT } from '../../client/terminal/find-server.ts'
import type { Clock } from '../../infra/clock.ts'
import { type Conditions, readConditions } from '../conditions.ts'
import { projectRoot, startTarget } from '../target.ts'
import { type CoreOptions, type CoreResult, measureCore } from './core.ts'
import { parseStateOptions, type StateBenchOptions } from './options.ts'
import { coreText, restoreText } from './report.ts'
import { measureRestore, type RestoreResult } from './restore.ts'

/** `npm run bench -- core` and `-- restore`: what the sequencer's state costs. */

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  log(line: string): void
}

export function isStateBench([command]: readonly string[]): boolean {
  return command === 'core' || command === 'restore'
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. */
export async function runStateBench(args: readonly string[], shell: Shell): Promise<number> {
  const options = parseStateOptions(args)
  if (typeof options === 'string') {
    process.stdout.write(options)
    return 0
  }
  const conditions = readConditions(projectRoot())
  return options.command === 'core' ? benchCore(options, conditions, shell) : benchRestore(options, conditions, shell)
}

async function benchCore(
  { json, parameters }: { json: boolean; parameters: CoreOptions },
  conditions: Conditions,
  { clock }: Shell,
): Promise<number> {
  const stores: CoreResult = await measureCore(parameters, clock)
  const report = { command: 'core', stores, parameters, conditions }
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${coreText(report)}\n`)
  return 0
}

async function benchRestore(
  { json, start, parameters }: Extract<StateBenchOptions, { command: 'restore' }>,
  conditions: Conditions,
  shell: Shell,
): Promise<number> {
  const target = start ? await startTarget(shell.env, shell.log) : undefined
  try {
    const env = target?.env ?? { ...readLocalStack(shell.env)?.env, ...shell.env }
    if (!env.KAFKA_BROKERS) throw new NoServer(`no Kafka is known: ${START_HINT}, or let this do it (--start)`)
    const result: RestoreResult = await measureRestore(parameters, { ...shell, env })
    const report = { command: 'restore', ...result, parameters, conditions }
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${restoreText(report)}\n`)
    return result.wrongAnswers === 0 ? 0 : 1
  } finally {
    await target?.stop()
  }
}
