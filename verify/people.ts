import type { PersonRow } from '../processors/membership/inspect-people.ts'
import type { AcceptedEvent, Event } from '../schemas/event.ts'
import { isAccepted } from '../schemas/event.ts'
import { parseSessionId, type Seq, type SessionId, type UserId } from '../schemas/ids.ts'
import { isSame } from './compare-history.ts'
import { type Difference, show } from './difference.ts'

/**
 * What users are to each other and who they say they are, folded from the log in a way of its own: event after event
 * over one state for both users of a single chat, where the view keeps registers for each side. Pure.
 */

/** The two users of a single chat. */
export interface Pair {
  friendsSince: number
  /** Who has asked and waits, when, and what they said. */
  asked: { by: UserId; at: number; message: string | undefined } | undefined
  blockedSince: ReadonlyMap<UserId, number>
  remarks: ReadonlyMap<UserId, string>
}

const STRANGERS: Pair = { friendsSince: 0, asked: undefined, blockedSince: new Map(), remarks: new Map() }

/** The pair after an event about it; the same object where the event says nothing about it. */
function pairAfter(pair: Pair, { body, from, at }: AcceptedEvent): Pair {
  switch (body.kind) {
    case 'FriendRequested':
      return { ...pair, asked: { by: from, at, message: body.message } }
    case 'FriendAccepted':
      return { ...pair, friendsSince: at, asked: undefined }
    case 'FriendRefused':
      return { ...pair, asked: undefined }
    case 'FriendDeleted':
      return { ...pair, friendsSince: 0, remarks: new Map() }
    case 'FriendRemarked':
      return { ...pair, remarks: new Map([...pair.remarks, [from, body.remark]]) }
    // Whoever is erased is nothing to anybody; the view says so, also of those who were nothing to each other before.
    case 'ContentErased':
      return { ...STRANGERS }
    case 'UserBlocked':
      return { ...pair, asked: undefined, blockedSince: new Map([...pair.blockedSince, [from, at]]) }
    case 'UserUnblocked':
      return { ...pair, blockedSince: new Map([...pair.blockedSince].filter(([by]) => by !== from)) }
    default:
      return pair
  }
}

/** A fact of a user's own: its JSON, and the seq of the event that set it. */
type OwnName = 'profile' | 'settings' | 'attributes' | 'devices' | 'access' | 'revoked'
type Own = ReadonlyMap<OwnName, { seq: Seq; json: string }>

function ownAfter(own: Own, { body, seq }: AcceptedEvent): Own {
  const set = (name: OwnName, value: unknown): Own => new Map([...own, [name, { seq, json: JSON.stringify(value) }]])
  switch (body.kind) {
    case 'ProfileUpdated':
      return set('profile', body.profile)
    case 'SettingsUpdated':
      return set('settings', body.settings)
    case 'UserAttributesSet':
      return set('attributes', body.attributes)
    case 'TokensRevoked':
      return set('revoked', body.revoked)
    case 'PushDevicesSet':
      return set('devices', body.devices)
    case 'UserDisabled':
      return set('access', 'disabled')
    case 'UserEnabled':
      return set('access', 'active')
    case 'UserErased': {
      const emptied = { profile: { name: '', avatar: '' }, settings: DEFAULT_SETTINGS, attributes: [], devices: [] }
      const all = { ...emptied, access: 'erased' }
      const entries = Object.entries(all).map(
        ([name, value]) => [name as OwnName, { seq, json: JSON.stringify(value) }] as const,
      )
      return new Map([...own, ...entries])
    }
    default:
      return own
  }
}

const NOTHING_OWN: Own = new Map()

/** The kinds that pairAfter and ownAfter know. */
const ABOUT_PEOPLE: ReadonlySet<string> = new Set<AcceptedEvent['body']['kind']>([
  'FriendRequested',
  'FriendAccepted',
  'FriendRefused',
  'FriendDeleted',
  'FriendRemarked',
  'ContentErased',
  'UserBlocked',
  'UserUnblocked',
  'ProfileUpdated',
  'SettingsUpdated',
  'UserAttributesSet',
  'TokensRevoked',
  'PushDevicesSet',
  'UserDisabled',
  'UserEnabled',
  'UserErased',
])

/** Everything that a log says of people; sessions that say nothing are not in it. */
export class PeopleFold {
  readonly pairs = new Map<SessionId, Pair>()
  readonly own = new Map<UserId, Own>()

  add(event: Event): void {
    if (!ABOUT_PEOPLE.has(event.body.kind) || !isAccepted(event)) return
    const session = parseSessionId(event.sessionId)
    if (session?.kind === 'Single') keep(this.pairs, event.sessionId, STRANGERS, pair => pairAfter(pair, event))
    if (session?.kind === 'User') keep(this.own, session.user, NOTHING_OWN, own => ownAfter(own, event))
  }
}

function keep<K, V>(map: Map<K, V>, key: K, none: V, after: (value: V) => V): void {
  const before = map.get(key) ?? none
  const value = after(before)
  if (value !== before) map.set(key, value)
}

/** What happened after the end of the folds, by session. */
export class PeopleMoves {
  private readonly bySession = new Map<string, AcceptedEvent[]>()

