import { createHash } from 'node:crypto'
import type { HistoryInspector } from '../processors/history/inspect.ts'
import type { MembershipInspector } from '../processors/membership/inspect.ts'
import { forAll } from './pool.ts'
import { READS_AT_ONCE } from './verify-sessions.ts'

/**
 * One number for everything that a view shows: the XOR of the SHA-256 of its rows, so that the order in which they are read
 * does not matter. Positions are not in it: two views that say the same are equal, however far past it each has read.
 */

/** 64 hex digits; 64 zeros for a view that holds nothing. Rejects when the store cannot be reached. */
export async function historyDigest(view: HistoryInspector): Promise<string> {
  const rows = new RowDigests()
  for await (const page of view.sessionIds()) await rows.addAll(page, id => view.session(id))
  for await (const page of view.userIds()) await rows.addAll(page, id => view.user(id))
  return rows.hex()
}

/** The same of groups, their members, and people. */
export async function membershipDigest(view: MembershipInspector): Promise<string> {
  const rows = new RowDigests()
  for await (const page of view.groupIds()) await rows.addAll(page, id => view.group(id))
  for await (const page of view.userIds()) {
    await rows.addAll(page, async userId => {
      // Of who has left every group a view that was built at once may know nothing.
      const { groups } = (await view.user(userId)) ?? { groups: [] }
      const person = await view.person(userId)
      return groups.length === 0 && person === undefined ? undefined : { userId, groups, person }
    })
  }
  return rows.hex()
}

class RowDigests {
  private readonly sum = Buffer.alloc(32)

  async addAll<Id>(ids: readonly Id[], read: (id: Id) => Promise<unknown>): Promise<void> {
    await forAll(ids, READS_AT_ONCE, async id => {
      const row = await read(id)
      if (row !== undefined) this.add(row)
    })
  }

  private add(row: unknown): void {
    const bytes = createHash('sha256').update(canonicalJson(row)).digest()
    for (const [index, byte] of bytes.entries()) this.sum[index]! ^= byte
  }

  hex(): string {
    return this.sum.toString('hex')
  }
}

/** JSON with the fields of every object in the order of their names. */
function canonicalJson(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
