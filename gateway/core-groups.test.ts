import { describe, expect, test } from 'vitest'
import { Code } from '../schemas/codes.ts'
import type { EventBody } from '../schemas/event.ts'
import type { ClientFrame, QuestionFrame } from '../schemas/frames.ts'
import type { SessionId, UserId } from '../schemas/ids.ts'
import type { Pack } from '../schemas/pack.ts'
import { GROUP_SETTINGS_DEFAULT } from '../schemas/settings.ts'
import { type TestClient, World } from './testing/world.ts'

/** Lists of groups, who is told of requests, the history that new members see, and the watching of public groups. */

const group = 'g:climbers' as SessionId

/** What a sequencer without a mind of its own makes of the packs that run groups. */
function dictate({ body }: Pack): EventBody | undefined {
  switch (body.kind) {
    case 'UpdateGroupSettings':
      return { kind: 'GroupSettingsUpdated', settings: { ...GROUP_SETTINGS_DEFAULT, ...body.settings } }
    case 'UpdateGroupInfo':
      return { kind: 'GroupInfoUpdated', info: { name: '', avatar: '', notice: '', ...body.info } }
    case 'SetRole':
      return { kind: 'RolesSet', userIds: body.userIds, role: body.role }
    case 'ChangeOwner':
      return { kind: 'OwnerChanged', userId: body.userId }
    case 'SetAlias':
      return { kind: 'AliasSet', userId: body.userId!, alias: body.alias }
    case 'JoinGroup':
      return body.message === undefined ? undefined : { kind: 'JoinRequested', message: body.message }
    case 'AnswerJoin':
      return { kind: 'JoinRefused', userId: body.userId }
    case 'CreateInvite':
      return { ...body, kind: 'InviteCreated', inviteId: 'i1' }
    default:
      return undefined
  }
}

/** `g:climbers` of alice (owner), bob and carol; dave and zoe are strangers. */
async function climbers() {
  const world = await World.make()
  world.sequencer.dictate = dictate
  const gateway = await world.gateway()
  const people: Record<string, TestClient> = {}
  for (const name of ['alice', 'bob', 'carol', 'dave', 'zoe']) people[name] = await world.connect(gateway, name)
  const does = async (name: string, fields: object) => {
    people[name]!.send({ packId: world.packId(), sessionId: group, ...fields } as ClientFrame)
    await world.flow()
  }
  await does('alice', { type: 'createGroup', groupId: 'climbers', info: { name: 'C' }, members: ['bob', 'carol'] })
  let requests = 0
  /** The answer to a question, or the name of the code. */
  const ask = async (name: string, fields: object) => {
    const requestId = ++requests
    people[name]!.send({ requestId, sessionId: group, ...fields } as QuestionFrame)
    await world.flow()
    await world.clock.pass(50)
    const frame = people[name]!.frames.find(answer => 'requestId' in answer && answer.requestId === requestId)!
    return frame.type === 'failed' ? frame.name : (frame as unknown as Record<string, unknown>)
  }
  const kinds = (name: string) => people[name]!.of('event').map(({ body }) => body.kind)
  return { world, gateway, people, does, ask, kinds }
}

