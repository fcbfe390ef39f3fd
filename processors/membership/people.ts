import type { Millis } from '../../infra/clock.ts'
import { type AcceptedEvent, isAccepted } from '../../schemas/event.ts'
import { type Offset, parseSessionId, type Seq, type UserId } from '../../schemas/ids.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import type { ViewBatch } from '../view.ts'

/**
 * What the membership view keeps of people: what each user is to others, and who they say they are. Pure.
 *
 * Everything is kept in registers, each with the position of the event that set it: the later one stays, so that the
 * same events again, or late, change nothing. Of two users the position is the event's offset (their single chat lies
 * in one partition), of a user's own it is the seq.
 */

/** One user's side of what they are to another one. */
export interface FriendRegisters {
  friend: { is: boolean; at: Millis }
  /** Whose request waits for its answer. */
  request: { by: 'me' | 'them' | 'nobody'; at: Millis; message?: string }
  /** The user takes nothing of the other one. */
  blocked: { is: boolean; at: Millis }
  /** What the user calls the other one; empty: nothing. */
  remark: { text: string }
}

export type FriendRegister = keyof FriendRegisters
export const FRIEND_REGISTERS = ['friend', 'request', 'blocked', 'remark'] as const satisfies readonly FriendRegister[]

/** A register of `userId` about `peerId`. */
export interface FriendWrite {
  userId: UserId
  peerId: UserId
  name: FriendRegister
  position: Offset
  /** JSON of the register's value. */
  json: string
  /** The value is that of two users who never met: it makes no entry in a list. */
  isNothing: boolean
}

export const OWN_REGISTERS = ['profile', 'settings', 'attributes', 'devices', 'access', 'revoked'] as const
export type OwnRegister = (typeof OWN_REGISTERS)[number]

/** A register of a user's own; the json is that of a Profile, of UserSettings, of Attribute[], of PushDevice[], of Access. */
export interface OwnWrite {
  userId: UserId
  name: OwnRegister
  position: Seq
  json: string
}

export interface PeopleWrites {
  friends: FriendWrite[]
  own: OwnWrite[]
  tokens: TokenWrite[]
}

/** A user has this token of a push service since `at`, or has it no more. */
export interface TokenWrite {
  serviceType: number
  token: string
  userId: UserId
  position: Seq
  /** Undefined: no more. */
  at?: Millis
}

/** The writes of a batch, in log order. */
export function projectPeople({ events }: Pick<ViewBatch, 'events'>): PeopleWrites {
  const writes: PeopleWrites = { friends: [], own: [], tokens: [] }
  for (const { event, position } of events) {
    if (!isAccepted(event)) continue
    writes.own.push(...ownWrites(event))
    writes.tokens.push(...tokenWrites(event))
    writes.friends.push(...friendWrites(event, position.offset))
  }
  return writes
}

function ownWrites({ body, from, seq }: AcceptedEvent): OwnWrite[] {
  const write = (name: OwnRegister, value: unknown): OwnWrite[] => [
    { userId: from, name, position: seq, json: JSON.stringify(value) },
  ]
  switch (body.kind) {
    case 'ProfileUpdated':
      return write('profile', body.profile)
    case 'SettingsUpdated':
      return write('settings', body.settings)
    case 'UserAttributesSet':
      return write('attributes', body.attributes)
    case 'TokensRevoked':
      return write('revoked', body.revoked)
    case 'PushDevicesSet':
      return write('devices', body.devices)
    case 'UserDisabled':
      return write('access', 'disabled')
    case 'UserEnabled':
      return write('access', 'active')
    case 'UserErased':
      return [
        ...write('access', 'erased'),
        ...write('profile', { name: '', avatar: '' }),
        ...write('settings', USER_SETTINGS_DEFAULT),
        ...write('attributes', []),
        ...write('devices', []),
      ]
    default:
      return []
  }
}

function tokenWrites({ body, from, seq }: AcceptedEvent): TokenWrite[] {
  if (body.kind !== 'PushDevicesSet') return []
  const base = { userId: from, position: seq }
  const writes: TokenWrite[] = body.removed.map(({ serviceType, token }) => ({ serviceType, token, ...base }))
  if (body.added !== undefined) {
    const { serviceType, token, at } = body.added
    writes.push({ serviceType, token, ...base, at })
  }
  return writes
}

function friendWrites({ body, sessionId, from, at }: AcceptedEvent, position: Offset): FriendWrite[] {
  const session = parseSessionId(sessionId)
  if (session?.kind !== 'Single') return []
  const peer = session.a === from ? session.b : session.a
  const write = <Name extends FriendRegister>(side: 'me' | 'peer', name: Name, value: FriendRegisters[Name]) => ({
    userId: side === 'me' ? from : peer,
    peerId: side === 'me' ? peer : from,
    name,
    position,
    json: JSON.stringify(value),
    isNothing: isNothing(value),
  })
  const both = <Name extends FriendRegister>(name: Name, value: FriendRegisters[Name]) => [
    write('me', name, value),
    write('peer', name, value),
  ]
  const answered = () => both('request', { by: 'nobody', at })
  switch (body.kind) {
    case 'FriendRequested': {
      const said = body.message === undefined ? {} : { message: body.message }
      return [write('me', 'request', { by: 'me', at, ...said }), write('peer', 'request', { by: 'them', at, ...said })]
    }
    case 'FriendAccepted':
      return [...both('friend', { is: true, at }), ...answered()]
    case 'FriendRefused':
      return answered()
    case 'FriendDeleted':
      return [...both('friend', { is: false, at }), ...both('remark', { text: '' })]
    case 'FriendRemarked':
      return [write('me', 'remark', { text: body.remark })]
    // The two are nothing to each other any more.
    case 'ContentErased':
      return [
        ...both('friend', { is: false, at }),
        ...both('request', { by: 'nobody', at }),
        ...both('remark', { text: '' }),
        ...both('blocked', { is: false, at }),
      ]
    case 'UserBlocked':
      return [write('me', 'blocked', { is: true, at }), ...answered()]
    case 'UserUnblocked':
      return [write('me', 'blocked', { is: false, at })]
    default:
      return []
  }
}

function isNothing(value: FriendRegisters[FriendRegister]): boolean {
  if ('is' in value) return !value.is
  return 'by' in value ? value.by === 'nobody' : value.text === ''
}

/** How names are compared, and found by their beginnings. */
export function searchable(name: string): string {
  return name.normalize('NFKC').toLowerCase().trim().slice(0, SEARCHABLE_CHARS_MAX)
}

const SEARCHABLE_CHARS_MAX = 100
