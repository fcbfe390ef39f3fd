import { afterEach, expect, test } from 'vitest'
import type { SessionId, UserId } from '../../../schemas/ids.ts'
import type { SessionBody } from '../../../schemas/session.ts'
import { each, SESSION_BODIES } from '../../../schemas/testing/samples.ts'
import { changeOf, type RowBody } from '../logged-rows.ts'
import {
  CHECKPOINT_START,
  countRows,
  HEAD_PLAIN,
  MEMBER_PLAIN,
  makeRowMaps,
  memberKey,
  type RowMaps,
  recentKey,
  type StoredCheckpoint,
  TABLES,
} from '../session.ts'
import { FORGET_ROWS_MAX, type StateStore, StateTaken } from '../state-store.ts'
import { packIdAt, T0 } from './packs.ts'

const session = 's:alice:bob' as SessionId
const alice = 'alice' as UserId

function checkpointAt(offset: number): StoredCheckpoint {
  const position = { offset, cause: { era: 0, offset }, hash: '0011223344556677' }
  return { ...CHECKPOINT_START, position, logged: null }
}

function rowsWith(fill: (rows: RowMaps) => void): RowMaps {
  const rows = makeRowMaps()
  fill(rows)
  return rows
}

const head = (lastSeq: number) => ({ lastSeq, count: lastSeq, ...HEAD_PLAIN })
function isRow(body: SessionBody): body is RowBody {
  return body.kind !== 'PositionMark' && body.kind !== 'OwnerClaim' && body.kind !== 'JoinedMembers'
}

const recent = (at: number) => {
  return { digest: '\u0000\u00ff\u0080digest-digest', code: 0, seq: 1, count: 1, at, message: 'counted' as const }
}

/** What every state store keeps to; `open` opens a store on the same place each time it is called in one test. */
export function stateStoreContract(
  name: string,
  makePlace: () => { open: () => StateStore; remove: () => void },
): void {
  const opened: StateStore[] = []
  const removals: (() => void)[] = []
  const place = () => {
    const { open, remove } = makePlace()
    removals.push(remove)
    return () => {
      const store = open()
      opened.push(store)
      return store
    }
  }
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    for (const remove of removals.splice(0)) remove()
  })

  test(`[ST1] ${name}: rows of every table come back as they were, with the checkpoint`, async () => {
    const open = place()
    const store = open()
    expect(store.checkpoint()).toBeUndefined()
    expect(store.newestRecent()).toBeUndefined()
    expect(store.get('heads', session)).toBeUndefined()
    const group = { lastSeq: 9, count: 3, ...HEAD_PLAIN, owner: 'alice', dismissed: true, memberCount: 2 }
    const member = {
      ...MEMBER_PLAIN,
      owner: true,
      intervals: [
        { joinSeq: 1, leaveSeq: 4 },
        { joinSeq: 6, leaveSeq: 0 },
      ],
    }
    const info = { name: '棋', avatar: '', notice: 'n' }
    const key = recentKey(session, alice, packIdAt(T0, 1))
    const others = each(SESSION_BODIES).filter(isRow).map(changeOf)
    const rows = rowsWith(maps => {
      for (const { table, key, row } of others) (maps[table] as Map<string, typeof row>).set(key, row)
      maps.heads.set(session, head(2 ** 40)).set('g:chess', group)
      maps.infos.set('g:chess', info)
      maps.members.set(memberKey('g:chess' as SessionId, alice), member)
      maps.recents.set(key, recent(T0))
    })
    await store.write({ rows, checkpoint: checkpointAt(7), forgetBefore: 0 })
    await store.close()
    const again = open()
    expect(again.checkpoint()).toEqual(checkpointAt(7))
    expect(again.get('heads', session)).toEqual(head(2 ** 40))
    expect(again.get('heads', 'g:chess')).toEqual(group)
    expect(again.get('infos', 'g:chess')).toEqual(info)
    expect(again.get('members', memberKey('g:chess' as SessionId, alice))).toEqual(member)
    expect(again.get('recents', key)).toEqual(recent(T0))
    for (const { table, key, row } of others) {
      if (key !== session) expect(again.get(table, key), table).toEqual(row)
    }
    expect(again.size().rows).toBe(countRows(rows))
    expect(TABLES.filter(table => rows[table].size === 0)).toEqual([])
  })

  test(`[ST1] ${name}: a write is read as soon as it has resolved, and replaces rows`, async () => {
    const store = place()()
    for (const lastSeq of [1, 2, 3]) {
      const rows = rowsWith(({ heads }) => heads.set(session, head(lastSeq)))
      await store.write({ rows, checkpoint: checkpointAt(lastSeq), forgetBefore: 0 })
      expect(store.get('heads', session)?.lastSeq).toBe(lastSeq)
      expect(store.checkpoint()?.position.offset).toBe(lastSeq)
    }
  })

  test(`[ST1] ${name}: rows without a checkpoint leave the store empty for a restore, and so does clear`, async () => {
    const store = place()()
    const rows = rowsWith(({ heads }) => heads.set(session, head(1)))
    await store.write({ rows, checkpoint: undefined, forgetBefore: 0 })
    expect(store.checkpoint()).toBeUndefined()
    await store.write({ rows, checkpoint: checkpointAt(1), forgetBefore: 0 })
    await store.clear()
    expect(store.checkpoint()).toBeUndefined()
    expect(store.get('heads', session)).toBeUndefined()
    expect(store.size().rows).toBe(0)
  })

  test(`[ST2] ${name}: of two instances on one place the later one goes on, the earlier one has written nothing`, async () => {
    const open = place()
    const first = open()
    await first.write({
      rows: rowsWith(({ heads }) => heads.set(session, head(1))),
      checkpoint: checkpointAt(1),
      forgetBefore: 0,
    })
    const second = open()
    expect(second.get('heads', session)).toEqual(head(1))
    const rows = rowsWith(({ heads }) => heads.set(session, head(5)))
    await expect(first.write({ rows, checkpoint: checkpointAt(5), forgetBefore: 0 })).rejects.toThrow(StateTaken)
    await expect(first.clear()).rejects.toThrow(StateTaken)
    expect(second.get('heads', session)).toEqual(head(1))
    expect(second.checkpoint()).toEqual(checkpointAt(1))
    await second.write({ rows, checkpoint: checkpointAt(5), forgetBefore: 0 })
    expect(second.get('heads', session)).toEqual(head(5))
  })

  test(`[ST3] ${name}: old packs are forgotten, oldest first, and no others`, async () => {
    const store = place()()
    const count = FORGET_ROWS_MAX + 500
    const keyOf = (n: number) => recentKey(session, alice, packIdAt(T0 + n, n))
    const rows = rowsWith(({ recents }) => {
      for (let n = 0; n < count; n++) recents.set(keyOf(n), recent(T0 + n))
    })
    await store.write({ rows, checkpoint: checkpointAt(1), forgetBefore: 0 })
    expect(store.size().rows).toBe(count)
    expect(store.newestRecent()).toBe(keyOf(count - 1))
    const nothing = { rows: makeRowMaps(), checkpoint: checkpointAt(1) }
    await store.write({ ...nothing, forgetBefore: T0 + 10 })
    expect([9, 10].map(n => store.get('recents', keyOf(n)) !== undefined)).toEqual([false, true])
    await store.write({ ...nothing, forgetBefore: T0 + count })
    expect(store.size().rows).toBe(490)
    await store.write({ ...nothing, forgetBefore: T0 + count - 1 })
    expect(store.size().rows).toBe(1)
  })
}
