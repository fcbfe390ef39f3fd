import type { Clock, Millis } from '../clock.ts'
import { identityOf, type KnownProcess, parentOf, stillRuns } from './process-identity.ts'

/** Someone wants the stack to stop. */
export interface StopRequest {
  readonly signal: AbortSignal
  /** Resolves at the first request. */
  readonly asked: Promise<void>
  dispose(): void
}

/** One Ctrl-C arrives twice under npm: from the terminal, and handed on by npm. */
const SAME_REQUEST_MS: Millis = 1_000
const PARENT_POLL_MS: Millis = 500

/**
 * SIGINT, SIGTERM, SIGHUP, or the death of the npm that runs `npm start`. A second request, a while later, calls
 * `force`.
 */
export function stopRequest(tools: {
  clock: Clock
  env: NodeJS.ProcessEnv
  log(line: string): void
  force(): void
}): StopRequest {
  const { clock, env, log, force } = tools
  const controller = new AbortController()
  const npm = env.npm_lifecycle_event === 'start' ? npmProcess() : undefined
  let firstAt: Millis | undefined
  let cancelPoll = () => {}

  const request = () => {
    const now = clock.monotonic()
    if (firstAt === undefined) {
      firstAt = now
      controller.abort()
    } else if (now - firstAt > SAME_REQUEST_MS) {
      log('asked again: ending everything at once')
      force()
    }
  }
  const watchNpm = (known: KnownProcess) => {
    if (stillRuns(known)) cancelPoll = clock.schedule(PARENT_POLL_MS, () => watchNpm(known))
    else request()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, request)
  if (npm !== undefined) watchNpm(npm)

  return {
    signal: controller.signal,
    asked: new Promise(resolve => controller.signal.addEventListener('abort', () => resolve(), { once: true })),
    dispose: () => {
      cancelPoll()
      for (const signal of signals) process.off(signal, request)
    },
  }
}

/** The npm that runs this script: the parent, or the parent of the shell in between. */
function npmProcess(): KnownProcess | undefined {
  const parent = parentOf(process.ppid)
  const pid = /^-?(sh|dash|bash|zsh|ash|ksh)$/.test(parent?.command ?? '') ? parent?.ppid : process.ppid
  const identity = pid === undefined ? undefined : identityOf(pid)
  return pid === undefined || identity === undefined ? undefined : { pid, identity }
}
