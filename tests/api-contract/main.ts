import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BadOptions } from '../../bench/options.ts'
import { startTarget } from '../../bench/target.ts'
import { NoServer } from '../../client/terminal/find-server.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { LocalStackError } from '../../infra/local/local-error.ts'
import { makeProgress } from '../../infra/local/progress.ts'
import { writeDeadLetters } from './dead-letters.ts'
import { CONTRACT_HELP, type ContractOptions, parseContractOptions } from './options.ts'
import { addTallies, contractRows, contractTable, type DescribedOperation, type Tally } from './report.ts'
import { obtainSchemathesis } from './schemathesis.ts'

/**
 * `npm run contract`: an independent tool holds the product to what /openapi.json says of it, with the key of the app
 * `admin`, which may do everything. Where something has to be there first, hooks.py makes it.
 */

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
]
/** How often operations are called again of which there were too few examples. */
const ROUNDS_MAX = 4
const HOOKS = fileURLToPath(new URL('hooks.py', import.meta.url))
const CONFIG = fileURLToPath(new URL('schemathesis.toml', import.meta.url))

const clock = systemClock
const terminal = process.stderr
const progress = makeProgress(
  { isTTY: terminal.isTTY === true, columns: terminal.columns ?? 80, write: text => terminal.write(text) },
  clock,
)

interface Described {
  paths: Record<string, Record<string, DescribedOperation>>
}

async function holdToContract(options: ContractOptions): Promise<number> {
  const python = await obtainSchemathesis({ env: process.env, clock, progress })
  const dir = await mkdtemp(join(tmpdir(), 'packlog-contract-'))
  // What a webhook does not take is given up soon, for that to be called as well.
  const target = await startTarget({ ...process.env, PACKLOG_WEBHOOK_RETRY_SECONDS: '1' }, progress.log)
  try {
    await writeDeadLetters(target.env)
    const url = target.gatewayUrl.replace(/^ws/, 'http').replace(/\/v1\/ws$/, '')
    const key = (await readFile(target.env.PACKLOG_ADMIN_KEY_FILE!, 'utf8')).trim()
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Described
    const all = Object.values(paths).flatMap(path => Object.values(path))
    const unknown = options.operations.find(name => !all.some(({ operationId }) => operationId === name))
    if (unknown !== undefined) throw new BadOptions(`--operation ${unknown}: there is none`)
    const isCalled = ({ operationId }: DescribedOperation) =>
      options.operations.length === 0 || options.operations.includes(operationId)
    progress.log(`schemathesis: ${options.examples} examples of each operation, --seed ${options.seed}`)
    const call = (round: ContractOptions) => runSchemathesis(python, round, { url, key, dir })
    const { isClean, rows } = await runRounds(all.filter(isCalled), options, call)
    process.stdout.write(`${contractTable(rows)}\n`)
    const isKept = isClean && rows.every(({ missing }) => missing === '')
    process.stdout.write(isKept ? 'every operation keeps its word\n' : 'NOT KEPT: see above\n')
    return isKept ? 0 : 1
  } finally {
    await target.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

/**
 * Calls every operation, and again with the next seed those of which there were too few examples: now and then the tool
 * thinks that it has seen all there is.
 */
async function runRounds(
  described: readonly DescribedOperation[],
  options: ContractOptions,
  call: (round: ContractOptions) => Promise<{ status: number; tally: Tally }>,
) {
  let isClean = true
  let tally: Tally = {}
  let { operations } = options
  for (let round = 0; ; round++) {
    const answered = await call({ ...options, operations, seed: options.seed + round })
    isClean &&= answered.status === 0
    tally = addTallies(tally, answered.tally)
    const rows = contractRows(described, tally, options.examples)
    operations = rows.filter(({ isShort }) => isShort).map(({ operation }) => operation)
    if (operations.length === 0 || round === ROUNDS_MAX) return { isClean, rows }
    progress.log(`fewer than ${options.examples} examples of ${operations.join(', ')}: once more`)
  }
}

/** Runs it to its end; gives its exit code and what was answered. What it finds goes to standard output. */
async function runSchemathesis(
  python: string,
  { examples, seed, operations }: ContractOptions,
  { url, key, dir }: { url: string; key: string; dir: string },
): Promise<{ status: number; tally: Tally }> {
  const tallyFile = join(dir, 'tally.json')
  const args = [
    ...['-m', 'schemathesis.cli', '--config-file', CONFIG, 'run', `${url}/openapi.json`, '--url', url],
    ...['--header', `Authorization: Bearer ${key}`],
    ...['--phases', 'coverage,fuzzing', '--checks', CHECKS.join(',')],
    ...['--max-examples', String(examples), '--seed', String(seed), '--continue-on-failure', '--no-shrink'],
    // What the hooks make differs from call to call: an example is not the same twice.
    ...['--generation-database', 'none', '--suppress-health-check', 'all', '--warnings', 'off', '--workers', '1'],
    ...operations.flatMap(operation => ['--include-operation-id', operation]),
  ]
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: HOOKS,
    CONTRACT_URL: url,
    CONTRACT_KEY: key,
    CONTRACT_TALLY: tallyFile,
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const child = spawn(python, args, { stdio: ['ignore', 'inherit', 'inherit'], env, cwd: dir })
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve(code ?? 1))
  })
  return { status, tally: JSON.parse(await readFile(tallyFile, 'utf8')) as Tally }
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseContractOptions(args, systemRandom)
  if (options !== undefined) return holdToContract(options)
  process.stdout.write(CONTRACT_HELP)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (![BadOptions, NoServer, LocalStackError].some(kind => error instanceof kind)) throw error
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof BadOptions ? 2 : 1
}
