import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { describeExit, startChild, tail } from './child.ts'
import { keepAlive } from './keep-alive.ts'
import type { Ledger } from './ledger.ts'
import { LocalStackError } from './local-error.ts'
import { processEnv, type RoleProcess } from './role-env.ts'
import { BUILT_MAIN, type RoleHandle, startRole } from './roles.ts'

interface ProductTools {
  dataDir: string
  /** The environment that all processes share. */
  env: Record<string, string>
  ledger: Ledger
  clock: Clock
  log(line: string): void
  /** Breaks off a start. */
  signal: AbortSignal
  /** Called whenever a process has another pid. */
  onChange(): void
}

/** The product's processes on the local stack. */
export interface Product {
  running(): { name: string; pid: number }[]
  /** Gateways first, then all others; no restarts any more. Idempotent. */
  stop(): Promise<void>
}

/** Creates topics, schemas and tables (`dist/main.js setup`); throws LocalStackError with the end of its log. */
export async function runSetup(tools: Pick<ProductTools, 'dataDir' | 'env' | 'ledger' | 'signal'>): Promise<void> {
  const child = await startChild({
    name: 'setup',
    file: process.execPath,
    args: [BUILT_MAIN, 'setup'],
    env: { ...process.env, ...tools.env },
    logFile: join(tools.dataDir, 'logs', 'setup.log'),
  })
  tools.ledger.add({ name: 'setup', pid: child.pid, stopSignal: 'SIGTERM' })
  const breakOff = () => child.kill('SIGTERM')
  tools.signal.addEventListener('abort', breakOff, { once: true })
  if (tools.signal.aborted) breakOff()
  const exit = await child.exited
  tools.signal.removeEventListener('abort', breakOff)
  tools.ledger.remove(child.pid)
  if (exit.code !== 0) throw new LocalStackError(`setup ended ${describeExit(exit)}\n${tail(child.logFile)}`)
}

/** Starts the processes and keeps them alive. Throws LocalStackError, with all of them stopped, when one is not ready. */
export async function startProduct(processes: readonly RoleProcess[], tools: ProductTools): Promise<Product> {
  mkdirSync(join(tools.dataDir, 'state'), { recursive: true })
  const stopping = new AbortController()
  const running = new Map<string, RoleHandle>()
  const launch = async (process: RoleProcess) => {
    if (stopping.signal.aborted) return
    const role = await startRole({
      roles: process.roles,
      name: process.name,
      env: processEnv(tools.env, process),
      logFile: join(tools.dataDir, 'logs', `${process.name}.log`),
      log: () => {},
      ...(process.niceness === undefined ? {} : { niceness: process.niceness }),
    })
    tools.ledger.add({ name: process.name, pid: role.pid, stopSignal: 'SIGTERM' })
    void role.exited.then(() => tools.ledger.remove(role.pid))
    running.set(process.name, role)
    tools.onChange()
    if (stopping.signal.aborted) await role.stop()
    else await role.ready()
  }
  const stop = async () => {
    stopping.abort()
    const roles = [...running.values()]
    const isGateway = (role: RoleHandle) => role.name.startsWith('gateway')
    await Promise.all(roles.filter(isGateway).map(role => role.stop()))
    await Promise.all(roles.filter(role => !isGateway(role)).map(role => role.stop()))
  }
  const breakOff = () => void stop()
  tools.signal.addEventListener('abort', breakOff, { once: true })
  const starts = await Promise.allSettled(processes.map(launch))
  tools.signal.removeEventListener('abort', breakOff)
  const failed = starts.find(start => start.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  for (const process of processes) {
    const { name } = process
    const thing = { name, exited: () => running.get(name)?.exited, restart: () => launch(process) }
    void keepAlive(thing, { clock: tools.clock, log: tools.log, signal: stopping.signal })
  }
  return { running: () => [...running.values()].map(({ name, pid }) => ({ name, pid })), stop }
}
