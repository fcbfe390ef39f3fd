import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Millis } from '../clock.ts'
import { type LockAttempt, tryLock } from './lock-file.ts'

/**
 * Parts that were downloaded once for all checkouts of a user. A part is made in a `.partial` folder and renamed to
 * its final name when it is whole, so a folder with a final name is never half a part. One maker at a time works on a
 * part (a lock file with the maker's pid, taken over when the maker has died); leftovers of killed makers are removed.
 */
export interface CacheEntry {
  cacheDir: string
  /** Unique among parts; a part with other contents has another name. */
  name: string
  /** Fills the empty folder; may throw, then nothing is kept. */
  make(dir: string): Promise<void>
}

const POLL_MS: Millis = 250

/** Folder of the part, made now when it is not there yet. */
export async function obtain(
  { cacheDir, name, make }: CacheEntry,
  { clock, log }: { clock: Clock; log: (line: string) => void },
): Promise<string> {
  const final = join(cacheDir, name)
  if (existsSync(final)) return final
  mkdirSync(cacheDir, { recursive: true })
  const lock = await waitForLock(join(cacheDir, `${name}.lock`), { name, clock, log })
  try {
    if (existsSync(final)) return final
    removeLeftovers(cacheDir, name, log)
    const partial = join(cacheDir, `${name}.partial-${process.pid}`)
    mkdirSync(partial)
    try {
      await make(partial)
      renameSync(partial, final)
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
    return final
  } finally {
    lock.release()
  }
}

/** Bytes of all files below the folders that exist. */
export function bytesBelow(dirs: readonly string[]): number {
  let total = 0
  for (const dir of dirs) {
    try {
      for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) {
        if (file.isFile()) total += statSync(join(file.parentPath ?? file.path, file.name)).size
      }
    } catch {
      // Files come and go while something is downloaded: the next look counts them.
    }
  }
  return total
}

async function waitForLock(
  path: string,
  { name, clock, log }: { name: string; clock: Clock; log: (line: string) => void },
): Promise<Extract<LockAttempt, { held: true }>> {
  let said = false
  for (;;) {
    const attempt = tryLock(path)
    if (attempt.held) return attempt
    if (!said) {
      said = true
      log(`${name}: process ${attempt.holder.pid} is fetching it, waiting`)
    }
    await clock.sleep(POLL_MS)
  }
}

function removeLeftovers(cacheDir: string, name: string, log: (line: string) => void): void {
  const leftovers = readdirSync(cacheDir).filter(entry => entry.startsWith(`${name}.partial-`))
  if (leftovers.length > 0) log(`${name}: an earlier download was not finished, starting it again`)
  for (const leftover of leftovers) rmSync(join(cacheDir, leftover), { recursive: true, force: true })
}
