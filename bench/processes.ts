import { readdirSync, readFileSync } from 'node:fs'
import type { Millis } from '../infra/clock.ts'

/** What a process used while the load ran. */
export interface ProcessUse {
  /** In percent of one core, averaged over the time between the two readings. */
  cpuPercent: number
  /** Resident memory at the end, in MiB. */
  rssMiB: number
}

export interface Watched {
  name: string
  pid: number
}

interface Reading {
  cpuMs: Millis
  rssMiB: number
}

/** Linux counts CPU time in these, for user space, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100
const KIB_PER_MIB = 1_024

/** Reads a process and its descendants (Java parts may run under a wrapper); undefined where there is none. */
function read(pid: number, children: ReadonlyMap<number, number[]>): Reading | undefined {
  const own = readOne(pid)
  if (own === undefined) return undefined
  for (const child of children.get(pid) ?? []) {
    const use = read(child, children)
    own.cpuMs += use?.cpuMs ?? 0
    own.rssMiB += use?.rssMiB ?? 0
  }
  return own
}

function readOne(pid: number): Reading | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  const status = readText(`/proc/${pid}/status`)
  if (stat === undefined || status === undefined) return undefined
  const fields = statFields(stat)
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  return { cpuMs: ((fields[11]! + fields[12]!) * 1_000) / TICKS_PER_SECOND, rssMiB: rssKiB / KIB_PER_MIB }
}

/** The numbers after the name, which stands in brackets and may hold blanks: [1] parent, [11] user, [12] system. */
function statFields(stat: string): number[] {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readText(`/proc/${name}/stat`) : undefined
    if (stat === undefined) continue
    const parent = statFields(stat)[1]!
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  return children
}

/** Watches CPU and memory of processes by their ids. Where there is no /proc it sees nothing. */
export class ProcessWatch {
  private readonly watched: readonly Watched[]
  private before = new Map<number, Reading>()
  private beganAt: Millis = 0

  constructor(watched: readonly Watched[]) {
    this.watched = watched
  }

  /** `now` in monotonic ms. */
  begin(now: Millis): void {
    this.beganAt = now
    this.before = this.readAll()
  }

  /** What was used since `begin`, by name; processes that are gone, or were started since, are left out. */
  end(now: Millis): Record<string, ProcessUse> {
    const after = this.readAll()
    const elapsedMs = Math.max(1, now - this.beganAt)
    const use: Record<string, ProcessUse> = {}
    for (const { name, pid } of this.watched) {
      const [from, to] = [this.before.get(pid), after.get(pid)]
      if (from === undefined || to === undefined) continue
      const cpuPercent = Math.round(((to.cpuMs - from.cpuMs) / elapsedMs) * 1_000) / 10
      use[name] = { cpuPercent, rssMiB: Math.round(to.rssMiB) }
    }
    return use
  }

  /** CPU time and resident memory of all that is watched, now. */
  total(): { cpuMs: Millis; rssKiB: number } {
    const readings = [...this.readAll().values()]
    return {
      cpuMs: readings.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      rssKiB: Math.round(readings.reduce((sum, { rssMiB }) => sum + rssMiB, 0) * KIB_PER_MIB),
    }
  }

  private readAll(): Map<number, Reading> {
    if (process.platform !== 'linux') return new Map()
    const children = childrenByParent()
    const readings = new Map<number, Reading>()
    for (const { pid } of this.watched) {
      // The load runs in this very process: what it started is not the load.
      const reading = pid === process.pid ? readOne(pid) : read(pid, children)
      if (reading !== undefined) readings.set(pid, reading)
    }
    return readings
  }
}