  add(event: Event): void {
    if (!isAccepted(event) || (event.seq > 0 && !event.sessionId.startsWith('u:'))) return
    const events = this.bySession.get(event.sessionId) ?? []
    events.push(event)
    this.bySession.set(event.sessionId, events)
  }

  of(sessionId: string): readonly AcceptedEvent[] {
    return this.bySession.get(sessionId) ?? []
  }
}

/** What the log says of one user. */
export interface PersonFold {
  /** By the other user, with the session that says so. */
  pairs: Map<UserId, { sessionId: SessionId; pair: Pair }>
  own: Own
}

export const NO_PERSON: PersonFold = { pairs: new Map(), own: NOTHING_OWN }

/** Every user of whom the log says something. */
export function peopleOf(folds: Iterable<PeopleFold>): Map<UserId, PersonFold> {
  const people = new Map<UserId, PersonFold>()
  const person = (userId: UserId) => {
    const found = people.get(userId) ?? { pairs: new Map(), own: NOTHING_OWN }
    people.set(userId, found)
    return found
  }
  for (const fold of folds) {
    for (const [userId, own] of fold.own) person(userId).own = own
    for (const [sessionId, pair] of fold.pairs) {
      const session = parseSessionId(sessionId)
      if (session?.kind !== 'Single') continue
      person(session.a).pairs.set(session.b, { sessionId, pair })
      person(session.b).pairs.set(session.a, { sessionId, pair })
    }
  }
  return people
}

/** What differs between a person of the membership view and the log, or the log as it was at some event since. */
export function comparePerson(request: {
  userId: UserId
  person: PersonFold
  row: PersonRow | undefined
  moves: PeopleMoves
}): Difference[] {
  const { userId, person, row, moves } = request
  const differences: Difference[] = []
  const say = (sessionId: string, what: string, expected: unknown, found: unknown) =>
    differences.push({
      view: 'membership',
      sessionId: sessionId as SessionId,
      userId,
      what,
      expected: show(expected),
      found: show(found),
    })
  const friends = new Map(row?.friends.map(friend => [friend.userId, friend]))
  for (const peerId of new Set([...person.pairs.keys(), ...friends.keys()])) {
    const known = person.pairs.get(peerId)
    const sessionId = known?.sessionId ?? (`s:${[userId, peerId].sort().join(':')}` as SessionId)
    const states = successive(known?.pair ?? STRANGERS, moves.of(sessionId), pairAfter)
    const expected = states.map(pair => sideOf(pair, userId, peerId))
    const found = friends.get(peerId)
    if (!expected.some(side => isSame(side, found))) say(sessionId, 'friends', expected[0], found)
  }
  const own = successive(person.own, moves.of(`u:${userId}`), ownAfter).map(ownFacts)
  const found = ownRow(row)
  if (!own.some(facts => isSame(facts, found))) say(`u:${userId}`, 'own facts', own[0], found)
  return differences
}

function successive<State>(
  state: State,
  events: readonly AcceptedEvent[],
  after: (state: State, event: AcceptedEvent) => State,
): State[] {
  const states = [state]
  for (const event of events) states.push(after(states.at(-1)!, event))
  return states
}

/** The pair as one of them has it in the list; undefined where it is not there. */
function sideOf({ friendsSince, asked, blockedSince, remarks }: Pair, me: UserId, them: UserId): unknown {
  const blockedAt = blockedSince.get(me)
  const remark = remarks.get(me) ?? ''
  const relation = relationOf(friendsSince, asked, me)
  if (relation === 'none' && blockedAt === undefined) return undefined
  return {
    userId: them,
    relation,
    blocked: blockedAt !== undefined,
    at: relation === 'none' ? blockedAt : friendsSince > 0 ? friendsSince : asked?.at,
    ...(remark === '' ? {} : { remark }),
    ...(friendsSince > 0 || asked?.message === undefined ? {} : { message: asked.message }),
  }
}

function relationOf(friendsSince: number, asked: Pair['asked'], me: UserId): string {
  if (friendsSince > 0) return 'friend'
  if (asked === undefined) return 'none'
  return asked.by === me ? 'requested' : 'asked'
}

const NO_TOKENS = { notBefore: 0, tokens: [] }
const DEFAULT_SETTINGS = { messagesFrom: 'anyone', notify: 'all', findable: true, presenceShown: true }

function ownFacts(own: Own): unknown {
  const fact = (name: OwnName, none: unknown) => {
    const { seq = 0, json } = own.get(name) ?? {}
    return { seq, value: json === undefined ? none : JSON.parse(json) }
  }
  const lists = [
    fact('attributes', []),
    fact('devices', []),
    fact('access', 'active').value,
    fact('revoked', NO_TOKENS),
  ]
  return [fact('profile', { name: '', avatar: '' }), fact('settings', DEFAULT_SETTINGS), ...lists]
}

function ownRow(row: PersonRow | undefined): unknown {
  if (row === undefined) return ownFacts(NOTHING_OWN)
  const { profile, settings, attributes, devices, access, revoked } = row
  return [
    { seq: profile.seq, value: profile.profile },
    { seq: settings.seq, value: settings.settings },
    { seq: attributes.seq, value: attributes.attributes },
    { seq: devices.seq, value: devices.devices },
    access,
    { seq: revoked.seq, value: revoked.revoked },
  ]
}
