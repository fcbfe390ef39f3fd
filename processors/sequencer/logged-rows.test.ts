import { expect, test } from 'vitest'
import type { SessionBody } from '../../schemas/session.ts'
import { each, SESSION_BODIES } from '../../schemas/testing/samples.ts'
import { changeOf, LOGGED_TABLES, loggedRow, type RowBody } from './logged-rows.ts'
import { TABLES } from './session.ts'

const isRow = (body: SessionBody): body is RowBody =>
  body.kind !== 'PositionMark' && body.kind !== 'OwnerClaim' && body.kind !== 'JoinedMembers'
const rows = each(SESSION_BODIES).filter(isRow)

test.each(rows)('[ST1] a row of im.sessions comes back as it was: $kind', body => {
  const { table, key, row } = changeOf(body)
  if (table === 'recents') throw new Error('remembered packs are not logged')
  const logged = loggedRow(table, key, row)
  expect(logged.body).toEqual(body)
  expect(logged.key.startsWith(`${body.sessionId}#`)).toBe(true)
})

test('[ST1] every table but that of remembered packs is logged, each row under a key of its own', () => {
  expect([...LOGGED_TABLES, 'recents'].sort()).toEqual([...TABLES].sort())
  expect(new Set(rows.map(body => changeOf(body).table))).toEqual(new Set(LOGGED_TABLES))
  const keys = rows.map(body => {
    const { table, key, row } = changeOf(body)
    return table === 'recents' ? '' : loggedRow(table, key, row).key
  })
  expect(new Set(keys).size).toBe(keys.length)
})
