import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/**
 * What tells a process from a later one with the same pid: the boot and the start time. Undefined when no process has
 * that pid, or only a zombie.
 */
export function identityOf(pid: number): string | undefined {
  return process.platform === 'linux' ? identityFromProc(pid) : identityFromPs(pid)
}

export interface KnownProcess {
  pid: number
  identity: string
}

/** True while the very process that was recorded runs; false when it is gone or its pid belongs to another one. */
export function stillRuns(known: KnownProcess): boolean {
  return identityOf(known.pid) === known.identity
}

/** The process that calls. */
export function thisProcess(): KnownProcess {
  return { pid: process.pid, identity: identityOf(process.pid) ?? 'unknown' }
}

/** Sends the signal to exactly that process; false when it is gone. */
export function signalProcess(known: KnownProcess, signal: NodeJS.Signals): boolean {
  if (!stillRuns(known)) return false
  try {
    return process.kill(known.pid, signal)
  } catch {
    return false
  }
}

/** Parent and program name of a process; undefined when it is gone. */
export function parentOf(pid: number): { ppid: number; command: string } | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      return { command, ppid: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }
    }
    const text = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    const [ppid = '', command = ''] = text.split(/\s+/, 2)
    return { ppid: Number(ppid), command: basename(command) }
  } catch {
    return undefined
  }
}

function identityFromProc(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold spaces: fields are counted from the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, startTicks] = [fields[0], fields[19]]
    return state === 'Z' || startTicks === undefined ? undefined : `${boot}:${startTicks}`
  } catch {
    return undefined
  }
}

function identityFromPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return text === '' || text.startsWith('Z') ? undefined : text.replace(/^\S+\s+/, '')
  } catch {
    return undefined
  }
}
