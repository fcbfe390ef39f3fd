import { spawn } from 'node:child_process'
import { BUILT_MAIN } from '../infra/local/roles.ts'

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program of Node's to its end and gives what it printed. `input` goes to its standard input. */
export function runNode(
  args: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
    child.stdin.end(input)
  })
}

/** Runs a command of the built product, for example `['verify', '--json']`. */
export function runCommand(args: readonly string[], env: Record<string, string>): Promise<CommandResult> {
  return runNode([BUILT_MAIN, ...args], { env })
}

/** Runs `setup`; throws with what it printed when it fails. */
export async function runSetup(env: Record<string, string>): Promise<void> {
  const { code, stdout, stderr } = await runCommand(['setup'], env)
  if (code !== 0) throw new Error(`setup ended with ${code}\n${stdout}\n${stderr}`)
}