describe('who runs a group', () => {
  test('[GW70] requests to join and invites go to owner and admins and to whom they concern', async () => {
    const { world, gateway, does, kinds } = await climbers()
    await does('alice', { type: 'setRole', userIds: ['bob'], role: 'admin' })
    const phone = await world.connect(gateway, 'dave', { deviceId: 'phone' })
    await does('dave', { type: 'joinGroup', message: 'me' })
    await does('bob', { type: 'createInvite', secretHash: 'ab', expiresAt: 1, usesMax: 1 })
    for (const name of ['alice', 'bob']) expect(kinds(name).slice(-2)).toEqual(['JoinRequested', 'InviteCreated'])
    expect(kinds('carol')).not.toContain('JoinRequested')
    expect(kinds('carol')).not.toContain('InviteCreated')
    expect(phone.of('event')).toMatchObject([{ seq: 0, from: 'dave', body: { kind: 'JoinRequested' } }])
    await does('alice', { type: 'answerJoin', userId: 'dave', approved: false })
    expect(kinds('dave').at(-1)).toBe('JoinRefused')
    expect(kinds('bob').at(-1)).toBe('JoinRefused')
    expect(kinds('carol')).not.toContain('JoinRefused')
  })

  test('[GW70] a role that is given, taken or handed over counts from its event on', async () => {
    const { does, kinds } = await climbers()
    await does('alice', { type: 'changeOwner', userId: 'carol' })
    await does('dave', { type: 'joinGroup', message: 'one' })
    expect(kinds('carol').at(-1)).toBe('JoinRequested')
    expect(kinds('alice').at(-1)).toBe('OwnerChanged')
    await does('carol', { type: 'setRole', userIds: ['bob'], role: 'admin' })
    await does('carol', { type: 'setRole', userIds: ['bob'], role: 'member' })
    await does('dave', { type: 'joinGroup', message: 'two' })
    expect(kinds('bob').filter(kind => kind === 'JoinRequested')).toEqual([])
  })
})

describe('lists of groups', () => {
  test('[GW71] a list of groups has each with what the asker is in it, and then what has changed', async () => {
    const { does, ask } = await climbers()
    await does('bob', { type: 'createGroup', groupId: 'boulder', info: { name: 'B' }, members: ['carol'] })
    const first = await ask('bob', { type: 'groups', limit: 1 })
    expect(first).toMatchObject({ groups: [{ sessionId: 'g:boulder', seq: 1, me: { role: 'owner' } }] })
    const rest = await ask('bob', { type: 'groups', limit: 1, cursor: (first as { cursor: string }).cursor })
    expect(rest).toMatchObject({ groups: [{ sessionId: group, owner: 'alice', memberCount: 3, info: { name: 'C' } }] })
    const { since } = rest as { since: string }
    expect(await ask('bob', { type: 'groups', since })).toMatchObject({ groups: [], left: [] })
    await does('bob', { type: 'dismissGroup', sessionId: 'g:boulder' })
    await does('alice', { type: 'updateGroupInfo', info: { name: 'New' } })
    const news = await ask('bob', { type: 'groups', since })
    expect(news).toMatchObject({ groups: [{ sessionId: group, info: { name: 'New' } }], left: ['g:boulder'] })
    expect(await ask('bob', { type: 'groups', since: 'garbage' })).not.toHaveProperty('left')
    expect(await ask('bob', { type: 'groups', cursor: 'garbage' })).toBe('PARAM')
  })

  test('[GW71] a list of members tells what has changed since, by pages where it begins anew', async () => {
    const { does, ask } = await climbers()
    const first = await ask('bob', { type: 'members', limit: 2 })
    expect(first).toMatchObject({ members: [{ userId: 'alice', role: 'owner' }, { userId: 'bob' }] })
    await does('alice', { type: 'setAlias', userId: 'alice', alias: 'A' })
    const rest = await ask('bob', { type: 'members', limit: 2, cursor: (first as { cursor: string }).cursor })
    expect(rest).toMatchObject({ members: [{ userId: 'carol' }] })
    await does('carol', { type: 'quitGroup' })
    const news = await ask('bob', { type: 'members', since: (rest as { since: string }).since })
    // What changed while the pages were read is told as well.
    expect(news).toMatchObject({ members: [{ userId: 'alice', alias: 'A' }], left: ['carol'] })
    expect(await ask('bob', { type: 'members', cursor: 'e30' })).toBe('PARAM')
    expect(await ask('zoe', { type: 'members' })).toBe('GROUP_USER_NOT_EXIST')
  })

  test('[GW71] who may ask what of a group', async () => {
    const { does, ask } = await climbers()
    expect(await ask('bob', { type: 'group' })).toMatchObject({ group: { memberCount: 3, me: { userId: 'bob' } } })
    expect(await ask('zoe', { type: 'group' })).toBe('GROUP_USER_NOT_EXIST')
    expect(await ask('zoe', { type: 'group', sessionId: 'g:none' })).toBe('GROUP_NOT_EXIST')
    expect(await ask('bob', { type: 'member', userId: 'carol' })).toMatchObject({ member: { userId: 'carol' } })
    expect(await ask('bob', { type: 'member', userId: 'zoe' })).not.toHaveProperty('member')
    expect(await ask('zoe', { type: 'member', userId: 'zoe' })).not.toHaveProperty('member')
    expect(await ask('zoe', { type: 'member', userId: 'bob' })).toBe('GROUP_USER_NOT_EXIST')
    await does('dave', { type: 'joinGroup', message: 'me' })
    const expiresAt = 4_000_000_000_000
    await does('alice', { type: 'createInvite', secretHash: 'ab', expiresAt, usesMax: 1 })
    expect(await ask('alice', { type: 'joinRequests' })).toMatchObject({
      requests: [{ userId: 'dave', message: 'me' }],
    })
    expect(await ask('alice', { type: 'invites' })).toMatchObject({ invites: [{ inviteId: 'i1', uses: 0 }] })
    for (const type of ['joinRequests', 'invites']) {
      expect(await ask('bob', { type })).toBe('GROUP_NO_PRIVILEGE')
      expect(await ask('zoe', { type })).toBe('GROUP_USER_NOT_EXIST')
    }
  })

  test('[GW71] whoever has an ack of a change finds it in the lists, or is told to ask again', async () => {
    const { world, does, ask } = await climbers()
    world.membership.isFollowing = false
    await does('alice', { type: 'setRole', userIds: ['bob'], role: 'admin' })
    const asked = ask('alice', { type: 'member', userId: 'bob' })
    await world.clock.pass(100)
    world.membership.follow()
    expect(await asked).toMatchObject({ member: { role: 'admin' } })
    world.membership.isFollowing = false
    await does('alice', { type: 'setRole', userIds: ['bob'], role: 'member' })
    const late = ask('alice', { type: 'group' })
    await world.clock.pass(11_000)
    expect(await late).toBe('VIEW_BEHIND')
  })
})

