import type { Clock, Millis } from '../../infra/clock.ts'
import { WHEEL_SLOTS } from '../limits.ts'

/**
 * Gives every member its turn once per period, with one timer for all: the members are spread over slots, and each
 * tick is the turn of one slot. A timer per connection would cost more memory than the rest of an idle connection.
 */
export class Wheel<Member> {
  private readonly slots: Set<Member>[] = Array.from({ length: WHEEL_SLOTS }, () => new Set())
  private readonly slotOf = new Map<Member, number>()
  private readonly onTurn: (member: Member) => void
  private readonly clock: Clock
  private readonly tickMs: Millis
  private current = 0
  private filling = 0
  private cancel: (() => void) | undefined

  constructor(options: { clock: Clock; periodMs: Millis; onTurn: (member: Member) => void }) {
    this.clock = options.clock
    this.tickMs = options.periodMs / WHEEL_SLOTS
    this.onTurn = options.onTurn
  }

  start(): void {
    this.cancel = this.clock.schedule(this.tickMs, () => {
      this.current = (this.current + 1) % WHEEL_SLOTS
      for (const member of this.slots[this.current]!) this.onTurn(member)
      this.start()
    })
  }

  stop(): void {
    this.cancel?.()
  }

  add(member: Member): void {
    // Its first turn is between half a period and a whole one away; neighbours go to different slots.
    this.filling = (this.filling + 1) % (WHEEL_SLOTS >> 1)
    const slot = (this.current + WHEEL_SLOTS - this.filling) % WHEEL_SLOTS
    this.slots[slot]!.add(member)
    this.slotOf.set(member, slot)
  }

  remove(member: Member): void {
    const slot = this.slotOf.get(member)
    if (slot === undefined) return
    this.slotOf.delete(member)
    this.slots[slot]!.delete(member)
  }
}
