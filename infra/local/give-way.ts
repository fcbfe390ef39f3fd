import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { type Millis, systemClock } from '../clock.ts'

/** Linux lets an ordinary user change the weight of a session only ten times a second. */
const TRIES_MAX = 5
const TRY_MS: Millis = 120

/**
 * Makes a process that was just started give way to the others of the stack (`niceness` 1 to 19): what people wait for
 * goes first, and a view that is some milliseconds behind holds nobody up. Linux weighs sessions before the processes
 * in them, and every part has a session of its own, so both are set. Where the system does not let us, all stay equal.
 */
export async function giveWay(pid: number, niceness: number): Promise<void> {
  try {
    setPriority(pid, niceness)
  } catch {
    return
  }
  for (let tries = 0; tries < TRIES_MAX && !weighSession(pid, niceness); tries++) await systemClock.sleep(TRY_MS)
}

/** False when it is worth another try. */
function weighSession(pid: number, niceness: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EAGAIN'
  }
}
