import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../infra/clock.ts'
import { LocalStackError } from '../../infra/local/local-error.ts'
import { partsCacheDir } from '../../infra/local/parts.ts'
import { bytesBelow, obtain } from '../../infra/local/parts-cache.ts'
import type { Progress } from '../../infra/local/progress.ts'
import { findOnPath, runTool } from '../../infra/local/run-tool.ts'

/** schemathesis with all that it needs, in the versions of requirements.txt, in a virtual environment of its own. */

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url))
const HAS_WHAT_IT_NEEDS = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'
const ADVICE = 'Python 3.10 or later with venv is needed (Debian: apt-get install python3 python3-venv)'

/** The Python that has it, made now when it is not in the cache. Throws LocalStackError that says what to do. */
export async function obtainSchemathesis({
  env,
  clock,
  progress,
}: {
  env: NodeJS.ProcessEnv
  clock: Clock
  progress: Progress
}): Promise<string> {
  const python = findOnPath('python3', env)
  if (python === undefined) throw new LocalStackError(ADVICE)
  await runTool(python, ['-c', HAS_WHAT_IT_NEEDS], { env }).catch(() => {
    throw new LocalStackError(`${python}: ${ADVICE}`)
  })
  const requirements = readFileSync(REQUIREMENTS, 'utf8')
  const version = /^schemathesis==(\S+)$/m.exec(requirements)![1]
  const name = `schemathesis-${version}-${createHash('sha256').update(requirements).digest('hex').slice(0, 12)}`
  const make = (dir: string) =>
    progress.during(`schemathesis ${version} from PyPI`, { bytes: () => bytesBelow([dir]) }, async () => {
      await runTool(python, ['-m', 'venv', dir], { env })
      await runTool(pythonIn(dir), ['-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS], { env })
    })
  return pythonIn(await obtain({ cacheDir: partsCacheDir(env), name, make }, { clock, log: progress.log }))
}

/** Scripts of a virtual environment know where it was made; its Python does not mind being moved. */
function pythonIn(dir: string): string {
  return join(dir, 'bin', 'python')
}
