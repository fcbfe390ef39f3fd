import { readFileSync } from 'node:fs'
import type { Millis } from '../../infra/clock.ts'

const NS_PER_MS = 1_000_000
const US_PER_MS = 1_000

/**
 * CPU time of the thread that runs JavaScript. Unlike wall time it hardly depends on what else the machine does; where
 * the system does not tell it by thread, that of the whole process stands for it.
 */
export function threadCpuMs(): Millis {
  try {
    const [ranNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
    return Number(ranNs) / NS_PER_MS
  } catch {
    return processCpuMs()
  }
}

/** CPU time of all threads: the store commits on one of its own. */
export function processCpuMs(): Millis {
  const { user, system } = process.cpuUsage()
  return (user + system) / US_PER_MS
}
