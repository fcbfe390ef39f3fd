import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { prepare, ROOT } from './infra/prepare.mjs'

/**
 * `node run.mjs <command> [arguments]`: installs and builds where needed, then runs a command of the product. Where
 * the environment does not say which servers to use, it is pointed at the local stack that `npm start` runs.
 */
const COMMANDS = {
  chat: ['client/terminal/main.js'],
  demo: ['bench/demo/main.js'],
  bench: ['bench/main.js'],
  faults: ['faults/main.js'],
  token: ['main.js', 'token'],
  setup: ['main.js', 'setup'],
  kick: ['main.js', 'kick'],
  key: ['main.js', 'key'],
  rebuild: ['main.js', 'rebuild'],
  verify: ['main.js', 'verify'],
  dead: ['main.js', 'dead'],
  push: ['main.js', 'push'],
  webhook: ['main.js', 'webhook'],
  disable: ['main.js', 'disable'],
  enable: ['main.js', 'enable'],
  erase: ['main.js', 'erase'],
  export: ['main.js', 'export'],
  hold: ['main.js', 'hold'],
  release: ['main.js', 'release'],
  sim: ['../tests/sim/main.ts'],
  contract: ['../tests/api-contract/main.ts'],
}
const SERVERS = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'REDIS_URL', 'CLICKHOUSE_URL']
/** These need the key of the stack, not its servers. */
const OFFLINE = new Set(['token'])
/** These start what they need themselves and must not see the local stack; so does a bench with `--start`. */
const ALONE = new Set(['faults', 'sim', 'contract'])
/** What these work on mostly dies young: with room for it a sixth less of the CPU goes to collecting it. */
const BULKY = new Set(['rebuild', 'verify'])
/** These are not part of the build: they run from their source. */
const FROM_SOURCE = new Set(['sim', 'contract'])

const [name, ...args] = process.argv.slice(2)
const known = COMMANDS[name]
if (known === undefined) {
  console.error(`node run.mjs <command>, one of: ${Object.keys(COMMANDS).join(', ')}`)
  process.exitCode = 1
} else {
  prepare()
  const [file, ...fixed] = known
  const isAlone = ALONE.has(name) || args.includes('--start')
  const env = isAlone ? process.env : { ...localStackEnv(), ...process.env }
  const loader = FROM_SOURCE.has(name) ? ['--import', import.meta.resolve('tsx')] : []
  const isBulky = BULKY.has(name) || (name === 'bench' && BULKY.has(args[0]))
  const memory = isBulky ? ['--max-semi-space-size=64'] : []
  const command = [...memory, ...loader, join(ROOT, 'dist', file), ...fixed, ...args]
  const child = spawn(process.execPath, command, { stdio: 'inherit', env })
  // The terminal sends Ctrl-C to the command itself; what is sent to this process alone is handed on.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.exitCode = await new Promise(done => {
    child.once('error', () => done(1))
    child.once('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

/** The roles' environment of the local stack; empty when there is none, or when the caller names other servers. */
function localStackEnv() {
  const dataDir = resolve(process.env.PACKLOG_DATA || join(ROOT, '.packlog'))
  const file = join(dataDir, 'stack.json')
  const stack = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  const given = SERVERS.filter(variable => process.env[variable])
  if (stack === undefined) {
    if (given.length === 0) console.error('no local stack was started here: run `npm start` first, in another terminal')
    return {}
  }
  const others = given.filter(variable => process.env[variable] !== stack.env[variable])
  if (others.length > 0) {
    console.error(`${others.join(', ')} set: the local stack is not used`)
    return {}
  }
  if (!runs(stack.starter.pid) && !OFFLINE.has(name)) {
    console.error('the local stack does not run: start it with `npm start` in another terminal')
  }
  return { ...stack.env, PACKLOG_WS_URL: stack.urls.ws, PACKLOG_HTTP_URL: stack.urls.http, PACKLOG_STACK_FILE: file }
}

function runs(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