describe('what a group shows', () => {
  const seqsOf = (answer: unknown) => (answer as { events: { seq: number }[] }).events.map(({ seq }) => seq)

  test('[GW72] a new member sees what was before where the group shows it, in pages and on resume', async () => {
    const { world, people, does, ask } = await climbers()
    world.say(people.alice!, group, 'before')
    await world.flow()
    await does('dave', { type: 'joinGroup' })
    expect(seqsOf(await ask('dave', { type: 'history', afterSeq: 0 }))).toEqual([3])
    await does('alice', { type: 'updateGroupSettings', settings: { historyShown: 'all' } })
    expect(seqsOf(await ask('dave', { type: 'history', afterSeq: 0 }))).toEqual([1, 2, 3, 4])
    people.dave!.send({ type: 'resume', requestId: 99, sessions: [{ sessionId: group, seq: 0 }] })
    await world.clock.pass(100)
    expect(people.dave!.of('resumed')).toMatchObject([{ sessions: [{ sessionId: group, lastSeq: 4 }] }])
    expect(people.dave!.of('gap')).toEqual([])
    await does('dave', { type: 'quitGroup' })
    await does('alice', { type: 'updateGroupInfo', info: { name: 'Later' } })
    expect(seqsOf(await ask('dave', { type: 'history', afterSeq: 0 }))).toEqual([1, 2, 3, 4, 5])
    expect(await ask('zoe', { type: 'history', afterSeq: 0 })).toBe('HISTORY_DENIED')
  })

  test('[GW73] a public group is read and watched by anybody, until it is public no more', async () => {
    const { world, people, does, ask, kinds } = await climbers()
    const zoe = people.zoe!
    expect(await ask('zoe', { type: 'watch', on: true })).toBe('GROUP_NO_PRIVILEGE')
    await does('alice', { type: 'updateGroupSettings', settings: { isPublic: true } })
    expect(await ask('zoe', { type: 'watch', on: true })).toMatchObject({ type: 'watching', on: true, lastSeq: 2 })
    expect(seqsOf(await ask('zoe', { type: 'history', afterSeq: 0 }))).toEqual([1, 2])
    world.say(people.bob!, group, 'seen')
    await world.flow()
    expect(zoe.seqs(group)).toEqual([3])
    // A member who watches as well gets everything once.
    expect(await ask('carol', { type: 'watch', on: true })).toMatchObject({ on: true })
    world.say(people.bob!, group, 'once')
    await world.flow()
    expect(people.carol!.seqs(group).filter(seq => seq === 4)).toEqual([4])
    await does('zoe', { type: 'send', content: { kind: 'Text', text: 'me' } })
    expect(zoe.of('refused')).toMatchObject([{ code: Code.GROUP_USER_NOT_EXIST.number }])
    await does('alice', { type: 'updateGroupSettings', settings: { isPublic: false } })
    world.say(people.bob!, group, 'private')
    await world.flow()
    expect(zoe.seqs(group)).toEqual([3, 4, 5])
    expect(kinds('zoe').at(-1)).toBe('GroupSettingsUpdated')
    expect(await ask('zoe', { type: 'history', afterSeq: 0 })).toBe('HISTORY_DENIED')
  })

  test('[GW73] watching is stopped, is bounded, and ends with the connection', async () => {
    const { world, gateway, people, does, ask } = await climbers()
    await does('alice', { type: 'updateGroupSettings', settings: { isPublic: true } })
    await ask('zoe', { type: 'watch', on: true })
    expect(await ask('zoe', { type: 'watch', on: false })).toMatchObject({ on: false })
    world.say(people.bob!, group)
    await world.flow()
    expect(people.zoe!.of('event')).toEqual([])
    await ask('zoe', { type: 'watch', on: true })
    gateway.core.hub!.closed(people.zoe!.connection)
    world.say(people.bob!, group)
    await world.flow()
    expect(people.zoe!.of('event')).toEqual([])
    for (let n = 0; n < 21; n++) {
      const groupId = `p${n}` as UserId
      await does('alice', { type: 'createGroup', groupId, info: { name: 'P' }, members: [] })
      await does('alice', { type: 'updateGroupSettings', sessionId: `g:${groupId}`, settings: { isPublic: true } })
      const answer = await ask('dave', { type: 'watch', sessionId: `g:${groupId}`, on: true })
      if (n < 20) expect(answer).toMatchObject({ on: true })
      else expect(answer).toBe('LIMIT_REACHED')
    }
  })
})

test('[GW74] whoever got the event of a changed list is nudged, once for many changes', async () => {
  const { world, people, does } = await climbers()
  const nudgesOf = (name: string) =>
    people[name]!.of('nudge').map(({ what, sessionId }) => `${what} ${sessionId ?? ''}`)
  await world.clock.pass(1_500)
  expect(nudgesOf('bob')).toEqual(['groups '])
  await does('alice', { type: 'setAlias', userId: 'alice', alias: 'A' })
  await does('alice', { type: 'setRole', userIds: ['carol'], role: 'admin' })
  await does('alice', { type: 'updateGroupInfo', info: { name: 'New' } })
  world.say(people.alice!, group)
  await world.flow()
  expect(nudgesOf('bob')).toHaveLength(1)
  await world.clock.pass(1_500)
  expect(nudgesOf('bob').slice(1)).toEqual([`members ${group}`, `groupInfo ${group}`])
  await does('alice', { type: 'removeMembers', userIds: ['bob'] })
  await world.clock.pass(1_500)
  expect(nudgesOf('bob').at(-1)).toBe('groups ')
  expect(nudgesOf('carol').at(-1)).toBe(`members ${group}`)
  expect(nudgesOf('zoe')).toEqual([])
})
