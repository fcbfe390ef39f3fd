import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Millis } from '../clock.ts'
import { LocalStackError } from './local-error.ts'
import { tryLock } from './lock-file.ts'
import { identityOf, type KnownProcess, signalProcess, stillRuns } from './process-identity.ts'

/** A child that was started on a data directory. */
export interface LedgerEntry extends KnownProcess {
  name: string
  /** What makes it stop in order. */
  stopSignal: NodeJS.Signals
}

/** How long leftovers of a killed run get to end by themselves before SIGKILL. */
const LEFTOVER_GRACE_MS: Millis = 8_000
/** How long a second start waits for a first one that may be on its way out. */
const HOLDER_WAIT_MS: Millis = 2_500
/** How long it waits for one that says it is stopping: the longest drain and Kafka's stop. */
const STOPPING_WAIT_MS: Millis = 60_000
const POLL_MS: Millis = 100

/**
 * Who runs on a data directory: one starter (a lock file) and its children (a list with pid and start time), so that
 * a start after `kill -9` can end what was left over without ever touching a recycled pid.
 */
export class Ledger {
  private readonly children: LedgerEntry[] = []
  private stopping = false
  private closed = false
  private readonly file: string
  private readonly releaseLock: () => void

  private constructor(file: string, releaseLock: () => void) {
    this.file = file
    this.releaseLock = releaseLock
  }

  /**
   * Becomes the only starter on `dataDir` and ends leftover children of a run that was killed. Throws LocalStackError
   * when another starter runs there.
   */
  static async open(dataDir: string, tools: { clock: Clock; log: (line: string) => void }): Promise<Ledger> {
    mkdirSync(dataDir, { recursive: true })
    const release = await lockDataDir(dataDir, tools)
    const file = ledgerFile(dataDir)
    await endLeftovers(readLedger(file).children, tools)
    const ledger = new Ledger(file, release)
    ledger.write()
    return ledger
  }

  add({ name, pid, stopSignal }: { name: string; pid: number; stopSignal: NodeJS.Signals }): void {
    const identity = identityOf(pid)
    if (identity === undefined) return
    this.children.push({ name, pid, identity, stopSignal })
    this.write()
  }

  remove(pid: number): void {
    const index = this.children.findIndex(child => child.pid === pid)
    if (index === -1) return
    this.children.splice(index, 1)
    this.write()
  }

  /** Says that the run is on its way out, so that a next start waits for it. */
  markStopping(): void {
    this.stopping = true
    this.write()
  }

  /** Ends every child at once. */
  killAll(): void {
    for (const child of this.children) signalProcess(child, 'SIGKILL')
  }

  /** Lets the directory go; idempotent. */
  close(): void {
    if (this.closed) return
    this.closed = true
    rmSync(this.file, { force: true })
    this.releaseLock()
  }

  private write(): void {
    if (this.closed) return
    const draft = `${this.file}.draft`
    writeFileSync(draft, JSON.stringify({ stopping: this.stopping, children: this.children }, null, 2))
    renameSync(draft, this.file)
  }
}

const ledgerFile = (dataDir: string): string => join(dataDir, 'pids.json')

async function lockDataDir(
  dataDir: string,
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<() => void> {
  const begun = clock.monotonic()
  let said = false
  for (;;) {
    const attempt = tryLock(join(dataDir, 'starter.lock'))
    if (attempt.held) return attempt.release
    const { stopping } = readLedger(ledgerFile(dataDir))
    if (clock.monotonic() - begun > (stopping ? STOPPING_WAIT_MS : HOLDER_WAIT_MS)) {
      throw new LocalStackError(
        `packlog already runs on ${dataDir} (process ${attempt.holder.pid}). ` +
          `Stop it with Ctrl-C in its terminal or \`kill ${attempt.holder.pid}\`, or give this one a data directory ` +
          'of its own with PACKLOG_DATA and ports of its own with --ports-from 20000.',
      )
    }
    if (stopping && !said) {
      said = true
      log(`the previous run (process ${attempt.holder.pid}) is stopping: waiting for it`)
    }
    await clock.sleep(POLL_MS)
  }
}

/** Ends children of a killed run: its stop signal to each, SIGKILL to those that do not heed it. Recycled pids are left alone. */
export async function endLeftovers(
  children: readonly LedgerEntry[],
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<void> {
  const leftovers = children.filter(stillRuns)
  if (leftovers.length === 0) return
  log(`ending what a killed run left over: ${leftovers.map(child => `${child.name} (${child.pid})`).join(', ')}`)
  for (const child of leftovers) signalProcess(child, child.stopSignal)
  const begun = clock.monotonic()
  while (leftovers.some(stillRuns) && clock.monotonic() - begun < LEFTOVER_GRACE_MS) await clock.sleep(POLL_MS)
  for (const child of leftovers) signalProcess(child, 'SIGKILL')
  while (leftovers.some(stillRuns)) await clock.sleep(POLL_MS)
}

function readLedger(file: string): { stopping: boolean; children: LedgerEntry[] } {
  try {
    const { stopping, children } = JSON.parse(readFileSync(file, 'utf8')) as Partial<ReturnType<typeof readLedger>>
    return { stopping: stopping === true, children: Array.isArray(children) ? children : [] }
  } catch {
    return { stopping: false, children: [] }
  }
}
