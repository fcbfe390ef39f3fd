import type { Clock, Millis } from '../clock.ts'

/** Where progress goes: a terminal gets one line that is rewritten, anything else gets plain lines. */
export interface Terminal {
  isTTY: boolean
  columns: number
  write(text: string): void
}

/** A long step that is under way. */
export interface Step {
  /** Bytes on disk so far, where that says something. */
  bytes?: () => number
}

export interface Progress {
  /** A whole line, above the spinner where there is one. */
  log(line: string): void
  /** Shows `title` with elapsed time (and bytes) for as long as `work` takes, and that it is done. */
  during<T>(title: string, step: Step, work: () => Promise<T>): Promise<T>
}

const SPIN_MS: Millis = 200
/** Without a terminal a long step says every so often that it lives. */
const PLAIN_MS: Millis = 5_000
const FRAMES = ['|', '/', '-', '\\']

export function makeProgress(terminal: Terminal, clock: Clock): Progress {
  const running = new Map<string, { step: Step; begun: Millis }>()
  let frame = 0
  let cancel: (() => void) | undefined

  const describe = ([title, { step, begun }]: [string, { step: Step; begun: Millis }]): string => {
    const seconds = Math.round((clock.monotonic() - begun) / 1_000)
    const bytes = step.bytes?.() ?? 0
    return `${title}, ${seconds} s${bytes > 0 ? `, ${megabytes(bytes)}` : ''}`
  }
  const clear = () => terminal.isTTY && terminal.write('\r\x1b[K')
  const draw = () => {
    if (!terminal.isTTY || running.size === 0) return
    frame = (frame + 1) % FRAMES.length
    const line = `${FRAMES[frame]} ${[...running].map(describe).join(' | ')}`
    terminal.write(`\r\x1b[K${line.slice(0, terminal.columns - 1)}`)
  }
  const tick = () => {
    if (terminal.isTTY) draw()
    else for (const entry of running) terminal.write(`${describe(entry)} ...\n`)
    arm()
  }
  const arm = () => {
    cancel = running.size === 0 ? undefined : clock.schedule(terminal.isTTY ? SPIN_MS : PLAIN_MS, tick)
  }
  const log = (line: string) => {
    clear()
    terminal.write(`${line}\n`)
    draw()
  }
  return {
    log,
    during: async (title, step, work) => {
      running.set(title, { step, begun: clock.monotonic() })
      if (!terminal.isTTY) terminal.write(`${title} ...\n`)
      if (cancel === undefined) arm()
      let outcome = 'failed'
      try {
        const result = await work()
        outcome = 'done'
        return result
      } finally {
        const entry = running.get(title)
        running.delete(title)
        if (running.size === 0) {
          cancel?.()
          cancel = undefined
        }
        if (entry !== undefined) log(`${describe([title, entry])}: ${outcome}`)
      }
    },
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`
}
