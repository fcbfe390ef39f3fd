import { assert } from '../infra/assert.ts'
import type { Partition } from '../schemas/ids.ts'

export interface Claim {
  /** Name of the member; unique in the group. */
  member: string
  owned: readonly Partition[]
  /** The agreement that it owns them by: of two claims the later one counts. */
  generation: number
}

export interface Assignment {
  /** By member; ascending. */
  assigned: ReadonlyMap<string, readonly Partition[]>
  /** Partitions that somebody has to let go first: they are nobody's until the next agreement. */
  withheld: number
}

/**
 * Shares `count` partitions between the members: each keeps what it has as far as its share allows, and what moves is
 * given to its new owner only when the old one does not claim it any more. The same claims give the same assignment,
 * whoever computes it.
 */
export function assignPartitions(claims: readonly Claim[], count: number): Assignment {
  assert(claims.length > 0, 'a group without members')
  const owners = ownersOf(claims, count)
  const kept = new Map(claims.map(({ member }) => [member, [] as Partition[]]))
  for (const [partition, { member }] of owners) kept.get(member)!.push(partition)
  const shares = sharesOf(kept, count)
  for (const [member, partitions] of kept) partitions.splice(shares.get(member)!)

  const taken = new Set([...kept.values()].flat())
  const claimed = new Set(claims.flatMap(({ owned }) => owned))
  let withheld = 0
  for (const member of [...kept.keys()].sort()) {
    const partitions = kept.get(member)!
    for (let partition = 0; partition < count && partitions.length < shares.get(member)!; partition++) {
      if (taken.has(partition) || claimed.has(partition)) continue
      taken.add(partition)
      partitions.push(partition)
    }
    partitions.sort((a, b) => a - b)
  }
  for (let partition = 0; partition < count; partition++) if (!taken.has(partition)) withheld++
  return { assigned: kept, withheld }
}

/** Who owns each partition that is claimed: by the later agreement, then by name; ascending by partition. */
function ownersOf(claims: readonly Claim[], count: number): Map<Partition, Claim> {
  const owners = new Map<Partition, Claim>()
  for (let partition = 0; partition < count; partition++) {
    for (const claim of claims) {
      if (!claim.owned.includes(partition)) continue
      const before = owners.get(partition)
      if (before === undefined || isLater(claim, before)) owners.set(partition, claim)
    }
  }
  return owners
}

function isLater(one: Claim, other: Claim): boolean {
  return one.generation > other.generation || (one.generation === other.generation && one.member < other.member)
}

/** How many partitions each member is to have: evenly, and the odd ones to those who have most, so that least moves. */
function sharesOf(owned: ReadonlyMap<string, readonly Partition[]>, count: number): Map<string, number> {
  const byOwned = [...owned].sort(([a, left], [b, right]) => right.length - left.length || (a < b ? -1 : 1))
  const base = Math.floor(count / byOwned.length)
  const odd = count % byOwned.length
  return new Map(byOwned.map(([member], index) => [member, base + (index < odd ? 1 : 0)]))
}
