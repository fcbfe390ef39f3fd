import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { ClientConnection } from './client-connection.ts'
import type { MembershipIndex } from './membership-index.ts'

/** Which connections an event of a session goes to. Groups are in the index; other sessions name their users. */
export class Audience {
  private readonly connections = new Map<UserId, ClientConnection[]>()
  private readonly index: MembershipIndex
  /** Users that are logging in: in the index, without a connection yet. */
  private readonly reserved = new Map<UserId, number>()
  private readonly watchers = new Map<SessionId, Set<ClientConnection>>()
  private readonly watched = new Map<ClientConnection, Set<SessionId>>()
  private total = 0
  /** Counts changes of how groups are run, so that whoever looks at settings knows whether they still hold. */
  settingsChanges = 0

  constructor(index: MembershipIndex) {
    this.index = index
  }

  get size(): number {
    return this.total
  }

  add(connection: ClientConnection): void {
    const { userId } = connection.identity
    const ofUser = this.connections.get(userId)
    if (ofUser === undefined) this.connections.set(userId, [connection])
    else ofUser.push(connection)
    this.total++
  }

  /** Takes a connection out; the user's groups go with the last one. */
  remove(connection: ClientConnection): void {
    const { userId } = connection.identity
    const ofUser = this.connections.get(userId)
    for (const sessionId of [...(this.watched.get(connection) ?? [])]) this.unwatch(connection, sessionId)
    const at = ofUser?.indexOf(connection) ?? -1
    if (ofUser === undefined || at < 0) return
    ofUser.splice(at, 1)
    this.total--
    if (ofUser.length > 0) return
    this.connections.delete(userId)
    this.forgetIfGone(userId)
  }

  /** Keeps an admitted user in the index until `unreserve`, without a connection. */
  reserve(userId: UserId): void {
    this.reserved.set(userId, (this.reserved.get(userId) ?? 0) + 1)
  }

  unreserve(userId: UserId): void {
    const left = (this.reserved.get(userId) ?? 0) - 1
    if (left > 0) this.reserved.set(userId, left)
    else this.reserved.delete(userId)
    this.forgetIfGone(userId)
  }

  /** From here on the connection gets the session's events, member or not; false where it watches `max` already. */
  watch(connection: ClientConnection, sessionId: SessionId, max: number): boolean {
    const ofConnection = this.watched.get(connection) ?? new Set()
    if (ofConnection.has(sessionId)) return true
    if (ofConnection.size >= max) return false
    this.watched.set(connection, ofConnection.add(sessionId))
    this.watchers.set(sessionId, (this.watchers.get(sessionId) ?? new Set()).add(connection))
    return true
  }

  unwatch(connection: ClientConnection, sessionId: SessionId): void {
    const ofConnection = this.watched.get(connection)
    if (ofConnection?.delete(sessionId) && ofConnection.size === 0) this.watched.delete(connection)
    const ofSession = this.watchers.get(sessionId)
    if (ofSession?.delete(connection) && ofSession.size === 0) this.watchers.delete(sessionId)
  }

  /** The group is not public any more, or has ended: the event that says so was the last one for those who watch. */
  endWatches(sessionId: SessionId): void {
    for (const connection of [...(this.watchers.get(sessionId) ?? [])]) this.unwatch(connection, sessionId)
  }

  private forgetIfGone(userId: UserId): void {
    if (!this.connections.has(userId) && !this.reserved.has(userId)) this.index.remove(userId)
  }

  ofUser(userId: UserId): readonly ClientConnection[] {
    return this.connections.get(userId) ?? NONE
  }

  *all(): Generator<ClientConnection> {
    for (const ofUser of this.connections.values()) yield* ofUser
  }

  /** True when somebody connected may get the session's events. Looks at the session id only. */
  has(sessionId: string): boolean {
    if (sessionId.startsWith('g:')) {
      const id = sessionId as SessionId
      return this.index.members(id) !== undefined || this.watchers.has(id)
    }
    for (const userId of usersOf(sessionId)) if (this.connections.has(userId)) return true
    return false
  }

  /**
   * Calls `deliver` for every connection that may get an event that was written when the session had reached `seq`.
   * `leavers`: members until this event.
   */
  forEach(
    sessionId: SessionId,
    seq: Seq,
    leavers: readonly UserId[],
    deliver: (connection: ClientConnection) => void,
  ): void {
    if (!sessionId.startsWith('g:')) {
      for (const userId of usersOf(sessionId)) this.forUser(userId, deliver)
      return
    }
    this.index.sawSeq(sessionId, seq)
    const seenSeq = this.index.seenSeq(sessionId)
    const members = this.index.members(sessionId)
    for (const [userId, joinSeq] of members ?? []) {
      if (seenSeq >= joinSeq) this.forUser(userId, deliver)
    }
    for (const userId of leavers) this.forUser(userId, deliver)
    for (const connection of [...(this.watchers.get(sessionId) ?? NONE)]) {
      const { userId } = connection.identity
      if (members?.has(userId) !== true && !leavers.includes(userId)) deliver(connection)
    }
  }

  forUsers(userIds: readonly UserId[], deliver: (connection: ClientConnection) => void): void {
    for (const userId of new Set(userIds)) this.forUser(userId, deliver)
  }

  private forUser(userId: UserId, deliver: (connection: ClientConnection) => void): void {
    const connections = this.connections.get(userId)
    if (connections === undefined) return
    // Backwards: a connection that is full closes and takes itself out.
    for (let at = connections.length - 1; at >= 0; at--) deliver(connections[at]!)
  }
}

const NONE: readonly ClientConnection[] = []

/** The users that a session id names: of a single chat both, of a user's own and of notifications the user. */
export function usersOf(sessionId: string): readonly UserId[] {
  const second = sessionId.indexOf(':', 2)
  switch (sessionId.charCodeAt(0)) {
    case SINGLE:
      return second < 0 ? [] : [sessionId.slice(2, second) as UserId, sessionId.slice(second + 1) as UserId]
    case NOTIFY:
      return second < 0 ? [] : [sessionId.slice(second + 1) as UserId]
    case USER:
      return [sessionId.slice(2) as UserId]
    default:
      return []
  }
}

const SINGLE = 's'.charCodeAt(0)
const NOTIFY = 'b'.charCodeAt(0)
const USER = 'u'.charCodeAt(0)
