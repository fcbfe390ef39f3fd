import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Hears which parts run; ends them when this process dies without having stopped them (watchdog.mjs). */
export interface Watchdog {
  add(pid: number, stopSignal: NodeJS.Signals): void
  remove(pid: number): void
  close(): void
}

/** Starts the watchdog process. Losing it loses only that comfort, so its failures are not reported. */
export function startWatchdog(): Watchdog {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./watchdog.mjs', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  const say = (line: string) => void (child.stdin.writable && child.stdin.write(`${line}\n`))
  return {
    add: (pid, stopSignal) => say(`+ ${pid} ${stopSignal}`),
    remove: pid => say(`- ${pid}`),
    close: () => void child.stdin.end(),
  }
}
