import type { Clock, Millis } from '../clock.ts'
import { type Child, type Command, describeExit, type Exit, startChild, stopChild, tail } from './child.ts'
import type { Ledger } from './ledger.ts'
import { LocalStackError } from './local-error.ts'
import type { Watchdog } from './watchdog.ts'

export type PartName = 'kafka' | 'registry' | 'redis' | 'clickhouse'
/** With three brokers `kafka` is the first of them. */
export type BrokerName = 'kafka' | 'kafka-2' | 'kafka-3'

/** How to run one real part on its data. */
export interface PartSpec {
  name: PartName | BrokerName
  /** In words, for messages. */
  title: string
  command: Omit<Command, 'name'>
  stop: { signal: NodeJS.Signals; graceMs: Millis }
  readyMsMax: Millis
  /** Makes the data directory fit to start on; runs before every start. */
  prepare(): Promise<void>
  /** Undefined when it is ready, otherwise what is missing. Never throws. */
  lacks(): Promise<string | undefined>
}

/** One real part of the stack. It can be killed and started again on the same data and ports. */
export interface Part {
  readonly name: PartName | BrokerName
  readonly title: string
  /** Undefined while it does not run, and for a part that somebody else runs. */
  readonly pid: number | undefined
  /** Sends a signal, or does nothing when it does not run. */
  kill(signal: NodeJS.Signals): void
  /** Starts it and waits until it is ready. Throws LocalStackError with the end of its log. */
  start(): Promise<void>
  /** Stops it in order; idempotent. */
  stop(): Promise<void>
  /** Resolves when the present run of it has ended, for whatever reason; undefined while it does not run. */
  readonly exited: Promise<Exit> | undefined
}

const POLL_MS: Millis = 100

export interface PartTools {
  clock: Clock
  ledger: Ledger
  watchdog: Watchdog
}

/** A part that this process runs. */
export function makePart(spec: PartSpec, tools: PartTools): Part {
  let child: Child | undefined
  return {
    name: spec.name,
    title: spec.title,
    get pid() {
      return child?.exit() === undefined ? child?.pid : undefined
    },
    get exited() {
      return child?.exited
    },
    kill: signal => child?.kill(signal),
    start: async () => {
      if (child !== undefined && child.exit() === undefined) return
      await spec.prepare()
      child = await launch(spec, tools)
      await untilReady(spec, child, tools.clock)
    },
    stop: async () => {
      if (child !== undefined) await stopChild(child, spec.stop)
    },
  }
}

/** A part that somebody else runs: it is used and left alone. */
export function externalPart(name: PartName, title: string): Part {
  const nothing = async () => {}
  return { name, title, pid: undefined, exited: undefined, kill: () => {}, start: nothing, stop: nothing }
}

async function launch(spec: PartSpec, { ledger, watchdog }: PartTools): Promise<Child> {
  const child = await startChild({ name: spec.name, ...spec.command }).catch(error => {
    throw new LocalStackError(`${spec.title} cannot be started: ${error.message}`)
  })
  watchdog.add(child.pid, spec.stop.signal)
  ledger.add({ name: spec.name, pid: child.pid, stopSignal: spec.stop.signal })
  void child.exited.then(() => {
    watchdog.remove(child.pid)
    ledger.remove(child.pid)
  })
  return child
}

async function untilReady(spec: PartSpec, child: Child, clock: Clock): Promise<void> {
  const begun = clock.monotonic()
  for (;;) {
    const lacking = await spec.lacks()
    const exit = child.exit()
    if (exit !== undefined) {
      throw new LocalStackError(`${spec.title} ended ${describeExit(exit)} while starting\n${tail(child.logFile)}`)
    }
    if (lacking === undefined) return
    if (clock.monotonic() - begun > spec.readyMsMax) {
      const seconds = Math.round(spec.readyMsMax / 1_000)
      throw new LocalStackError(`${spec.title} is not ready after ${seconds} s: ${lacking}\n${tail(child.logFile)}`)
    }
    await clock.sleep(POLL_MS)
  }
}
