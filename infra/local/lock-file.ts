import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type KnownProcess, stillRuns, thisProcess } from './process-identity.ts'

/** A lock file names its holder. `held` is false when a process that still runs holds it. */
export type LockAttempt = { held: true; release(): void } | { held: false; holder: KnownProcess }

/** How often a lock that others keep taking from under us is tried before the last holder is named. */
const ATTEMPTS_MAX = 20

/**
 * Takes the lock when nobody holds it or its holder has died. The file appears complete (written aside, then linked),
 * so an unreadable one is a leftover and not a lock in the making.
 */
export function tryLock(path: string): LockAttempt {
  mkdirSync(dirname(path), { recursive: true })
  const self = thisProcess()
  drafts += 1
  const draft = `${path}.${self.pid}.${drafts}`
  writeFileSync(draft, JSON.stringify(self))
  try {
    for (let attempt = 1; ; attempt += 1) {
      if (link(draft, path)) return { held: true, release: releaseOnce(path) }
      const holder = readHolder(path)
      if (holder !== undefined && (stillRuns(holder) || attempt >= ATTEMPTS_MAX)) return { held: false, holder }
      setAside(path, holder)
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

let drafts = 0

/** A second release must not take the lock from whoever holds it by then. */
function releaseOnce(path: string): () => void {
  let released = false
  return () => {
    if (!released) rmSync(path, { force: true })
    released = true
  }
}

/** Who holds the lock, or undefined when there is none or it says nothing. */
export function readHolder(path: string): KnownProcess | undefined {
  try {
    const { pid, identity } = JSON.parse(readFileSync(path, 'utf8')) as Partial<KnownProcess>
    return typeof pid === 'number' && typeof identity === 'string' ? { pid, identity } : undefined
  } catch {
    return undefined
  }
}

/**
 * Moves a dead holder's file away. Between the look and the move another process may have done the same and taken
 * the lock: then it is that one's file that was moved, and it is put back.
 */
function setAside(path: string, judged: KnownProcess | undefined): void {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const moved = readHolder(aside)
  if (moved !== undefined && moved.identity !== judged?.identity) link(aside, path)
  rmSync(aside, { force: true })
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
