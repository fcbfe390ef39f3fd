import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants, setPriority } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type RunCounts, Totals } from './report.ts'

/**
 * Seeds in several processes at once, given or fresh. The processes have a low priority: other tests that run at the same time hardly
 * wait for a campaign. A process that is killed, or that does not come
 * to run a seed on a machine that is busy, has found nothing: only a seed that fails and a simulation that throws do.
 */
export interface WorkerMessage {
  run: RunCounts
  /** What is to be said of a run that failed. */
  failure?: string
}

export interface CampaignOptions {
  workers: number
  /** It ends after so long at most. */
  seconds: number
  /** These and no others, each once; without it fresh ones. */
  seeds?: readonly number[]
}

export interface CampaignResult {
  totals: Totals
  failure: string | undefined
}

/** Room for what is young: a world makes much that nobody needs a moment later. */
const NODE_ARGS = ['--max-semi-space-size=64', '--import', tsx()]
const STDERR_MAX = 4_000

/** Runs seeds until all are through, the time is over, or one fails. */
export async function runWorkers(options: CampaignOptions): Promise<CampaignResult> {
  const { workers, seconds, seeds = [] } = options
  const totals = new Totals()
  const children: ChildProcess[] = []
  const timers: NodeJS.Timeout[] = []
  try {
    const failure = await new Promise<string | undefined>(resolve => {
      timers.push(setTimeout(() => resolve(undefined), seconds * 1_000))
      const heard = ({ run, failure }: WorkerMessage) => {
        totals.add(run)
        if (failure !== undefined || (seeds.length > 0 && totals.runs === seeds.length)) resolve(failure)
      }
      let running = workers
      const ended = (failure: string | undefined) => {
        running--
        if (failure !== undefined || running === 0) resolve(failure)
      }
      for (let n = 0; n < workers; n++) {
        const share = seeds.filter((_, index) => index % workers === n)
        children.push(startWorker(share, heard, ended))
      }
    })
    return { totals, failure }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    for (const child of children) child.kill('SIGKILL')
  }
}

function startWorker(
  seeds: readonly number[],
  heard: (message: WorkerMessage) => void,
  ended: (failure: string | undefined) => void,
): ChildProcess {
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), seeds.map(String), {
    execArgv: NODE_ARGS,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  giveWay(child)
  let stderr = ''
  child.stderr!.on('data', text => {
    stderr = (stderr + text).slice(-STDERR_MAX)
  })
  child.on('message', message => heard(message as WorkerMessage))
  // A process that somebody killed has found nothing.
  child.once('close', code => ended(code === null || code === 0 ? undefined : `a worker ended with ${code}: ${stderr}`))
  child.once('error', error => ended(`a worker could not be started: ${error.message}`))
  return child
}

function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It has ended already.
  }
}

/** The loader that lets a process run from the source. */
function tsx(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
}
