import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Millis, systemClock } from '../clock.ts'
import { type Child, describeExit, type Exit, startChild, stopChild, tail } from './child.ts'
import { LocalStackError } from './local-error.ts'
import { HOST } from './ports.ts'
import { answersHttp } from './probes.ts'

/** A running process of the product. */
export interface RoleHandle {
  readonly name: string
  readonly pid: number
  readonly env: NodeJS.ProcessEnv
  readonly logFile: string
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<Exit>
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, time to drain, then SIGKILL; resolves when it has ended. */
  stop(): Promise<Exit>
  /** Resolves when `/readyz` answers 200. Throws LocalStackError with the end of its log when it ends or is late. */
  ready(options?: { msMax?: Millis }): Promise<void>
}

export interface RoleOptions {
  roles: readonly string[]
  /** Added to `process.env`; PACKLOG_METRICS_PORT and PACKLOG_STATE_DIR must be in it. */
  env: NodeJS.ProcessEnv
  log(line: string): void
  /** The roles, joined by a dash, unless told otherwise. */
  name?: string
  /** `<name>.log` in the state directory unless told otherwise. */
  logFile?: string
  /** See child.ts. */
  niceness?: number
  /** The program; for tests of this module. */
  program?: string
}

const READY_MS_MAX: Millis = 60_000
const READY_POLL_MS: Millis = 100
/** The processes drain within 20 s by themselves (infra/service.ts); this is a little more. */
const STOP_GRACE_MS: Millis = 25_000

/**
 * What Node is told about memory: latency is what counts here, and Node's own choices are made for throughput.
 *
 * Room for young objects, in MiB: of what a message is made of, most lives for some milliseconds, and with Node's own
 * 16 MiB much of it is copied before it dies. Twice as much saves a sixth of the time per message, at the same memory.
 *
 * Growth of the old objects before they are collected, in percent: by itself Node collects at half as much again, which
 * is every two seconds in a busy gateway, and each time holds messages up for 5 to 20 ms and takes the other core for
 * up to 90. At seven times as much it is every ten to thirty seconds, for about 100 MiB (docs/performance.md, Chat).
 */
const MEMORY = ['--max-semi-space-size=32', '--heap-growing-percent=600']

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The built product: this module may run from the sources (tests) or from dist/. */
export const BUILT_MAIN = basename(here('../..')) === 'dist' ? here('../../main.js') : here('../../dist/main.js')

/**
 * Starts a process of the product with these roles. It ends when the calling process dies. Rejects with
 * LocalStackError when it cannot be started; it need not be ready yet when this resolves.
 */
export async function startRole(options: RoleOptions): Promise<RoleHandle> {
  const name = options.name ?? options.roles.join('-')
  const env = { ...process.env, ...options.env }
  const [stateDir, metricsPort] = [env.PACKLOG_STATE_DIR, env.PACKLOG_METRICS_PORT]
  if (stateDir === undefined || metricsPort === undefined) {
    throw new LocalStackError(`${name}: PACKLOG_STATE_DIR and PACKLOG_METRICS_PORT must be set`)
  }
  mkdirSync(stateDir, { recursive: true })
  const child = await startChild({
    name,
    file: process.execPath,
    args: [
      ...MEMORY,
      `--import=${new URL('./die-with-parent.mjs', import.meta.url)}`,
      options.program ?? BUILT_MAIN,
      '--role',
      options.roles.join(','),
    ],
    env,
    logFile: options.logFile ?? join(stateDir, `${name}.log`),
    holdStdin: true,
    ...(options.niceness === undefined ? {} : { niceness: options.niceness }),
  })
  options.log(`${name} started (process ${child.pid})`)
  return {
    name,
    pid: child.pid,
    env,
    logFile: child.logFile,
    exited: child.exited,
    kill: child.kill,
    stop: () => stopChild(child, { signal: 'SIGTERM', graceMs: STOP_GRACE_MS }),
    ready: ({ msMax = READY_MS_MAX } = {}) => untilReady(child, `http://${HOST}:${metricsPort}/readyz`, msMax),
  }
}

async function untilReady(child: Child, url: string, msMax: Millis): Promise<void> {
  const begun = systemClock.monotonic()
  for (;;) {
    const ready = await answersHttp(url)
    const exit = child.exit()
    if (exit !== undefined) {
      throw new LocalStackError(`${child.name} ended ${describeExit(exit)}\n${tail(child.logFile)}`)
    }
    if (ready) return
    if (systemClock.monotonic() - begun > msMax) {
      const seconds = Math.round(msMax / 1_000)
      throw new LocalStackError(`${child.name} is not ready after ${seconds} s (${url})\n${tail(child.logFile)}`)
    }
    await systemClock.sleep(READY_POLL_MS)
  }
}
