import { afterEach, expect, test } from 'vitest'
import type { Partition } from '../../schemas/ids.ts'
import type { Member, Membership, Ownership } from '../../topics/ownership.ts'

export interface OwnershipHarness {
  /** The group as a process of this name sees it; four partitions. */
  as(name: string): Ownership
  /** Lets the group go on; resolves when the condition holds. */
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

export const OWNERSHIP_PARTITIONS = 4

/** Takes at once what it is given; lets go at once, or when `letGo` is called. */
class Process implements Member {
  readonly holds = new Set<Partition>()
  wanted: readonly Partition[] = []
  agreements = 0
  isSlow = false
  private readonly all: Process[]
  private membership: Membership | undefined

  constructor(all: Process[]) {
    this.all = all
    all.push(this)
  }

  join(ownership: Ownership): this {
    this.membership = ownership.join(this)
    return this
  }

  owned(): Partition[] {
    return [...this.holds]
  }

  assigned(partitions: readonly Partition[]): void {
    this.agreements++
    this.wanted = partitions
    for (const partition of partitions) {
      const others = this.all.filter(other => other !== this && other.holds.has(partition))
      expect(others, `partition ${partition} is given while another has it`).toEqual([])
      this.holds.add(partition)
    }
    if (!this.isSlow) this.letGo()
  }

  letGo(): void {
    const before = this.holds.size
    for (const partition of this.holds) if (!this.wanted.includes(partition)) this.holds.delete(partition)
    if (this.holds.size < before) this.membership?.released()
  }

  async leave(): Promise<void> {
    this.holds.clear()
    await this.membership?.leave()
  }
}

/** What every group does; run over the one in memory and over Kafka's. */
export function ownershipContract(makeHarness: () => Promise<OwnershipHarness>): void {
  let harness: OwnershipHarness | undefined
  let processes: Process[] = []
  afterEach(async () => {
    for (const process of processes) await process.leave()
    await harness?.close()
    processes = []
  })

  async function made(): Promise<OwnershipHarness & { start(name: string): Process }> {
    const group = await makeHarness()
    harness = group
    return { ...group, start: name => new Process(processes).join(group.as(name)) }
  }
  const sizes = (...members: Process[]) => members.map(({ holds }) => holds.size)
  const isShared = (...members: Process[]) =>
    new Set(members.flatMap(({ holds }) => [...holds])).size === OWNERSHIP_PARTITIONS

  test('[OW1] one process has every partition; those that come and go share them', async () => {
    const { start, until } = await made()
    const a = start('a')
    await until(() => a.holds.size === 4)
    const b = start('b')
    await until(() => b.holds.size === 2)
    expect(sizes(a, b)).toEqual([2, 2])
    const c = start('c')
    await until(() => c.holds.size === 1)
    expect(isShared(a, b, c)).toBe(true)
    await a.leave()
    await until(() => isShared(b, c))
    expect(sizes(b, c).sort()).toEqual([2, 2])
  })

  test('[OW2] what has to move is given when its owner has let it go, and not before', async () => {
    const { start, until } = await made()
    const a = start('a')
    await until(() => a.holds.size === 4)
    a.isSlow = true
    const b = start('b')
    await until(() => b.agreements > 0 && a.wanted.length === 2)
    expect(sizes(a, b)).toEqual([4, 0])
    const kept = [...a.wanted]
    a.letGo()
    await until(() => b.holds.size === 2)
    expect(a.owned().sort()).toEqual(kept)
  })

  test('[OW2] nothing moves while nobody comes or goes', async () => {
    const { start, until } = await made()
    const a = start('a')
    const b = start('b')
    await until(() => isShared(a, b) && a.holds.size === 2)
    const before = [a.owned().sort(), b.owned().sort()]
    const c = start('c')
    await until(() => c.agreements > 0 && isShared(a, b, c))
    await c.leave()
    await until(() => isShared(a, b))
    for (const [index, process] of [a, b].entries()) {
      expect(before[index]!.filter(partition => process.holds.has(partition)).length).toBeGreaterThanOrEqual(1)
    }
  })
}
