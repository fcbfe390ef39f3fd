import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { notRandom } from '../testing/fake-gateway.ts'
import { type Command, parseCommand } from './commands.ts'
import { groupLines, invitePack, mutePack } from './group-commands.ts'

const group = 'g:climbers' as SessionId
const typed = (line: string): Command => parseCommand(line, 'alice' as UserId)
const wrong = (line: string) => expect(typed(line), line).toMatchObject({ kind: 'Wrong' })

test('[CL11] commands that run a group mean packs for the open one', () => {
  const packs: [line: string, pack: object][] = [
    ['/group name The  climbers', { type: 'updateGroupInfo', info: { name: 'The climbers' } }],
    ['/group joinPolicy approval', { type: 'updateGroupSettings', settings: { joinPolicy: 'approval' } }],
    ['/group slowModeMs 5000', { type: 'updateGroupSettings', settings: { slowModeMs: 5_000 } }],
    ['/group isPublic yes', { type: 'updateGroupSettings', settings: { isPublic: true } }],
    ['/owner bob', { type: 'changeOwner', userId: 'bob' }],
    ['/admin bob,carol dave', { type: 'setRole', userIds: ['bob', 'carol', 'dave'], role: 'admin' }],
    ['/member bob', { type: 'setRole', userIds: ['bob'], role: 'member' }],
    ['/alias Al the wall', { type: 'setAlias', alias: 'Al the wall' }],
    ['/alias', { type: 'setAlias', alias: '' }],
    ['/let dave', { type: 'answerJoin', userId: 'dave', approved: true }],
    ['/refuse dave too many', { type: 'answerJoin', userId: 'dave', approved: false, reason: 'too many' }],
  ]
  for (const [line, pack] of packs) expect(typed(line), line).toMatchObject({ kind: 'Run', pack })
  expect(typed('/mute bob')).toEqual({ kind: 'Mute', userId: 'bob', minutes: 60 })
  expect(typed('/unmute bob')).toEqual({ kind: 'Mute', userId: 'bob', minutes: 0 })
  expect(typed('/invite 5')).toEqual({ kind: 'Invite', uses: 5 })
  expect(typed('/join climbers i1 s1')).toEqual({
    kind: 'Join',
    sessionId: group,
    invite: { inviteId: 'i1', secret: 's1' },
  })
  expect(typed('/watch climbers')).toEqual({ kind: 'Watch', sessionId: group, on: true })
})

test('[CL11] what cannot be meant is said', () => {
  for (const line of ['/group colour red', '/group joinPolicy maybe', '/group slowModeMs -1', '/owner', '/owner a b']) {
    wrong(line)
  }
  for (const line of ['/admin', '/mute bob 0', '/invite many', '/join climbers i1', '/let']) wrong(line)
})

test('[CL14] an invite gives the server the hash of its secret only, a mute the time at which it ends', () => {
  const { pack, secret } = invitePack(group, 3, 1_000, notRandom)
  const secretHash = createHash('sha256').update(secret).digest('hex')
  expect(pack).toEqual({ type: 'createInvite', sessionId: group, secretHash, expiresAt: 86_401_000, usesMax: 3 })
  const userId = 'bob' as UserId
  expect(mutePack(group, { userId, minutes: 2 }, 1_000)).toMatchObject({ userId, until: 121_000 })
  expect(mutePack(group, { userId, minutes: 0 }, 1_000)).toMatchObject({ until: 0 })
})

test('[CL12] a group is shown with what cannot speak to the terminal', () => {
  const info = { name: 'C\u001b[2J', avatar: '', notice: 'n' }
  const me = { userId: 'alice' as UserId, role: 'admin', joinSeq: 1, alias: 'A' } as const
  const lines = groupLines({ sessionId: group, seq: 1, owner: 'bob' as UserId, memberCount: 2, info, me })
  expect(lines).toEqual(['  g:climbers "C·[2J": 2 members, owned by bob', '  notice: n', '  you: admin, called A'])
})
