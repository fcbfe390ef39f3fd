import { afterAll, beforeAll, expect, test } from 'vitest'
import type { GroupList, ListedGroup } from '../../processors/archive/group-list.ts'
import type { GroupId, UserId } from '../../schemas/ids.ts'
import { OPERATOR_SCOPES } from '../../schemas/operator-roles.ts'
import { ALL_SCOPES, isScope } from './scopes.ts'
import { HttpWorld } from './testing/http-world.ts'

const GROUPS: readonly ListedGroup[] = ['c', 'b', 'a'].map((groupId, index) => ({
  groupId: groupId as GroupId,
  createdAt: 3 - index,
  name: groupId.toUpperCase(),
  avatar: '',
  createdBy: 'alice' as UserId,
  dismissed: index === 2,
}))
const asked: Parameters<GroupList['page']>[0][] = []
let isAway = false
const page: GroupList['page'] = async request => {
  if (isAway) throw new Error('away')
  asked.push(request)
  const begin =
    request.after === undefined ? 0 : GROUPS.findIndex(({ groupId }) => groupId === request.after!.groupId) + 1
  return GROUPS.slice(begin, begin + request.limit)
}

let http: HttpWorld
let moderator: string
let viewer: string
beforeAll(async () => {
  http = await HttpWorld.start({ groups: { page } })
  moderator = await http.key('ops', { keyId: 'mod', scopes: OPERATOR_SCOPES.moderator })
  viewer = await http.key('ops', { keyId: 'eye', scopes: OPERATOR_SCOPES.viewer })
})
afterAll(() => http.stop())

const PATH = '/v1/moderation/sessions/s:alice:bob'

test('[CON5] an operator reads a session and takes a message back, and both are noted with the key', async () => {
  const sent = await http.call('POST', '/v1/messages/text', { body: { to: 'bob', text: 'shame' } })
  const { seq, packId } = sent.body as { seq: number; packId: string }
  const read = await http.call('GET', `${PATH}/events?limit=10`, { bearer: moderator })
  expect(read).toMatchObject({ status: 200, body: { events: [{ seq, packId, from: 'alice' }], more: false } })
  const body = { target: { seq, packId, from: 'alice' } }
  await http.call('POST', `${PATH}/revoke`, { bearer: moderator, body })
  expect(http.world.sequencer.packs.at(-1)).toMatchObject({
    sessionId: 's:alice:bob',
    from: 'ops',
    actor: { kind: 'OPERATOR', id: 'ops' },
    device: { id: 'key:mod' },
    body: { kind: 'RevokeMessage', target: { seq, packId } },
  })
  const audit = await http.call('GET', '/v1/audit?limit=2', { bearer: viewer })
  expect(audit.body).toMatchObject({
    acts: [
      { act: 'moderateMessage', subject: 's:alice:bob' },
      { act: 'readSession', subject: 's:alice:bob' },
    ],
  })
  expect(JSON.stringify(audit.body)).toContain('mod')
})

test('[CON5] a group is dismissed in the name of the operator, whoever owns it', async () => {
  await http.call('POST', '/v1/moderation/groups/den/dismiss', { bearer: moderator })
  expect(http.world.sequencer.packs.at(-1)).toMatchObject({
    sessionId: 'g:den',
    from: 'ops',
    actor: { kind: 'OPERATOR' },
    body: { kind: 'DismissGroup' },
  })
})

test('[CON20] every group is listed page by page to whoever may look on, and a store that is away is said', async () => {
  const page = (query = '') => http.call('GET', `/v1/moderation/groups${query}`, { bearer: viewer })
  expect(await page('?limit=2')).toMatchObject({
    status: 200,
    body: { groups: [{ groupId: 'c' }, { groupId: 'b' }], cursor: '2.b' },
  })
  const rest = await page('?limit=2&cursor=2.b')
  expect(rest.body).toEqual({ groups: [GROUPS[2]] })
  expect(asked.at(-1)).toEqual({ after: { createdAt: 2, groupId: 'b' }, limit: 3 })
  for (const cursor of ['b', '2.', '-1.b', '2.b:c'])
    expect(await page(`?cursor=${cursor}`)).toMatchObject({ status: 400 })
  isAway = true
  expect(await page()).toMatchObject({ status: 503, body: { name: 'DB_ERROR' } })
})

test('[CON5] a viewer does neither, and nobody reads what users keep for themselves', async () => {
  expect(await http.call('GET', `${PATH}/events`, { bearer: viewer })).toMatchObject({ status: 403 })
  const body = { target: { seq: 1, packId: http.packId() } }
  expect(await http.call('POST', `${PATH}/revoke`, { bearer: viewer, body })).toMatchObject({ status: 403 })
  const own = await http.call('GET', '/v1/moderation/sessions/u:alice/events', { bearer: moderator })
  expect(own).toMatchObject({ status: 400 })
})

test('[CON5] what is no place of a message is refused, and nothing is noted', async () => {
  for (const target of [
    { seq: -1, packId: http.packId() },
    { seq: 1, packId: http.packId(), from: 'a:b' },
  ]) {
    expect(await http.call('POST', `${PATH}/revoke`, { bearer: moderator, body: { target } })).toMatchObject({
      status: 400,
      body: { name: 'PARAM' },
    })
  }
})

test('[CON6] every scope of a role is one, and a moderator may what a viewer may', () => {
  const { viewer: looks, moderator: keepsOrder } = OPERATOR_SCOPES
  expect([...looks, ...keepsOrder].filter(scope => !isScope(scope))).toEqual([])
  expect(keepsOrder).toEqual(expect.arrayContaining([...looks]))
  expect(looks.every(scope => scope.endsWith(':read') && !/^(messages|moderation|search)/.test(scope))).toBe(true)
  expect(keepsOrder.length).toBeLessThan(ALL_SCOPES.length)
})
