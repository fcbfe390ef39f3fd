import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Millis, systemClock } from '../clock.ts'
import { giveWay } from './give-way.ts'

/** A log file that has grown past this is set aside (`.1`) at the next start of its process. */
const LOG_BYTES_MAX = 20_000_000
/** How much of a log's end is shown when its process fails. */
const TAIL_LINES = 20
const TAIL_BYTES_MAX = 64_000

export interface Command {
  /** Names the process in messages. */
  name: string
  file: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  cwd?: string
  logFile: string
  /** Keep a pipe to the child's stdin open as long as this process lives. */
  holdStdin?: boolean
  /** How far it gives way to the other processes, 1 to 19; not at all by default. */
  niceness?: number
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A running program whose output goes to a log file. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>
  /** How it ended, once it has. */
  exit(): Exit | undefined
  kill(signal: NodeJS.Signals): void
  /** The pipe to its stdin, with `holdStdin`. */
  readonly stdin: ChildProcess['stdin']
}

/**
 * Starts the program in a process group of its own, so that Ctrl-C in the terminal reaches only the starter, which
 * then stops everything in order. Rejects when the program cannot be started at all.
 */
export async function startChild(command: Command): Promise<Child> {
  const log = openLog(command.logFile)
  const child = spawn(command.file, command.args, {
    env: command.env,
    cwd: command.cwd,
    detached: true,
    stdio: [command.holdStdin ? 'pipe' : 'ignore', log, log],
  })
  closeSync(log)
  let exit: Exit | undefined
  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => {
      exit = { code, signal }
      resolve(exit)
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  if (command.niceness !== undefined && child.pid !== undefined) void giveWay(child.pid, command.niceness)
  // A write to, or a close of, a pipe whose reader has died is no news: `exited` tells.
  child.stdin?.on('error', () => {})
  return {
    name: command.name,
    pid: child.pid ?? -1,
    logFile: command.logFile,
    exited,
    exit: () => exit,
    kill: signal => void (exit === undefined && child.kill(signal)),
    stdin: child.stdin,
  }
}

/** Sends the signal, waits up to `graceMs`, then SIGKILL. Resolves when the process has ended. */
export async function stopChild(child: Child, how: { signal: NodeJS.Signals; graceMs: Millis }): Promise<Exit> {
  child.kill(how.signal)
  const inTime = new AbortController()
  const late = systemClock.sleep(how.graceMs, inTime.signal).then(() => child.kill('SIGKILL'))
  const exit = await child.exited
  inTime.abort()
  await late
  return exit
}

/** `with code 1`, `by SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `with code ${code}` : `by ${signal}`
}

/** The last lines of a log file, indented; empty when there is none. */
export function tail(logFile: string): string {
  if (!existsSync(logFile)) return ''
  const text = readFileSync(logFile).subarray(-TAIL_BYTES_MAX).toString('utf8').trimEnd()
  const lines = text.split('\n').slice(-TAIL_LINES)
  return `last lines of ${logFile}:\n${lines.map(line => `  | ${line}`).join('\n')}`
}

function openLog(logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true })
  if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`)
  return openSync(logFile, 'a')
}
