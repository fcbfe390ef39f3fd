import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** Under what conditions figures were measured: without them they mean nothing. */
export interface Conditions {
  cores: number
  cpu: string
  memoryGiB: number
  node: string
  platform: string
  commit: string
  /** Load average of the last minute, before the run: above 0.5 the machine was not quiet. */
  loadBefore: number
}

const BYTES_PER_GIB = 2 ** 30

export function readConditions(checkout: string): Conditions {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / BYTES_PER_GIB),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    commit: readCommit(checkout),
    loadBefore: Math.round(loadavg()[0]! * 100) / 100,
  }
}

/** The checked-out commit, with a + where files differ from it. */
function readCommit(cwd: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', cwd, stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}

/** The conditions as a person reads them. */
export function conditionLines({ cores, cpu, memoryGiB, platform, node, commit, loadBefore }: Conditions): string[] {
  return [
    `machine      ${cores} cores (${cpu}), ${memoryGiB} GiB, ${platform}, Node ${node}`,
    `commit       ${commit}; load average before the run ${loadBefore}`,
  ]
}
