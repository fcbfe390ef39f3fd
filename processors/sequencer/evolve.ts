import { codeName, isRemembered as isRememberedCode } from '../../schemas/codes.ts'
import type { Event, RefusedBody } from '../../schemas/event.ts'
import { isPackId, type Seq, type SessionId, type UserId } from '../../schemas/ids.ts'
import { horizonAt } from './decide.ts'
import {
  type Change,
  HEAD_PLAIN,
  type Head,
  type LogTime,
  MEMBER_INTERVALS_MAX,
  MEMBER_PLAIN,
  type Member,
  memberKey,
  type RecentPack,
  recentKey,
  type StateView,
} from './session.ts'

/**
 * What an event does to the state. Total: never throws, whatever the event holds, for the log may hold what another
 * version of this code decided. Each row follows from its own former value and the event, never from another row,
 * so that a restore may pass over rows that are newer than the event (restore.ts).
 */

/** The rows that the event writes. */
export function evolve(view: StateView, event: Event): Change[] {
  const { body } = event
  switch (body.kind) {
    case 'PackRepeated':
      return []
    case 'PackRefused':
      return isRemembered(event, body) ? [recentChange(event, body.code)] : []
    case 'RulesSet':
      return [recentChange(event, 0)]
    case 'GroupCreated':
      return [
        headChange(view, event, { ...HEAD_PLAIN, owner: event.from, memberCount: 1 + body.members.length }),
        { table: 'infos', key: event.sessionId, row: body.info },
        memberChange(event, event.from, {
          ...MEMBER_PLAIN,
          owner: true,
          intervals: [{ joinSeq: event.seq, leaveSeq: 0 }],
        }),
        ...body.members.map(userId => join(view, event, userId)),
        recentChange(event, 0),
      ]
    case 'MemberJoined':
      return grow(view, event, [event.from])
    case 'MembersAdded':
      return grow(view, event, body.userIds)
    case 'MemberQuit':
      return shrink(view, event, [event.from])
    case 'MembersRemoved':
      return shrink(view, event, body.userIds)
    case 'GroupDismissed':
      return [
        headChange(view, event, { ...headOf(view, event.sessionId), dismissed: true, memberCount: 0 }),
        recentChange(event, 0),
      ]
    case 'MessageAccepted':
      return [headChange(view, event, headOf(view, event.sessionId)), recentChange(event, 0)]
    default:
      return []
  }
}

/** Log time after the event. */
export function evolveTime(time: LogTime, event: Event): LogTime {
  const at = Math.max(time.at, event.at)
  const rules = event.body.kind === 'RulesSet' ? event.body.rules : time.rules
  return {
    at,
    // The rules that the event was decided by: new ones apply from the next pack on.
    horizon: horizonAt(time, at),
    windowMsMax: Math.max(time.windowMsMax, rules.dedupeWindowMs),
    rules,
  }
}

/** What is wrong with the seq of an event that was read from the log; undefined where it follows (SQ25). */
export function seqFault(view: StateView, event: Event): string | undefined {
  if (event.seq === 0) return undefined
  const lastSeq = view.get('heads', event.sessionId)?.lastSeq ?? 0
  return event.seq === lastSeq + 1 ? undefined : `${event.sessionId}: seq ${event.seq} after ${lastSeq}`
}

/** Final refusals are remembered, except those that were given before or by the dedupe itself (SQ7). */
function isRemembered(event: Event, body: RefusedBody): boolean {
  const name = codeName(body.code)
  return name !== undefined && isRememberedCode(name) && isPackId(event.packId)
}

function recentChange(event: Event, code: number): Change {
  const row: RecentPack = {
    digest: event.digest.toString('latin1'),
    code,
    seq: event.seq,
    count: event.count,
    at: event.at,
  }
  return { table: 'recents', key: recentKey(event.sessionId, event.from, event.packId), row }
}

/** What a head says besides the numbers of the timeline. */
type HeadPart = Omit<Head, 'lastSeq' | 'count'>

function headOf(view: StateView, sessionId: SessionId): HeadPart {
  return view.get('heads', sessionId) ?? HEAD_PLAIN
}

/** The head after the event; one without a seq leaves the numbers of the timeline as they are. */
function headChange(view: StateView, event: Event, part: HeadPart): Change {
  const before = event.seq === 0 ? view.get('heads', event.sessionId) : undefined
  const row: Head = {
    lastSeq: before?.lastSeq ?? event.seq,
    count: before?.count ?? event.count,
    owner: part.owner,
    dismissed: part.dismissed,
    memberCount: part.memberCount,
    adminCount: part.adminCount,
    joinRequests: part.joinRequests,
  }
  if (part.settings !== undefined) row.settings = part.settings
  if (part.relation !== undefined) row.relation = part.relation
  return { table: 'heads', key: event.sessionId, row }
}

function memberChange(event: Event, userId: UserId, row: Member): Change {
  return { table: 'members', key: memberKey(event.sessionId, userId), row }
}

function grow(view: StateView, event: Event, userIds: readonly UserId[]): Change[] {
  const head = headOf(view, event.sessionId)
  return [
    headChange(view, event, { ...head, memberCount: head.memberCount + userIds.length }),
    ...userIds.map(userId => join(view, event, userId)),
    recentChange(event, 0),
  ]
}

function shrink(view: StateView, event: Event, userIds: readonly UserId[]): Change[] {
  const head = headOf(view, event.sessionId)
  return [
    headChange(view, event, { ...head, memberCount: Math.max(0, head.memberCount - userIds.length) }),
    ...userIds.map(userId => leave(view, event, userId)),
    recentChange(event, 0),
  ]
}

function join(view: StateView, event: Event, userId: UserId): Change {
  const before = view.get('members', memberKey(event.sessionId, userId))
  const closed = closeAt(before, event.seq)
  const intervals = [...closed, { joinSeq: event.seq, leaveSeq: 0 }].slice(-MEMBER_INTERVALS_MAX)
  return memberChange(event, userId, { ...(before ?? MEMBER_PLAIN), intervals })
}

function leave(view: StateView, event: Event, userId: UserId): Change {
  const before = view.get('members', memberKey(event.sessionId, userId))
  return memberChange(event, userId, { ...(before ?? MEMBER_PLAIN), intervals: closeAt(before, event.seq) })
}

function closeAt(member: Member | undefined, seq: Seq): Member['intervals'] {
  if (member === undefined) return []
  const last = member.intervals.at(-1)
  if (last === undefined || last.leaveSeq !== 0) return member.intervals
  return [...member.intervals.slice(0, -1), { joinSeq: last.joinSeq, leaveSeq: seq }]
}
