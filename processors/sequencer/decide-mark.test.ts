import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Pack, PackBody, Stamp } from '../../schemas/pack.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import { SESSION_ATTRIBUTES_DEFAULT } from '../../schemas/settings.ts'
import { DELETE_FOR_ME_MAX, DRAFT_BYTES_MAX } from './decide-kept.ts'
import { brief, chess, DISMISS, inChess, makePack, packIdAt, rulesPack, T0, TestState, text } from './testing/packs.ts'

const stamped = (count: number): Partial<Pack> => ({
  stamp: { verdict: null, target: null, quote: null, origin: null, count, friendsOnly: false, rewritten: false },
})
const read = (seq: number): PackBody => ({ kind: 'MarkRead', seq })
const delivered = (seq: number): PackBody => ({ kind: 'MarkDelivered', seq })

/** `s:alice:bob` with three messages of alice, the second of which does not count. */
function chat(): TestState {
  const state = new TestState()
  for (const flags of [4, 0, 4]) state.run(makePack({ flags }))
  return state
}

describe('marks', () => {
  const marks: [string, string, PackBody, Stamp['count'] | undefined, unknown][] = [
    ['at the head', 'bob', read(3), undefined, { kind: 'ReadMarked', seq: 3, count: 2 }],
    ['beyond it', 'bob', read(99), 7, { kind: 'ReadMarked', seq: 3, count: 2 }],
    ['below it', 'bob', read(1), 1, { kind: 'ReadMarked', seq: 1, count: 1 }],
    ['with a count that cannot be', 'bob', read(2), 50, { kind: 'ReadMarked', seq: 2, count: 2 }],
    ['delivered', 'bob', delivered(2), undefined, { kind: 'DeliveredMarked', seq: 2 }],
    ['delivered beyond the head', 'alice', delivered(8), undefined, { kind: 'DeliveredMarked', seq: 3 }],
  ]
  test.each(marks)('[SQ34] a mark %s', (_name, from, body, count, expected) => {
    const state = chat()
    const event = state.run(makePack({ from, body, flags: 0 }, count === undefined ? {} : stamped(count)))
    expect(event).toMatchObject({ seq: 0, count: 0, body: expected })
    expect(brief(state.run(makePack()))).toBe('MessageAccepted seq 4 count 3')
  })

  test('[SQ34] what cannot be marked', () => {
    const state = chat()
    const outcome = (from: string, body: PackBody, session = 's:alice:bob') =>
      brief(state.run(makePack({ session, from, body, flags: 0 })))
    expect(outcome('bob', read(0))).toBe('PARAM')
    expect(outcome('bob', delivered(0))).toBe('PARAM')
    // Not remembered: the same pack may come again with a stamp.
    expect(outcome('bob', read(2))).toBe('VIEW_BEHIND')
    expect(outcome('carol', read(3))).toBe('MSG_FORBIDDEN')
    expect(outcome('bob', read(1), 's:bob:carol')).toBe('PARAM')
    expect(outcome('bob', delivered(1), 'g:none')).toBe('PARAM')
    expect(outcome('bob', read(1), 'g:none')).toBe('GROUP_NOT_EXIST')
  })

  test('[SQ34] a group has marks of its members up to its size', () => {
    const state = chess()
    state.run(inChess('alice', text('hi')))
    expect(state.run(inChess('bob', read(9)))).toMatchObject({ seq: 0, body: { kind: 'ReadMarked', seq: 2 } })
    expect(brief(state.run(inChess('zoe', read(1))))).toBe('GROUP_USER_NOT_EXIST')
    const one = new TestState({ partitions: 1 })
    one.run(rulesPack({ ...RULES_DEFAULT, version: 1, receiptMembersMax: 2 }))
    one.run(
      inChess('alice', {
        kind: 'CreateGroup',
        info: { name: 'c', avatar: '', notice: '' },
        members: ['b', 'c'] as never,
      }),
    )
    expect(brief(one.run(inChess('alice', read(1))))).toBe('LIMIT_REACHED')
    state.run(inChess('alice', DISMISS))
    expect(brief(state.run(inChess('bob', read(1))))).toBe('GROUP_NOT_EXIST')
  })

  test('[SQ34] no mark ever lies above the head, in seq or count', () => {
    const action = fc.oneof(fc.record({ say: fc.boolean() }), fc.record({ seq: fc.nat(40), count: fc.nat(40) }))
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => {
        const state = new TestState()
        for (const action of actions) {
          if ('say' in action) {
            state.run(makePack({ flags: action.say ? 4 : 0 }))
            continue
          }
          const event = state.run(makePack({ from: 'bob', body: read(action.seq), flags: 0 }, stamped(action.count)))
          const head = state.rows.heads.get('s:alice:bob')
          if (event.body.kind !== 'ReadMarked') expect(head === undefined || action.seq === 0).toBe(true)
          else {
            expect(event.body.seq).toBe(Math.min(action.seq, head!.lastSeq))
            expect(event.body.count).toBeLessThanOrEqual(head!.count)
          }
        }
      }),
    )
  })
})

