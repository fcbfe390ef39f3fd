import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Compiles the sources to dist/ and copies what they read at run time to the same place there. Does nothing when no
 * source has changed since the last build. Exit code 1 when the compiler finds an error.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.build-stamp')
const LOCK = join(DIST, '.building')
const ASSETS = new Set(['.avsc', '.lua', '.sql', '.html', '.xml', '.properties', '.json', '.mjs'])
const NOT_SOURCE = new Set(['node_modules', 'dist', 'coverage', 'docs'])
/** What vite bundles for browsers, beside what it takes from client/, schemas/ and infra/. */
const WEB = 'web'
const WEB_SOURCES = new Set(['.ts', '.tsx', '.css', '.html', '.svg', '.mjs'])
const LOCK_POLL_MS = 200

const sources = listSources()
const webSources = listBelow(WEB, file => WEB_SOURCES.has(extname(file)))
const fingerprint = fingerprintOf([...sources, ...webSources])
if (!isCurrent()) await withLock(build)

async function build() {
  if (isCurrent()) return
  const begun = performance.now()
  rmSync(STAMP, { force: true })
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  // Not incremental: the whole takes a second, and what the compiler remembers can differ from what is there.
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--incremental', 'false', '--pretty', 'false']
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  for (const file of sources.filter(isAsset)) cpSync(join(ROOT, file), join(DIST, file))
  const outputs = sources.flatMap(outputsOf)
  removeOrphans(new Set(outputs))
  if (status !== 0) {
    process.exitCode = 1
    return
  }
  await bundleWeb()
  const written = outputs.filter(file => existsSync(join(DIST, file)))
  writeFileSync(STAMP, JSON.stringify({ fingerprint, outputs: written }))
  console.log(`built dist/ in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}

/** dist/web: one page with everything that it needs. Left alone where its sources are the same as the last time. */
async function bundleWeb() {
  const stamp = join(DIST, '.web-stamp')
  const shared = sources.filter(file => /^(client|schemas|infra)\//.test(file))
  const current = fingerprintOf([...shared, ...webSources])
  if (existsSync(join(DIST, WEB, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === current) return
  const { build: bundle } = await import('vite')
  await bundle({ configFile: join(ROOT, WEB, 'vite.config.mjs'), logLevel: 'error' })
  writeFileSync(stamp, current)
}

/** Everything that may be compiled, or read beside what is compiled; relative paths. */
function listSources() {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter(entry => !NOT_SOURCE.has(entry.name) && entry.name !== WEB && !entry.name.startsWith('.'))
    .filter(entry => entry.isDirectory() || extname(entry.name) === '.ts')
    .flatMap(entry => listBelow(entry.name))
    .filter(file => !isTest(file))
    .sort()
}

function listBelow(entry, isWanted = file => extname(file) === '.ts' || isAsset(file)) {
  const path = join(ROOT, entry)
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [entry]
  return readdirSync(path)
    .filter(name => name !== 'node_modules' && !name.startsWith('.'))
    .flatMap(name => listBelow(join(entry, name), isWanted))
    .filter(isWanted)
}

/** What tsconfig.build.json leaves out: tests and what only they use. */
function isTest(file) {
  return /^(tests|vitest\.config\.ts)(\/|$)|\.test\.ts$|\/testing\//.test(file)
}

function isAsset(file) {
  return ASSETS.has(extname(file))
}

function fingerprintOf(files) {
  const hash = createHash('sha256')
  for (const file of [...files, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'infra/build.mjs']) {
    const { size, mtimeMs } = statSync(join(ROOT, file), { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: -1 }
    hash.update(`${file}\0${size}\0${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function isCurrent() {
  const stamp = readStamp()
  return stamp.fingerprint === fingerprint && allExist(stamp.outputs)
}

function allExist(outputs) {
  return outputs.every(file => existsSync(join(DIST, file)))
}

/** Of the last build without errors. */
function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'))
  } catch {
    return { fingerprint: undefined, outputs: [] }
  }
}

function outputsOf(file) {
  if (file.endsWith('.d.ts') || file.endsWith('.d.mts')) return []
  if (extname(file) !== '.ts') return [file]
  const base = file.slice(0, -'.ts'.length)
  return [`${base}.js`, `${base}.js.map`]
}

/** Output of a source that is gone would still be imported, or run as a test. */
function removeOrphans(expected, dir = '') {
  for (const entry of readdirSync(join(DIST, dir), { withFileTypes: true })) {
    const file = join(dir, entry.name)
    if (entry.name.startsWith('.') || file === WEB) continue
    if (entry.isDirectory()) removeOrphans(expected, file)
    else if (!expected.has(file)) rmSync(join(DIST, file))
  }
  if (dir !== '' && readdirSync(join(DIST, dir)).length === 0) rmdirSync(join(DIST, dir))
}

/** Two builds at once (npm start in one terminal, npm test in another) would write the same files. */
async function withLock(work) {
  mkdirSync(DIST, { recursive: true })
  while (!takeLock()) await new Promise(resolve => setTimeout(resolve, LOCK_POLL_MS))
  try {
    await work()
  } finally {
    rmSync(LOCK, { force: true })
  }
}

function takeLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const holder = Number(readFileSync(LOCK, { encoding: 'utf8', flag: 'a+' }))
  // An empty file is a lock in the making, unless its maker died there.
  const abandoned = holder === 0 ? Date.now() - statSync(LOCK).mtimeMs > 5_000 : !runs(holder)
  if (abandoned) rmSync(LOCK, { force: true })
  return false
}

function runs(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
