import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { ClientConnection } from './client-connection.ts'
import type { MembershipIndex } from './membership-index.ts'

/** Which connections an event of a session goes to. Groups are in the index; other sessions name their users. */
export class Audience {
  private readonly connections = new Map<UserId, ClientConnection[]>()
  private readonly index: MembershipIndex
  /** Users that are logging in: in the index, without a connection yet. */
  private readonly reserved = new Map<UserId, number>()
  private total = 0

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
    if (sessionId.startsWith('g:')) return this.index.members(sessionId as SessionId) !== undefined
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
    for (const [userId, joinSeq] of this.index.members(sessionId) ?? []) {
      if (seenSeq >= joinSeq) this.forUser(userId, deliver)
    }
    for (const userId of leavers) this.forUser(userId, deliver)
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
