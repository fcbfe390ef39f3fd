import { expect, test } from 'vitest'
import type { PackFrame, ServerFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { ownEvent } from './own-event.ts'

const alice = 'alice' as UserId
const sessionId = 'g:climbers' as SessionId
const packId = '01890a5d-ac96-774b-bcce-b302099a8057' as PackId
const ack = (seq: number): Extract<ServerFrame, { type: 'ack' }> => ({
  type: 'ack',
  packId,
  sessionId,
  seq,
  count: 0,
  at: 1,
})
const bodyOf = (frame: PackFrame, seq: number) => ownEvent(frame, ack(seq), alice)?.body

test('[CL4] an own join stands in the timeline; one that waits for an answer does not', () => {
  const join: PackFrame = { type: 'joinGroup', packId, sessionId }
  expect(bodyOf(join, 4)).toEqual({ kind: 'MemberJoined' })
  expect(bodyOf({ ...join, invite: { inviteId: 'i1', secret: 's' } }, 4)).toEqual({
    kind: 'MemberJoined',
    inviteId: 'i1',
  })
  expect(bodyOf(join, 0)).toBeUndefined()
})

test('[CL4] an own group says how it is run, with the defaults', () => {
  const create: PackFrame = { type: 'createGroup', packId, info: { name: 'C' }, members: [] }
  expect(bodyOf(create, 1)).toEqual({
    kind: 'GroupCreated',
    info: { name: 'C', avatar: '', notice: '' },
    members: [],
  })
  expect(bodyOf({ ...create, settings: { isPublic: true } }, 1)).toMatchObject({
    settings: { ...GROUP_SETTINGS_DEFAULT, isPublic: true },
  })
})

test('[CL4] whom an own answer lets in stands in the timeline; a refusal comes as an event', () => {
  const answer = { type: 'answerJoin', packId, sessionId, userId: 'bob' as UserId } as const
  expect(bodyOf({ ...answer, approved: true }, 5)).toEqual({ kind: 'MembersAdded', userIds: ['bob'] })
  expect(bodyOf({ ...answer, approved: false }, 0)).toBeUndefined()
})
