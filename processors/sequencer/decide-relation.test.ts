import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../schemas/ids.ts'
import type { PackBody, Stamp } from '../../schemas/pack.ts'
import type { Relation } from '../../schemas/session.ts'
import { FRIEND_MESSAGE_CHARS_MAX, REMARK_CHARS_MAX } from './decide-relation.ts'
import { brief, makePack, TestState, text } from './testing/packs.ts'

const FRIENDS_ONLY: Stamp = {
  verdict: null,
  target: null,
  quote: null,
  origin: null,
  count: 0,
  friendsOnly: true,
  rewritten: false,
}

const INPUTS = {
  request: { kind: 'RequestFriend', message: 'hi' },
  accept: { kind: 'AcceptFriend' },
  refuse: { kind: 'RefuseFriend' },
  delete: { kind: 'DeleteFriend' },
  remark: { kind: 'RemarkFriend', remark: 'Bo' },
  block: { kind: 'BlockUser' },
  unblock: { kind: 'UnblockUser' },
  message: text('hello'),
  messageToFriendsOnly: text('hello'),
} as const satisfies Record<string, PackBody>
type Input = keyof typeof INPUTS

/** As `me` sees it. */
const STATES = {
  nothing: {},
  iAsked: { requestedBy: 'me' },
  theyAsked: { requestedBy: 'peer' },
  friends: { friends: true },
  iBlock: { iBlock: true },
  theyBlock: { theyBlock: true },
  bothBlock: { iBlock: true, theyBlock: true },
  friendsIBlock: { friends: true, iBlock: true },
  friendsTheyBlock: { friends: true, theyBlock: true },
} as const
type State = keyof typeof STATES

const OK = 'MessageAccepted'
const NO = 'USER_RELATION_INVALID'
const NONE = 'REQUEST_NOT_EXIST'
const AGAIN = 'MSG_REPEATED'
const BLACK = 'BLACKLIST'

// biome-ignore format: a table
const EXPECTED: Record<State, Record<Input, string>> = {
  nothing:          { request: 'FriendRequested', accept: NONE, refuse: NONE, delete: NO, remark: NO, block: 'UserBlocked', unblock: NO, message: OK, messageToFriendsOnly: NO },
  iAsked:           { request: AGAIN, accept: NONE, refuse: NONE, delete: NO, remark: NO, block: 'UserBlocked', unblock: NO, message: OK, messageToFriendsOnly: NO },
  theyAsked:        { request: 'FriendAccepted', accept: 'FriendAccepted', refuse: 'FriendRefused', delete: NO, remark: NO, block: 'UserBlocked', unblock: NO, message: OK, messageToFriendsOnly: NO },
  friends:          { request: NO, accept: NONE, refuse: NONE, delete: 'FriendDeleted', remark: 'FriendRemarked', block: 'UserBlocked', unblock: NO, message: OK, messageToFriendsOnly: OK },
  iBlock:           { request: NO, accept: NONE, refuse: NONE, delete: NO, remark: NO, block: AGAIN, unblock: 'UserUnblocked', message: OK, messageToFriendsOnly: NO },
  theyBlock:        { request: BLACK, accept: NONE, refuse: NONE, delete: NO, remark: NO, block: 'UserBlocked', unblock: NO, message: BLACK, messageToFriendsOnly: BLACK },
  bothBlock:        { request: BLACK, accept: NONE, refuse: NONE, delete: NO, remark: NO, block: AGAIN, unblock: 'UserUnblocked', message: BLACK, messageToFriendsOnly: BLACK },
  friendsIBlock:    { request: NO, accept: NONE, refuse: NONE, delete: 'FriendDeleted', remark: 'FriendRemarked', block: AGAIN, unblock: 'UserUnblocked', message: OK, messageToFriendsOnly: OK },
  friendsTheyBlock: { request: BLACK, accept: NONE, refuse: NONE, delete: 'FriendDeleted', remark: 'FriendRemarked', block: 'UserBlocked', unblock: NO, message: BLACK, messageToFriendsOnly: BLACK },
}

const SESSION = 's:alice:bob'
const packOf = (from: string, input: Input) =>
  makePack(
    { session: SESSION, from, body: INPUTS[input], flags: 0 },
    input === 'messageToFriendsOnly' ? { stamp: FRIENDS_ONLY } : {},
  )

/** A state in which `me` stands to the other user as the name says. */
function stateOf(name: State, me: string): TestState {
  const wanted: { requestedBy?: 'me' | 'peer'; friends?: true; iBlock?: true; theyBlock?: true } = STATES[name]
  const peer = me === 'alice' ? 'bob' : 'alice'
  const state = new TestState()
  if (wanted.friends) state.run(packOf(peer, 'request'))
  if (wanted.friends) state.run(packOf(me, 'accept'))
  if (wanted.requestedBy !== undefined) state.run(packOf(wanted.requestedBy === 'me' ? me : peer, 'request'))
  if (wanted.iBlock) state.run(packOf(me, 'block'))
  if (wanted.theyBlock) state.run(packOf(peer, 'block'))
  return state
}

