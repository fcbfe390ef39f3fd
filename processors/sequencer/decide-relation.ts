import { unreachable } from '../../infra/assert.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { PackBody } from '../../schemas/pack.ts'
import type { Desk } from './desk.ts'
import { refused } from './outcome.ts'
import { relationOf, sideOf } from './relation.ts'

/**
 * What two users are to each other, decided in their single chat (docs/adr/0008): requests, friendship, blocks, and
 * whether one may write to the other. A block ends a request that waits and leaves a friendship as it is.
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

const KINDS = [
  'RequestFriend',
  'AcceptFriend',
  'RefuseFriend',
  'DeleteFriend',
  'RemarkFriend',
  'BlockUser',
  'UnblockUser',
] as const satisfies readonly PackBody['kind'][]
const KIND_SET: ReadonlySet<PackBody['kind']> = new Set(KINDS)
type RelationBody = BodyOf<(typeof KINDS)[number]>

/** What a request says, in characters. */
export const FRIEND_MESSAGE_CHARS_MAX = 500
/** What a friend is called, in characters. */
export const REMARK_CHARS_MAX = 100

export function isRelation(body: PackBody): body is RelationBody {
  return KIND_SET.has(body.kind)
}

/** The verdict on what one user does about the other. */
export function decideRelation(desk: Desk, body: RelationBody): Verdict {
  const { me, friends, requestedBy } = standing(desk)
  switch (body.kind) {
    case 'RequestFriend':
      return requestFriend(desk, body)
    case 'AcceptFriend':
    case 'RefuseFriend':
      if (requestedBy === '' || requestedBy === me) return refused('REQUEST_NOT_EXIST', 'the other user has not asked')
      return { kind: body.kind === 'AcceptFriend' ? 'FriendAccepted' : 'FriendRefused' }
    case 'DeleteFriend':
      return friends ? { kind: 'FriendDeleted' } : notFriends()
    case 'RemarkFriend':
      if (!friends) return notFriends()
      if (isLongerThan(body.remark, REMARK_CHARS_MAX)) return refused('PARAM', 'the remark is too long')
      return { kind: 'FriendRemarked', remark: body.remark }
    case 'BlockUser':
      return standing(desk).blocks ? refused('MSG_REPEATED', 'blocked already') : { kind: 'UserBlocked' }
    case 'UnblockUser':
      return standing(desk).blocks ? { kind: 'UserUnblocked' } : refused('USER_RELATION_INVALID', 'not blocked')
    default:
      return unreachable(body)
  }
}

/** Why the sender may not write to the other user; undefined where they may. */
export function writingFault(desk: Desk): RefusedBody | undefined {
  const { friends, isBlocked } = standing(desk)
  if (isBlocked) return refused('BLACKLIST', 'the other user takes nothing of the sender')
  if (desk.pack.stamp?.friendsOnly === true && !friends) {
    return refused('USER_RELATION_INVALID', 'the other user takes messages of friends only')
  }
  return undefined
}

/** Requests that cross make friends: who asks whoever has asked accepts. */
function requestFriend(desk: Desk, { message }: BodyOf<'RequestFriend'>): Verdict {
  const { me, friends, requestedBy, blocks, isBlocked } = standing(desk)
  if (message !== undefined && isLongerThan(message, FRIEND_MESSAGE_CHARS_MAX)) {
    return refused('PARAM', 'the message of the request is too long')
  }
  if (isBlocked) return refused('BLACKLIST', 'the other user takes nothing of the sender')
  if (blocks) return refused('USER_RELATION_INVALID', 'the sender blocks the other user')
  if (friends) return refused('USER_RELATION_INVALID', 'they are friends already')
  if (requestedBy === me) return refused('MSG_REPEATED', 'the request waits for its answer')
  if (requestedBy !== '') return { kind: 'FriendAccepted' }
  return message === undefined ? { kind: 'FriendRequested' } : { kind: 'FriendRequested', message }
}

/** The relation as the sender sees it. */
function standing({ head, pack }: Desk) {
  const { friends, requestedBy, aBlocks, bBlocks } = relationOf(head?.relation)
  const isA = sideOf(pack.sessionId, pack.from) === 'a'
  return {
    me: pack.from,
    friends,
    requestedBy,
    blocks: isA ? aBlocks : bBlocks,
    isBlocked: isA ? bBlocks : aBlocks,
  }
}

function notFriends(): RefusedBody {
  return refused('USER_RELATION_INVALID', 'they are not friends')
}

function isLongerThan(text: string, charsMax: number): boolean {
  return text.length > charsMax && [...text.slice(0, 2 * charsMax + 2)].length > charsMax
}
