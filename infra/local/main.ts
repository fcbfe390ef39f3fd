import { fileURLToPath } from 'node:url'
import { systemClock, systemRandom } from '../clock.ts'
import { LocalStackError } from './local-error.ts'
import { helpText, readOptions } from './options.ts'
import { makeProgress } from './progress.ts'
import { runLocal } from './run-local.ts'

/** Entry of `npm start`: arguments and terminal in, exit code out. */

const { stdout } = process
// A terminal that was closed is no reason to leave servers behind.
stdout.on('error', () => {})

const progress = makeProgress(
  { isTTY: stdout.isTTY === true, columns: stdout.columns ?? 80, write: text => stdout.write(text) },
  systemClock,
)

try {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const options = await readOptions(process.argv.slice(2), { env: process.env, root, random: systemRandom.next })
  if (options.help) stdout.write(helpText())
  else await runLocal(options, { env: process.env, progress, clock: systemClock, random: systemRandom })
} catch (error) {
  if (!(error instanceof LocalStackError)) throw error
  progress.log(error.message)
  process.exitCode = 1
}
