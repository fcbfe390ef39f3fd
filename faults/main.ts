import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readConditions } from '../bench/conditions.ts'
import { BadOptions } from '../bench/options.ts'
import { projectRoot } from '../bench/target.ts'
import { systemClock } from '../infra/clock.ts'
import { LocalStackError } from '../infra/local/local-error.ts'
import { FAULTS_HELP, type FaultsOptions, parseFaultsOptions } from './options.ts'
import { describeFault, makePlan } from './plan.ts'
import { toJson, toText, violationsOf } from './report.ts'
import { runFaults } from './run.ts'
import { sdkFaults } from './sdk/command.ts'

/** Entry of `npm run faults`: arguments in, table and exit code out. */

const say = (line: string) => process.stderr.write(`${line}\n`)

async function faults(options: FaultsOptions): Promise<number> {
  const plan = makePlan(options)
  if (options.planOnly) {
    process.stdout.write(`${plan.map(fault => describeFault(fault, options.brokers)).join('\n')}\n`)
    return 0
  }
  say(`the plan of seed ${options.seed}:`)
  for (const fault of plan) say(describeFault(fault, options.brokers))
  const conditions = readConditions(projectRoot())
  const dataDir = await makeDataDir(options.dataDir)
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  const run = await runFaults({ options, plan, dataDir, clock: systemClock, signal: stopped.signal, say })
  const report = { options, conditions, ...run, evidence: undefined }
  const isClean = violationsOf(report).length === 0
  const keep = !isClean || options.dataDir !== undefined
  if (!keep) await rm(dataDir, { recursive: true, force: true })
  const full = { ...report, evidence: keep ? dataDir : undefined }
  process.stdout.write(options.json ? `${JSON.stringify(toJson(full))}\n` : `${toText(full)}\n`)
  return isClean ? 0 : 1
}

/** A directory that holds nothing yet. */
async function makeDataDir(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return mkdtemp(join(tmpdir(), 'packlog-faults-'))
  const dir = resolve(wanted)
  if (existsSync(dir) && readdirSync(dir).length > 0) throw new BadOptions(`--data ${dir} is not empty`)
  await mkdir(dir, { recursive: true })
  return dir
}

async function main([first, ...rest]: readonly string[]): Promise<number> {
  if (first === 'sdk') return sdkFaults(rest, { clock: systemClock, say })
  const options = parseFaultsOptions(process.argv.slice(2))
  if (options !== undefined) return faults(options)
  process.stdout.write(FAULTS_HELP)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = 2
  if (!(error instanceof BadOptions || error instanceof LocalStackError)) throw error
  say(error.message)
}
