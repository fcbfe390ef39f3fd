import type { Clock } from './clock.ts'

/**
 * Lets those who compute for long take turns: one begins per turn of the event loop, in the order in which they asked,
 * so that sockets and timers are seen to between two of them. Without it sixty batches that became ready together hold
 * the loop for seconds, in which answers that are there already time out.
 */
export class Turns {
  private readonly clock: Pick<Clock, 'defer'>
  private readonly waiting: (() => void)[] = []

  constructor(clock: Pick<Clock, 'defer'>) {
    this.clock = clock
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise(resolve => {
      this.waiting.push(resolve)
      if (this.waiting.length === 1) this.clock.defer(() => this.begin())
    })
  }

  private begin(): void {
    const resolve = this.waiting.shift()
    if (this.waiting.length > 0) this.clock.defer(() => this.begin())
    resolve?.()
  }
}
