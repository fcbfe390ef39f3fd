import type { Event } from '../../schemas/event.ts'
import type { Offset, Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { MemberRole } from '../../schemas/settings.ts'

/**
 * Who of the connected users is in which group: handed over from the membership view, kept up by im.events.
 *
 * Problem: the view is behind or ahead of what this gateway has read of im.events, by another amount in every
 * partition. A user who logs in must not miss a group just joined, and must not receive after leaving.
 * 1. The index begins where the view was when the gateway started, and keeps every membership change that the gateway
 *    has seen and the view may not have: the trail, per partition, from `passed` on.
 * 2. At login the view's position is read first, then the user's groups: so the groups hold at least everything up
 *    to that position. If it lies before `passed`, a change may be in neither: the login is refused temporarily.
 * 3. Otherwise the trail behind the position is applied by seq. What the groups held already has a seq at or below
 *    theirs and changes nothing; a leave is as good a fact as a join (a tombstone). From then on changes apply live.
 * A stay is the closed interval [joinSeq, leaveSeq]: who leaves still sees the event that says so.
 *
 * The trail is trimmed up to the position before last: a login that runs while the view is polled keeps its ground.
 * A view that is ahead shows groups whose join this gateway has yet to read: nothing below joinSeq is delivered.
 * Who runs a group (its owner and admins) is handed over and kept up in the same way.
 * Not promised: that events before the login come live; that is what a resume is for.
 */

/** A change of who is in a group, as an event on im.events says it. */
export interface MembershipChange {
  partition: Partition
  offset: Offset
  sessionId: SessionId
  seq: Seq
  joins: readonly UserId[]
  leaves: readonly UserId[] | 'everybody'
  /** Who runs the group from here on, as its owner or an admin, and who no more. */
  roles: readonly { userIds: readonly UserId[]; runs: boolean }[]
}

export interface Stay {
  joinSeq: Seq
  leaveSeq?: Seq
}

const NOBODY: readonly UserId[] = []
const NO_ROLES: MembershipChange['roles'] = []

/** The change that an event means; undefined when it changes nobody's membership, nor who runs the group. */
export function membershipChange(event: Event, partition: Partition, offset: Offset): MembershipChange | undefined {
  const { body, from } = event
  const place = { partition, offset, sessionId: event.sessionId, seq: event.seq, roles: NO_ROLES }
  switch (body.kind) {
    case 'GroupCreated':
      return { ...place, joins: [from, ...body.members], leaves: NOBODY, roles: [{ userIds: [from], runs: true }] }
    case 'MemberJoined':
      return { ...place, joins: [from], leaves: NOBODY }
    case 'MembersAdded':
      return { ...place, joins: body.userIds, leaves: NOBODY }
    case 'MemberQuit':
      return { ...place, joins: NOBODY, leaves: [from] }
    case 'MembersRemoved':
      return { ...place, joins: NOBODY, leaves: body.userIds }
    case 'GroupDismissed':
      return { ...place, joins: NOBODY, leaves: 'everybody' }
    case 'RolesSet': {
      const roles = [{ userIds: body.userIds, runs: body.role !== 'member' }]
      return { ...place, joins: NOBODY, leaves: NOBODY, roles }
    }
    case 'OwnerChanged': {
      const roles = [
        { userIds: [from], runs: false },
        { userIds: [body.userId], runs: true },
      ]
      return { ...place, joins: NOBODY, leaves: NOBODY, roles }
    }
    default:
      return undefined
  }
}

interface Trail {
  /** Every change that was seen behind this offset is kept. */
  passed: Offset
  changes: MembershipChange[]
  /** User ids in `changes`. */
  size: number
}

interface Group {
  members: Map<UserId, Seq>
  /** Those of them who run the group. */
  managers: Set<UserId>
  /** Membership is known here up to this seq. */
  seenSeq: Seq
}

export type Positions = ReadonlyMap<Partition, Offset>

export class MembershipIndex {
  private readonly trails = new Map<Partition, Trail>()
  private readonly trailByUser = new Map<UserId, MembershipChange[]>()
  private readonly dismissals = new Map<SessionId, MembershipChange>()
  private readonly groups = new Map<SessionId, Group>()
  private readonly sessionsByUser = new Map<UserId, Set<SessionId>>()
  private readonly trailMax: number
  private view: Positions

  /** `start`: the offset of the last event before those that will be applied, per partition. */
  constructor(start: Positions, { changesMax }: { changesMax: number }) {
    for (const [partition, offset] of start) this.trails.set(partition, { passed: offset, changes: [], size: 0 })
    this.view = start
    this.trailMax = Math.floor(changesMax / Math.max(1, start.size))
  }

  /** The view's positions as polled last: a lower bound of what is read from it now. */
  get viewPositions(): Positions {
    return this.view
  }

  /** User ids that the trail holds. */
  get kept(): number {
    let size = 0
    for (const trail of this.trails.values()) size += trail.size
    return size
  }

  /** Users in the group that are connected here, with the seq of the event that let them in. */
  members(sessionId: SessionId): ReadonlyMap<UserId, Seq> | undefined {
    return this.groups.get(sessionId)?.members
  }

  /** Owner and admins of the group that are connected here. */
  managers(sessionId: SessionId): Iterable<UserId> {
    return this.groups.get(sessionId)?.managers ?? NOBODY
  }

  isAdmitted(userId: UserId): boolean {
    return this.sessionsByUser.has(userId)
  }

  /** The seq that let an admitted user in; undefined when they are not a member. */
  joinSeq(userId: UserId, sessionId: SessionId): Seq | undefined {
    return this.groups.get(sessionId)?.members.get(userId)
  }

  /** Membership of connected users in the group is known up to here. */
  seenSeq(sessionId: SessionId): Seq {
    return this.groups.get(sessionId)?.seenSeq ?? 0
  }

  sawSeq(sessionId: SessionId, seq: Seq): void {
    const group = this.groups.get(sessionId)
    if (group !== undefined && seq > group.seenSeq) group.seenSeq = seq
  }

  /**
   * Takes a change that was read from im.events, in order per partition. Gives the admitted users that leave by it:
   * its event is the last one that they get.
   */
  apply(change: MembershipChange): UserId[] {
    this.keep(change)
    for (const userId of change.joins) {
      if (this.sessionsByUser.has(userId)) this.join(userId, change.sessionId, change.seq)
    }
    const group = this.groups.get(change.sessionId)
    if (group === undefined) return []
    for (const { userIds, runs } of change.roles) {
      for (const userId of userIds) {
        // What was said before the stay is about an earlier one.
        if ((group.members.get(userId) ?? Number.POSITIVE_INFINITY) <= change.seq) setManager(group, userId, runs)
      }
    }
    const leaves = change.leaves === 'everybody' ? [...group.members.keys()] : change.leaves
    return leaves.filter(userId => this.leave(userId, group, change))
  }

  private join(userId: UserId, sessionId: SessionId, seq: Seq): void {
    let group = this.groups.get(sessionId)
    if (group === undefined) {
      group = { members: new Map(), managers: new Set(), seenSeq: 0 }
      this.groups.set(sessionId, group)
    }
    const before = group.members.get(userId)
    if (before === undefined || before < seq) group.members.set(userId, seq)
    this.sessionsByUser.get(userId)!.add(sessionId)
  }

  /** True when the user was in the group by an earlier event. */
  private leave(userId: UserId, group: Group, { sessionId, seq }: { sessionId: SessionId; seq: Seq }): boolean {
    const joinSeq = group.members.get(userId)
    if (joinSeq === undefined || joinSeq >= seq) return false
    group.members.delete(userId)
    group.managers.delete(userId)
    if (group.members.size === 0) this.groups.delete(sessionId)
    this.sessionsByUser.get(userId)?.delete(sessionId)
    return true
  }

  private keep(change: MembershipChange): void {
    const trail = this.trails.get(change.partition)
    if (trail === undefined || change.offset <= trail.passed) return
    trail.changes.push(change)
    trail.size += sizeOf(change)
    if (change.leaves === 'everybody') this.dismissals.set(change.sessionId, change)
    for (const userId of usersOf(change)) this.keepForUser(userId, change)
    while (trail.size > this.trailMax && trail.changes.length > 0) this.forgetTo(trail, trail.changes[0]!.offset)
  }

  private keepForUser(userId: UserId, change: MembershipChange): void {
    const kept = this.trailByUser.get(userId)
    if (kept === undefined) this.trailByUser.set(userId, [change])
    else kept.push(change)
  }

  /** Drops what is at or before `offset`: whoever logs in must come with a view that has it. */
  private forgetTo(trail: Trail, offset: Offset): void {
    if (offset <= trail.passed) return
    trail.passed = offset
    let dropped = 0
    for (; dropped < trail.changes.length && trail.changes[dropped]!.offset <= offset; dropped++) {
      this.forget(trail.changes[dropped]!)
      trail.size -= sizeOf(trail.changes[dropped]!)
    }
    trail.changes.splice(0, dropped)
  }

  private forget(change: MembershipChange): void {
    if (this.dismissals.get(change.sessionId) === change) this.dismissals.delete(change.sessionId)
    for (const userId of usersOf(change)) {
      const kept = this.trailByUser.get(userId)?.filter(other => other !== change) ?? []
      if (kept.length === 0) this.trailByUser.delete(userId)
      else this.trailByUser.set(userId, kept)
    }
  }

  /** The view was seen at these positions; a partition that it has not begun is absent. */
  viewMoved(positions: Positions): void {
    for (const [partition, trail] of this.trails) {
      const both = Math.min(this.view.get(partition) ?? -1, positions.get(partition) ?? -1)
      this.forgetTo(trail, both)
    }
    this.view = positions
  }

  /** True when what was read from the view after it stood at `view` reaches into what this gateway has seen. */
  reaches(view: Positions): boolean {
    for (const [partition, trail] of this.trails) if ((view.get(partition) ?? -1) < trail.passed) return false
    return true
  }

  /**
   * Takes a user's groups over from the view: read after the view stood at `view`. False when that is too far back:
   * read again later. A user who is admitted already stays as known.
   */
  admit(userId: UserId, view: Positions, groups: readonly AdmittedGroup[]): boolean {
    if (this.sessionsByUser.has(userId)) return true
    if (!this.reaches(view)) return false
    const stays = new Map<SessionId, StayInRole>()
    for (const { sessionId, joinSeq, role } of groups) stays.set(sessionId, { joinSeq, runs: role !== 'member' })
    for (const change of this.trailByUser.get(userId) ?? []) {
      if (change.offset > (view.get(change.partition) ?? -1)) applyTo(stays, userId, change)
    }
    this.sessionsByUser.set(userId, new Set())
    for (const [sessionId, stay] of stays) {
      if (this.endOfStay(sessionId, stay, view) !== undefined) continue
      this.join(userId, sessionId, stay.joinSeq)
      setManager(this.groups.get(sessionId)!, userId, stay.runs)
    }
    return true
  }

  /** When the stay ended as far as is known here; undefined while it lasts. */
  private endOfStay(sessionId: SessionId, stay: Stay, view: Positions): Seq | undefined {
    const dismissed = this.dismissals.get(sessionId)
    if (stay.leaveSeq !== undefined || dismissed === undefined || dismissed.seq <= stay.joinSeq) return stay.leaveSeq
    return dismissed.offset > (view.get(dismissed.partition) ?? -1) ? dismissed.seq : undefined
  }

  /** The last connection of the user is gone. */
  remove(userId: UserId): void {
    for (const sessionId of this.sessionsByUser.get(userId) ?? []) {
      const group = this.groups.get(sessionId)
      group?.members.delete(userId)
      group?.managers.delete(userId)
      if (group?.members.size === 0) this.groups.delete(sessionId)
    }
    this.sessionsByUser.delete(userId)
  }

  /**
   * All stays of a user in a group: what the view gave after it stood at `view`, brought up to what this gateway has
   * seen. undefined when the view is too far back.
   */
  stays(userId: UserId, sessionId: SessionId, view: Positions, stored: readonly Stay[]): Stay[] | undefined {
    if (!this.reaches(view)) return undefined
    const stays = [...stored]
    for (const change of this.trailByUser.get(userId) ?? []) {
      if (change.sessionId !== sessionId) continue
      const last = stays.at(-1)
      if (change.seq <= (last === undefined ? 0 : (last.leaveSeq ?? last.joinSeq))) continue
      if (change.joins.includes(userId)) stays.push({ joinSeq: change.seq })
      else if (last !== undefined && isLeaving(change, userId))
        stays[stays.length - 1] = { joinSeq: last.joinSeq, leaveSeq: change.seq }
    }
    const last = stays.at(-1)
    const end = last && this.endOfStay(sessionId, last, view)
    if (last !== undefined && end !== undefined) stays[stays.length - 1] = { joinSeq: last.joinSeq, leaveSeq: end }
    return stays
  }
}

/** A group as the view gives it at a login. */
export interface AdmittedGroup {
  sessionId: SessionId
  joinSeq: Seq
  role: MemberRole
}

interface StayInRole extends Stay {
  runs: boolean
}

function sizeOf(change: MembershipChange): number {
  return Math.max(1, usersOf(change).length)
}

/** Whom a change names; a dismissal names nobody. */
function usersOf({ joins, leaves, roles }: MembershipChange): UserId[] {
  const named = leaves === 'everybody' ? joins : [...joins, ...leaves]
  return roles.length === 0 ? [...named] : [...new Set([...named, ...roles.flatMap(({ userIds }) => userIds)])]
}

function isLeaving({ leaves }: MembershipChange, userId: UserId): boolean {
  return leaves === 'everybody' || leaves.includes(userId)
}

function setManager({ members, managers }: Group, userId: UserId, runs: boolean): void {
  if (runs && members.has(userId)) managers.add(userId)
  else managers.delete(userId)
}

/** Applies a change to one user's stays, unless they know something later. */
function applyTo(stays: Map<SessionId, StayInRole>, userId: UserId, change: MembershipChange): void {
  const stay = stays.get(change.sessionId)
  if (stay !== undefined && change.seq <= (stay.leaveSeq ?? stay.joinSeq)) return
  const role = change.roles.find(({ userIds }) => userIds.includes(userId))
  if (change.joins.includes(userId)) {
    stays.set(change.sessionId, { joinSeq: change.seq, runs: role?.runs ?? false })
  } else if (isLeaving(change, userId)) {
    stays.set(change.sessionId, { joinSeq: stay?.joinSeq ?? 0, leaveSeq: change.seq, runs: false })
  } else if (stay !== undefined && stay.leaveSeq === undefined && role !== undefined) {
    stays.set(change.sessionId, { ...stay, runs: role.runs })
  }
}
