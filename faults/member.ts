import { type Clock, type Millis, systemClock } from '../infra/clock.ts'
import { describeExit, type Exit } from '../infra/local/child.ts'
import type { Ledger } from '../infra/local/ledger.ts'
import type { Part } from '../infra/local/part.ts'
import { type RoleHandle, startRole } from '../infra/local/roles.ts'

/** Something that is killed and frozen: a part of the stack or a process of the product. */
export interface Member {
  readonly name: string
  /** SIGKILL; resolves when it is gone. It stays away until `restart`. */
  kill(): Promise<void>
  /** Starts it again. `begun` resolves when it is there, `ready` when it says that it works; both throw. */
  restart(): { begun: Promise<void>; ready: Promise<void> }
  freeze(): void
  wake(): void
}

/** A member is started again this long after it ended by itself, as a supervisor would. */
const RESTART_MS: Millis = 500
const READY_MS_MAX: Millis = 120_000

interface Tools {
  ledger: Ledger
  /** Told of every end that nobody asked for. */
  onEnd(name: string, how: string): void
}

/** A process of the product under a supervisor: whenever it ends by itself it is started again. */
export class RoleMember implements Member {
  readonly name: string
  private readonly roles: readonly string[]
  private readonly env: Record<string, string>
  private readonly logFile: string
  private readonly tools: Tools
  private handle: RoleHandle | undefined
  /** True while it has to stay away. */
  private isHeld = true
  private launching: Promise<void> = Promise.resolve()

  constructor(
    options: { name: string; roles: readonly string[]; env: Record<string, string>; logFile: string },
    tools: Tools,
  ) {
    this.name = options.name
    this.roles = options.roles
    this.env = options.env
    this.logFile = options.logFile
    this.tools = tools
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.env.PACKLOG_METRICS_PORT}/metrics`
  }

  async kill(): Promise<void> {
    this.isHeld = true
    await this.launching
    this.handle?.kill('SIGKILL')
    await this.handle?.exited
  }

  restart(): { begun: Promise<void>; ready: Promise<void> } {
    this.isHeld = false
    this.launching = this.launch()
    const ready = this.launching.then(() => this.untilReady())
    // Not everybody who starts it waits for that.
    ready.catch(() => {})
    return { begun: this.launching, ready }
  }

  freeze(): void {
    this.handle?.kill('SIGSTOP')
  }

  wake(): void {
    this.handle?.kill('SIGCONT')
  }

  /** In order, and for good until `restart`. */
  async stop(): Promise<void> {
    this.isHeld = true
    await this.launching.catch(() => {})
    // A frozen process would not hear of it.
    this.wake()
    await this.handle?.stop()
  }

  private async launch(): Promise<void> {
    const { ledger } = this.tools
    const handle = await startRole({
      name: this.name,
      roles: this.roles,
      env: this.env,
      logFile: this.logFile,
      log: () => {},
    })
    this.handle = handle
    ledger.add({ name: this.name, pid: handle.pid, stopSignal: 'SIGTERM' })
    void handle.exited.then(exit => {
      ledger.remove(handle.pid)
      void this.ended(exit)
    })
  }

  private async ended(exit: Exit): Promise<void> {
    if (this.isHeld) return
    this.tools.onEnd(this.name, describeExit(exit))
    await systemClock.sleep(RESTART_MS)
    if (!this.isHeld) this.restart()
  }

  /** Ready, possibly in a later life than the one that was begun. */
  private async untilReady(): Promise<void> {
    const deadline = systemClock.monotonic() + READY_MS_MAX
    for (;;) {
      try {
        await this.handle!.ready({ msMax: READY_MS_MAX })
        return
      } catch (error) {
        if (this.isHeld || systemClock.monotonic() > deadline) throw error
        await systemClock.sleep(RESTART_MS)
      }
    }
  }
}

/** A part of the stack, supervised in the same way. */
export class PartMember implements Member {
  readonly name: string
  private readonly part: Part
  private readonly clock: Clock
  private readonly onEnd: Tools['onEnd']
  private isHeld = false

  constructor(part: Part, tools: { clock: Clock; onEnd: Tools['onEnd'] }) {
    this.name = part.name
    this.part = part
    this.clock = tools.clock
    this.onEnd = tools.onEnd
    this.watch()
  }

  async kill(): Promise<void> {
    this.isHeld = true
    this.part.kill('SIGKILL')
    await this.part.exited
  }

  restart(): { begun: Promise<void>; ready: Promise<void> } {
    const ready = this.part.start().then(() => {
      this.isHeld = false
      this.watch()
    })
    ready.catch(() => {})
    // A part counts as back when it works: its own start is not what is tested here.
    return { begun: ready, ready }
  }

  freeze(): void {
    this.part.kill('SIGSTOP')
  }

  wake(): void {
    this.part.kill('SIGCONT')
  }

  /** From now on nothing is started again. */
  hold(): void {
    this.isHeld = true
    this.wake()
  }

  private watch(): void {
    void this.part.exited?.then(async exit => {
      if (this.isHeld) return
      this.onEnd(this.name, describeExit(exit))
      await this.clock.sleep(RESTART_MS)
      if (!this.isHeld) await this.restart().ready.catch(error => this.onEnd(this.name, String(error)))
    })
  }
}
