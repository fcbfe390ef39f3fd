import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const FOREVER = ['-e', 'setInterval(() => {}, 1000)']

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<string | number | null> } {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'] })
  running.push(child)
  const ended = new Promise<string | number | null>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? code))
  })
  return { child, ended }
}

test('a role ends when the pipe to its parent breaks', async () => {
  const role = start([`--import=${new URL('./die-with-parent.mjs', import.meta.url)}`, ...FOREVER])
  role.child.stdin?.end()
  expect(await role.ended).toBe('SIGTERM')
})

test('the watchdog ends the parts that were not withdrawn, each with its signal', async () => {
  const [part, withdrawn] = [start(FOREVER), start(FOREVER)]
  const watchdog = start([here('./watchdog.mjs')])
  watchdog.child.stdin?.write(`+ ${part.child.pid} SIGTERM\n+ ${withdrawn.child.pid} SIGKILL\n`)
  watchdog.child.stdin?.end(`- ${withdrawn.child.pid}\n`)
  expect(await part.ended).toBe('SIGTERM')
  expect(await watchdog.ended).toBe(0)
  expect(withdrawn.child.exitCode ?? withdrawn.child.signalCode).toBeNull()
})