describe('what a user keeps of other sessions', () => {
  const chatId = 's:alice:bob' as never
  const run = (state: TestState, body: PackBody, changes: Partial<Pack> = {}) =>
    state.run(makePack({ session: 'u:alice', body, flags: 0 }, changes))
  const set = (attributes: object, sessionId = chatId): PackBody => ({
    kind: 'SetSessionAttributes',
    sessionId,
    attributes,
  })

  test('[SQ35] attributes are patched; the event holds all that applies', () => {
    const state = new TestState()
    expect(run(state, set({ pinned: true }))).toMatchObject({
      seq: 1,
      body: { kind: 'SessionAttributesSet', attributes: { ...SESSION_ATTRIBUTES_DEFAULT, pinned: true } },
    })
    run(state, set({ draft: 'Well', custom: [{ name: 'colour', value: 'red' }] }))
    expect(run(state, set({ notify: 'none', draft: '' })).body).toEqual({
      kind: 'SessionAttributesSet',
      sessionId: chatId,
      attributes: { pinned: true, notify: 'none', hidden: false, custom: [{ name: 'colour', value: 'red' }] },
    })
    // Of another session there are others.
    expect(run(state, set({ hidden: true }, 'g:chess' as never)).body).toMatchObject({
      attributes: { ...SESSION_ATTRIBUTES_DEFAULT, hidden: true },
    })
  })

  test('[SQ35] marks and clearings have the count that the gateway found, and wait for it', () => {
    const state = new TestState()
    for (const kind of ['MarkSessionRead', 'ClearSession'] as const) {
      const body = { kind, sessionId: chatId, seq: 12 }
      const pack = makePack({ session: 'u:alice', body, flags: 0 })
      expect(brief(state.run(pack))).toBe('VIEW_BEHIND')
      expect(state.run({ ...pack, ...stamped(9) }).body).toMatchObject({ sessionId: chatId, seq: 12, count: 9 })
      expect(brief(run(state, { ...body, seq: 0 }, stamped(0)))).toBe('PARAM')
    }
    expect(state.rows.heads.get('u:alice')!.lastSeq).toBe(2)
  })

  test('[SQ35] messages are hidden by seq and packId, a bounded number at once', () => {
    const state = new TestState()
    const targets = (...seqs: number[]) => seqs.map(seq => ({ seq, packId: packIdAt(T0, seq) }))
    const hide = (...seqs: number[]): PackBody => ({
      kind: 'DeleteForMe',
      sessionId: chatId,
      targets: targets(...seqs),
    })
    expect(run(state, hide(9, 2, 9)).body).toEqual({ kind: 'DeletedForMe', sessionId: chatId, seqs: [2, 9] })
    const many = Array.from({ length: DELETE_FOR_ME_MAX + 1 }, (_, n) => n + 1)
    const wrong = [hide(), hide(0), hide(...many), { ...hide(1), targets: [{ seq: 1, packId: 'x' as never }] }]
    for (const body of wrong) expect(brief(run(state, body as PackBody))).toBe('PARAM')
  })

  test('[SQ35] what does not fit is refused', () => {
    const state = new TestState()
    for (const sessionId of ['s:bob:carol', 'u:alice', 'b:shop:bob', 'a:shop', 's:bob:alice', 'x']) {
      expect(brief(run(state, set({ pinned: true }, sessionId as never)))).toBe('PARAM')
    }
    expect(brief(run(state, set({}, 'b:shop:alice' as never)))).toBe('PARAM')
    expect(brief(run(state, set({ draft: 'x'.repeat(DRAFT_BYTES_MAX + 1) })))).toBe('SESSION_ATTRIBUTE')
    expect(brief(run(state, set({ custom: [{ name: '', value: 'x' }] })))).toBe('SESSION_ATTRIBUTE')
    expect(brief(state.run(makePack({ session: 'u:bob', body: set({ pinned: true }), flags: 0 })))).toBe(
      'MSG_FORBIDDEN',
    )
  })
})
