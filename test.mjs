import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepare, ROOT } from './infra/prepare.mjs'

/**
 * `npm test`: installs and builds where needed, runs vitest (arguments are passed on) and ends with the line
 * `N passed, N failed, N skipped`. Exit code 0 only when tests ran, all passed and none was skipped.
 */
prepare()
const { countTests, featuresNotShown, objections, summaryLine } = await import('./dist/infra/local/test-summary.js')

const args = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'packlog-report-'))
const reportFile = join(dir, 'report.json')
const exitCode = await runVitest()
const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined
rmSync(dir, { recursive: true, force: true })

const counts = report === undefined ? { passed: 0, failed: 0, skipped: 0 } : countTests(report)
const filtered = args.some(arg => /^(-t|--testNamePattern)(=|$)/.test(arg))
const problems = objections(counts, { exitCode, filtered })
if (args.length === 0 && report !== undefined) {
  const features = readFileSync(join(ROOT, 'docs', 'features.md'), 'utf8')
  const notShown = featuresNotShown(report, features, ROOT)
  problems.push(...notShown.map(file => `docs/features.md names ${file}, of which no test passed`))
}
for (const problem of problems) console.error(`not good: ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1
console.log(summaryLine(counts))

function runVitest() {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const vitest = [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...reporters, ...args]
  const child = spawn(process.execPath, vitest, { cwd: ROOT, stdio: 'inherit' })
  // The terminal sends Ctrl-C to vitest as well: it stops its servers and ends, and so does this.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', status => resolve(status ?? 1))
  })
}
