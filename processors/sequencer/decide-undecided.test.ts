import { describe, expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { Session } from '../../schemas/ids.ts'
import { each, PACK_BODIES } from '../../schemas/testing/samples.ts'
import { fits } from './pack-kinds.ts'
import { brief, chess, makePack, text } from './testing/packs.ts'

const KIND_OF: Record<string, Session['kind']> = { s: 'Single', g: 'Group', u: 'User' }

describe('what the language has and this build does not decide', () => {
  const users = each(PACK_BODIES).filter(({ kind }) => kind !== 'SetRules')
  test.each(users)('[SQ28] $kind is decided where it belongs', body => {
    const session = ['s:alice:bob', 'g:chess', 'u:alice'].find(id => fits(body.kind, KIND_OF[id[0]!]!))!
    expect(brief(chess().run(makePack({ session, from: 'alice', body })))).not.toBe('MSG_OP_CMD')
  })

  test('[SQ28] notifications are not taken yet; their app is told so, also when it sends again', () => {
    const session = 'b:shop:alice'
    const state = chess()
    const body = text('Your parcel')
    const pack = makePack({ session, from: 'shop', body }, { actor: { kind: 'APP', id: 'shop' } })
    expect(brief(state.run(pack))).toBe('MSG_OP_CMD')
    expect(brief(state.run(pack))).toBe(`repeated ${Code.MSG_OP_CMD.number} 0 0`)
    expect(state.rows.heads.get(session)).toBeUndefined()
  })
})
