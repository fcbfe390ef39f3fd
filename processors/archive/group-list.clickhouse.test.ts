import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { testStack } from '../../tests/stack.ts'
import { ClickHouseGroupList } from './group-list.ts'
import { projectEvent } from './project.ts'
import { placed, sampleEvent } from './testing/sample-events.ts'
import { makeTestDatabase, type TestDatabase } from './testing/test-database.ts'

let database: TestDatabase
let list: ClickHouseGroupList

beforeAll(async () => {
  database = await makeTestDatabase(testStack().clickhouseUrl)
  const store = database.store()
  await store.prepare()
  const events = [
    event('g:one', 1, 1_000, { kind: 'GroupCreated', info: info('One', 'one.png'), members: [] }),
    event('g:two', 1, 2_000, { kind: 'GroupCreated', info: info('Two'), members: [] }),
    event('g:six', 1, 2_000, { kind: 'GroupCreated', info: info('Six'), members: [] }),
    event('g:one', 2, 3_000, { kind: 'GroupInfoUpdated', info: info('The first', 'first.png') }),
    event('g:two', 2, 4_000, { kind: 'GroupDismissed' }),
    event('s:ann:ben', 1, 5_000, { kind: 'MessageAccepted', content: { kind: 'Text', text: 'hi' } }),
  ]
  const rows = events.map(one => projectEvent(0, one))
  // The same rows once more under another token: two owners of a partition may both store them.
  for (const token of ['one', 'other']) await store.insert({ token, ranges: [] }, rows)
  list = new ClickHouseGroupList(database.clickhouse)
})
afterAll(() => database.remove())

const info = (name: string, avatar = '') => ({ name, avatar, notice: '' })

test('[CON20] every group is listed once, the newest first, as it is called now', async () => {
  expect(await list.page({ limit: 10 })).toEqual([
    { groupId: 'two', createdAt: 2_000, createdBy: 'ann', name: 'Two', avatar: '', dismissed: true },
    { groupId: 'six', createdAt: 2_000, createdBy: 'ann', name: 'Six', avatar: '', dismissed: false },
    { groupId: 'one', createdAt: 1_000, createdBy: 'ann', name: 'The first', avatar: 'first.png', dismissed: false },
  ])
})

test('[CON20] a page goes on behind the last group of the one before', async () => {
  const seen: string[] = []
  for (
    let page = await list.page({ limit: 1 });
    page.length > 0;
    page = await list.page({ after: page[0]!, limit: 1 })
  ) {
    seen.push(page[0]!.groupId)
  }
  expect(seen).toEqual(['two', 'six', 'one'])
})

let number = 0
function event(sessionId: string, seq: number, at: number, body: EventBody) {
  return placed(sampleEvent(number++, { sessionId: sessionId as SessionId, from: 'ann' as UserId, seq, at, body }))
}
