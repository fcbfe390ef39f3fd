import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LocalStackError } from './local-error.ts'

/** How much of a failed tool's output its error shows. */
const OUTPUT_LINES_MAX = 20

/**
 * Runs a program to its end and returns what it printed. Throws LocalStackError with the end of its output when it
 * fails or does not exist.
 */
export async function runTool(
  file: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<string> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', data => (output += data))
  child.stderr.on('data', data => (output += data))
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  }).catch(error => {
    throw new LocalStackError(`${file} cannot be run: ${error.message}`)
  })
  if (code === 0) return output
  const end = output.trimEnd().split('\n').slice(-OUTPUT_LINES_MAX)
  throw new LocalStackError(
    `${[file, ...args].join(' ')} failed (${code})\n${end.map(line => `  | ${line}`).join('\n')}`,
  )
}

/** Full path of a program on PATH, or undefined. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const dir of (env.PATH ?? '').split(delimiter).filter(part => part !== '')) {
    const file = join(dir, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not here: the next directory may have it.
    }
  }
  return undefined
}
