import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NoServer, readLocalStack, START_HINT } from '../client/terminal/find-server.ts'
import type { StackInfo } from '../infra/stack-info.ts'

/** What is measured: where it listens, and its processes as far as they run on this machine. */
export interface Target {
  gatewayUrl: string
  /** Environment with the key and the servers: that of the stack, over the caller's own. */
  env: NodeJS.ProcessEnv
  metricsUrls: string[]
  processes: { name: string; pid: number }[]
  /** Stops what was started for this run. */
  stop(): Promise<void>
}

/** The stack that runs here, or the gateway that is named. Throws NoServer. */
export function runningTarget(gatewayUrl: string | undefined, env: NodeJS.ProcessEnv): Target {
  const stack = readLocalStack(env)
  const url = gatewayUrl ?? (env.PACKLOG_WS_URL || stack?.urls.ws)
  if (url === undefined) throw new NoServer(`nothing to measure: ${START_HINT}, or let this do it (--start)`)
  // Another gateway is not the local stack's: its processes are not ours to watch.
  const local = stack?.urls.ws === url ? stack : undefined
  return { ...ofStack(local, env), gatewayUrl: url, stop: async () => {} }
}

function ofStack(stack: StackInfo | undefined, env: NodeJS.ProcessEnv) {
  return {
    env: { ...stack?.env, ...env },
    metricsUrls: Object.values(stack?.urls.metrics ?? {}),
    processes: stack?.processes ?? [],
  }
}

/** Starts a stack on free ports and an empty directory, for this run only: it ends when this process does, however that is. */
export async function startTarget(env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'packlog-bench-'))
  const file = join(projectRoot(), 'start.mjs')
  const withParent = `--import=${new URL('../infra/local/die-with-parent.mjs', import.meta.url)}`
  const child = spawn(process.execPath, [withParent, file, '--random-ports', '--data', dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  })
  const stop = async () => {
    await ended(child, () => child.kill('SIGINT'))
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    await untilReady(child, log)
    const stack = JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8')) as StackInfo
    return { ...ofStack(stack, {}), env: { ...env, ...stack.env }, gatewayUrl: stack.urls.ws, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function untilReady(child: ChildProcess, log: (line: string) => void): Promise<void> {
  const lines = createInterface({ input: child.stdout! })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', line => {
      log(line)
      if (line.startsWith('ready')) resolve()
    })
    child.once('exit', code => reject(new NoServer(`npm start ended with ${code}`)))
  })
}

async function ended(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    ask()
  })
}

/** The checkout: this file is in bench/ or in dist/bench/. */
export function projectRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'start.mjs'))) dir = dirname(dir)
  return dir
}
