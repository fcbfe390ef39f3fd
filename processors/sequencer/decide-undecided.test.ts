import { describe, expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { Session } from '../../schemas/ids.ts'
import { each, PACK_BODIES } from '../../schemas/testing/samples.ts'
import { fits } from './pack-kinds.ts'
import { brief, chess, inChess, makePack, text } from './testing/packs.ts'

const KIND_OF: Record<string, Session['kind']> = { s: 'Single', g: 'Group', u: 'User' }

describe('what the language has and this build does not decide', () => {
  const SESSIONS = ['s:alice:bob', 'g:chess', 'u:alice', 'u:bob', 'b:shop:alice', 'a:shop', 'g:none', '#rules']
  const decided = [
    ...['SendMessage', 'SetRules', 'RevokeMessage', 'OverrideMessage', 'DeleteForAll', 'AddReaction', 'RemoveReaction'],
    ...['CreateGroup', 'JoinGroup', 'QuitGroup', 'AddMembers', 'RemoveMembers', 'DismissGroup'],
    ...['UpdateGroupInfo', 'UpdateGroupSettings', 'ChangeOwner', 'SetRole', 'AnswerJoin', 'CreateInvite'],
    ...['RevokeInvite', 'MuteMember', 'SetAlias'],
    ...['RequestFriend', 'AcceptFriend', 'RefuseFriend', 'DeleteFriend', 'RemarkFriend', 'BlockUser', 'UnblockUser'],
    ...['UpdateProfile', 'UpdateSettings', 'SetUserAttributes'],
    ...['MarkRead', 'MarkDelivered', 'SetSessionAttributes', 'MarkSessionRead', 'ClearSession', 'DeleteForMe'],
  ]
  const undecided = each(PACK_BODIES).filter(({ kind }) => !decided.includes(kind))

  test.each(undecided)('[SQ28] $kind is refused with a final code in every session', body => {
    for (const session of SESSIONS) {
      const state = chess()
      const before = brief(state.run(inChess('alice', text('before'))))
      const pack = makePack({ session, from: 'alice', body })
      const outcome = brief(state.run(pack))
      expect(['MSG_OP_CMD', 'PARAM', 'MSG_FORBIDDEN', 'GROUP_NOT_EXIST', 'ACCESS_DENIED']).toContain(outcome)
      // Nothing came of it: the next message follows the one before.
      expect(before).toBe('MessageAccepted seq 2 count 0')
      expect(brief(state.run(inChess('alice', text('after'))))).toBe('MessageAccepted seq 3 count 0')
    }
  })

  test.each(undecided)('[SQ28] $kind is MSG_OP_CMD where it belongs, also when it is sent again', body => {
    const session = ['s:alice:bob', 'g:chess', 'u:alice'].find(id => fits(body.kind, KIND_OF[id[0]!]!))!
    const state = chess()
    const pack = makePack({ session, from: 'alice', body })
    expect(brief(state.run(pack))).toBe('MSG_OP_CMD')
    expect(brief(state.run(pack))).toBe(`repeated ${Code.MSG_OP_CMD.number} 0 0`)
  })
})
