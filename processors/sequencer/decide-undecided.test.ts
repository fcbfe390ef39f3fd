import { describe, expect, test } from 'vitest'
import type { Session } from '../../schemas/ids.ts'
import { each, PACK_BODIES } from '../../schemas/testing/samples.ts'
import { fits } from './pack-kinds.ts'
import { brief, chess, makePack } from './testing/packs.ts'

const KIND_OF: Record<string, Session['kind']> = { s: 'Single', g: 'Group', u: 'User', a: 'App' }

describe('what the language has and this build does not decide', () => {
  const users = each(PACK_BODIES).filter(({ kind }) => kind !== 'SetRules')
  test.each(users)('[SQ28] $kind is decided where it belongs', body => {
    const session = ['s:alice:bob', 'g:chess', 'u:alice', 'a:alice'].find(id => fits(body.kind, KIND_OF[id[0]!]!))!
    const actor = { kind: session === 'a:alice' ? 'APP' : 'USER', id: 'alice' } as const
    expect(brief(chess().run(makePack({ session, from: 'alice', body }, { actor })))).not.toBe('MSG_OP_CMD')
  })
})
