import type { Clock } from '../infra/clock.ts'
import type { Partition } from '../schemas/ids.ts'
import { assignPartitions } from './assign-partitions.ts'
import type { Member, Membership, Ownership } from './ownership.ts'

interface Joined {
  name: string
  member: Member
  generation: number
}

/** A group in memory: every change is agreed on in the next turn of the clock. For tests and for the simulation. */
export class MemoryGroup {
  private readonly clock: Clock
  private readonly partitions: number
  private readonly members = new Map<string, Joined>()
  private generation = 0
  private isAgreeing = false
  private away = false

  constructor(options: { clock: Clock; partitions: number }) {
    this.clock = options.clock
    this.partitions = options.partitions
  }

  /** The group as one process sees it. */
  as(name: string): Ownership {
    return { isFixed: false, join: member => this.join(name, member) }
  }

  /** The process is dead, or cut off: it is told nothing more, and others get what it had. */
  expire(name: string): void {
    this.members.delete(name)
    this.agreeSoon()
  }

  /** While the coordinator is away nothing is agreed on. */
  set isAway(away: boolean) {
    this.away = away
    if (!away) this.agreeSoon()
  }

  private join(name: string, member: Member): Membership {
    const joined = { name, member, generation: -1 }
    this.members.set(name, joined)
    this.agreeSoon()
    return {
      released: () => this.agreeSoon(),
      leave: async () => {
        if (this.members.get(name) !== joined) return
        this.members.delete(name)
        this.agreeSoon()
      },
    }
  }

  private agreeSoon(): void {
    if (this.isAgreeing) return
    this.isAgreeing = true
    this.clock.defer(() => {
      this.isAgreeing = false
      if (!this.away && this.members.size > 0) this.agree()
    })
  }

  private agree(): void {
    this.generation++
    const claims = [...this.members.values()].map(({ name, member, generation }) => {
      return { member: name, owned: member.owned(), generation }
    })
    const { assigned } = assignPartitions(claims, this.partitions)
    for (const joined of [...this.members.values()]) {
      joined.generation = this.generation
      joined.member.assigned(assigned.get(joined.name) as readonly Partition[])
    }
  }
}