const cells = (Object.keys(STATES) as State[]).flatMap(state =>
  (Object.keys(INPUTS) as Input[]).map(input => [state, input, EXPECTED[state][input]] as const),
)

describe('what two users are to each other', () => {
  for (const me of ['alice', 'bob']) {
    test.each(cells)(`[US1] ${me}, %s: %s gives %s`, (name, input, expected) => {
      const outcome = brief(stateOf(name, me).run(packOf(me, input)))
      expect(outcome.split(' ')[0]).toBe(expected)
    })
  }

  test('[US1] nothing of it takes a seq or a count, and messages go on where they were', () => {
    const state = new TestState()
    state.run(packOf('alice', 'message'))
    expect(brief(state.run(packOf('alice', 'request')))).toBe('FriendRequested seq 0 count 0')
    expect(brief(state.run(packOf('bob', 'accept')))).toBe('FriendAccepted seq 0 count 0')
    expect(brief(state.run(packOf('alice', 'remark')))).toBe('FriendRemarked seq 0 count 0')
    expect(brief(state.run(packOf('bob', 'message')))).toBe('MessageAccepted seq 2 count 0')
    expect(state.rows.heads.get(SESSION)).toMatchObject({ lastSeq: 2, relation: { friends: true, requestedBy: '' } })
  })

  test('[US1] a request is answered once, and a resend of it gets the first outcome', () => {
    const state = new TestState()
    const request = packOf('alice', 'request')
    expect(brief(state.run(request))).toBe('FriendRequested seq 0 count 0')
    state.run(packOf('bob', 'accept'))
    expect(brief(state.run(request))).toBe('repeated 0 0 0')
    expect(state.rows.heads.get(SESSION)?.relation?.friends).toBe(true)
  })

  test('[US1] a message of a request and a remark have a limit', () => {
    const run = (state: TestState, body: PackBody) => brief(state.run(makePack({ session: SESSION, body, flags: 0 })))
    const long = { kind: 'RequestFriend', message: '😀'.repeat(FRIEND_MESSAGE_CHARS_MAX + 1) } as const
    expect(run(new TestState(), long)).toBe('PARAM')
    expect(run(new TestState(), { ...long, message: '😀'.repeat(FRIEND_MESSAGE_CHARS_MAX) })).toBe(
      'FriendRequested seq 0 count 0',
    )
    const friends = () => stateOf('friends', 'alice')
    expect(run(friends(), { kind: 'RemarkFriend', remark: 'x'.repeat(REMARK_CHARS_MAX + 1) })).toBe('PARAM')
    expect(run(friends(), { kind: 'RemarkFriend', remark: '' })).toBe('FriendRemarked seq 0 count 0')
  })

  test('[US1] who is not one of the two is refused', () => {
    for (const input of Object.keys(INPUTS) as Input[]) {
      expect(brief(new TestState().run(packOf('mallory', input)))).toBe('MSG_FORBIDDEN')
    }
  })

  /** The same rules once more, from the words of docs/adr/0008: two sets and two flags. */
  class Model {
    friends = false
    asked = new Set<string>()
    blocking = new Set<string>()
    mayWrite = (from: string, to: string) => !this.blocking.has(to) && from !== to
    take(from: string, to: string, input: Input): boolean {
      switch (input) {
        case 'request': {
          if (this.blocking.size > 0 || this.friends || this.asked.has(from)) return false
          if (this.asked.has(to)) this.befriend()
          else this.asked.add(from)
          return true
        }
        case 'accept':
          if (!this.asked.has(to)) return false
          this.befriend()
          return true
        case 'refuse':
          return this.asked.delete(to)
        case 'delete': {
          const were = this.friends
          this.friends = false
          return were
        }
        case 'remark':
          return this.friends
        case 'block': {
          const isNew = !this.blocking.has(from)
          this.blocking.add(from)
          this.asked.clear()
          return isNew
        }
        case 'unblock':
          return this.blocking.delete(from)
        case 'message':
          return this.mayWrite(from, to)
        case 'messageToFriendsOnly':
          return this.mayWrite(from, to) && this.friends
      }
    }
    private befriend() {
      this.friends = true
      this.asked.clear()
    }
    get relation(): Relation {
      const [requestedBy = ''] = this.asked
      const [aBlocks, bBlocks] = [this.blocking.has('alice'), this.blocking.has('bob')]
      return { friends: this.friends, requestedBy, aBlocks, bBlocks }
    }
  }

  const step = fc.record({
    isAlice: fc.boolean(),
    input: fc.constantFrom(...(Object.keys(INPUTS) as Input[])),
  })
  test('[US1] any order of what the two do gives what a model says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const state = new TestState()
        const model = new Model()
        for (const { isAlice, input } of steps) {
          const [from, to] = (isAlice ? ['alice', 'bob'] : ['bob', 'alice']) as [UserId, UserId]
          const accepted = state.run(packOf(from, input)).body.kind !== 'PackRefused'
          expect(accepted).toBe(model.take(from, to, input))
          expect(state.rows.heads.get(SESSION)?.relation ?? new Model().relation).toEqual(model.relation)
        }
      }),
    )
  })
})
