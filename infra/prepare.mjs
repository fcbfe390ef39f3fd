import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What every command of package.json does first: the right Node, the dependencies, the build. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const NODE_MAJOR_MIN = 20

/** Installs and builds where needed; ends the process with a message when something is in the way. */
export function prepare() {
  requireNode()
  requirePlatform()
  if (!dependenciesMatchLock()) installDependencies()
  run('the build', process.execPath, [join(ROOT, 'infra', 'build.mjs')])
}

function requireNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return
  fail(`packlog needs Node ${NODE_MAJOR_MIN} or later; this is ${process.version}. Install it from https://nodejs.org`)
}

function requirePlatform() {
  if (process.platform === 'win32') fail('packlog runs on Linux and macOS; on Windows use it inside WSL 2.')
}

/**
 * True when node_modules holds what package-lock.json asks for. Contents are compared, not times: a fresh checkout
 * of an old commit has new times.
 */
function dependenciesMatchLock() {
  const installed = readPackages(join(ROOT, 'node_modules', '.package-lock.json'))
  const wanted = readPackages(join(ROOT, 'package-lock.json'))
  if (installed === undefined || wanted === undefined) return false
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined
}

function installDependencies() {
  console.error('installing dependencies (npm ci) ...')
  // NODE_ENV=production must not leave out the compiler.
  run('npm ci', 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])
}

/** Standard output is left to the command that comes after. */
function run(what, file, args) {
  const { status, signal, error } = spawnSync(file, args, { cwd: ROOT, stdio: ['inherit', 2, 2] })
  if (error !== undefined) fail(`${what} cannot be run: ${error.message}`)
  if (status !== 0) fail(`${what} failed (${status ?? signal})`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
