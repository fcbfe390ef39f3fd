import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionBody } from '../../schemas/session.ts'
import { changesOfJoined, JOINED_TOGETHER_MAX, loggedMembers } from './logged-members.ts'
import { changeOf, type LoggedRow, type RowBody } from './logged-rows.ts'
import { MEMBER_PLAIN, type Member, memberKey } from './session.ts'

const GROUPS = ['g:one', 'g:two'] as SessionId[]
const USERS = ['a', 'b', 'c', 'd'] as UserId[]
const RUNS = 200

/** A topic that is compacted: of records under one key only the last is left, in its place. */
class Topic {
  private readonly records = new Map<string, SessionBody>()

  write({ key, body }: LoggedRow): void {
    this.records.delete(key)
    this.records.set(key, body)
  }

  read(): Map<string, Member> {
    const rows = new Map<string, Member>()
    for (const body of this.records.values()) {
      const changes = body.kind === 'JoinedMembers' ? changesOfJoined(body) : [changeOf(body as RowBody)]
      for (const { key, row } of changes) rows.set(key, row as Member)
    }
    return rows
  }

  get size(): number {
    return this.records.size
  }
}

/** Few values, so that the same rows come again. */
const anyMember = fc.record({
  joinSeq: fc.integer({ min: 1, max: 3 }),
  leaveSeq: fc.constantFrom(0, 0, 0, 5),
  mutedUntil: fc.constantFrom(0, 0, 0, 9),
  admin: fc.constantFrom(false, false, true),
})
const anyFlush = fc.array(
  fc.record({ group: fc.constantFrom(...GROUPS), users: fc.subarray(USERS, { minLength: 1 }), member: anyMember }),
  { minLength: 1, maxLength: 3 },
)

test('[ST19] whatever is written together or alone, the topic says of each member what was last', () => {
  fc.assert(
    fc.property(fc.array(anyFlush, { maxLength: 12 }), flushes => {
      const topic = new Topic()
      const last = new Map<string, Member>()
      for (const flush of flushes) {
        const rows = new Map<string, Member>()
        for (const { group, users, member } of flush) {
          const { joinSeq, leaveSeq, mutedUntil, admin } = member
          const row = { ...MEMBER_PLAIN, mutedUntil, admin, intervals: [{ joinSeq, leaveSeq }] }
          for (const userId of users) rows.set(memberKey(group, userId), row)
        }
        for (const [key, row] of rows) last.set(key, row)
        for (const record of loggedMembers(rows)) topic.write(record)
      }
      expect(topic.read()).toEqual(last)
    }),
    { numRuns: RUNS },
  )
})

test('[ST19] one record holds a bounded number of members, and one of them alone has its own', () => {
  const rows = new Map<string, Member>()
  const add = (count: number, joinSeq: number) => {
    for (let n = 0; n < count; n++)
      rows.set(memberKey('g:one' as SessionId, `u${joinSeq}-${n}` as UserId), {
        ...MEMBER_PLAIN,
        intervals: [{ joinSeq, leaveSeq: 0 }],
      })
  }
  add(2 * JOINED_TOGETHER_MAX + 1, 4)
  add(1, 5)
  add(2, 6)
  const kinds = [...loggedMembers(rows)].map(({ body }) => body.kind)
  expect(kinds.sort()).toEqual(['JoinedMembers', 'JoinedMembers', 'JoinedMembers', 'SessionMember', 'SessionMember'])
})
