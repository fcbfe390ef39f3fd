import type { Event } from '../../schemas/event.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { type Change, HEAD_PLAIN, type Head, type RecentPack, recentKey, type StateView } from './session.ts'

/** Rows that events of many kinds write. */

export function recentChange(event: Event, code: number): Change {
  const row: RecentPack = {
    digest: event.digest.toString('latin1'),
    code,
    seq: event.seq,
    count: event.count,
    at: event.at,
    message: messageOf(event),
  }
  return { table: 'recents', key: recentKey(event.sessionId, event.from, event.packId), row }
}

function messageOf({ body, flags }: Event): RecentPack['message'] {
  if (body.kind !== 'MessageAccepted') return 'no'
  return (flags & Flag.COUNTER) === 0 ? 'uncounted' : 'counted'
}

/** What a head says besides the numbers of the timeline. */
export type HeadPart = Omit<Head, 'lastSeq' | 'count'>

export function headOf(view: StateView, sessionId: SessionId): HeadPart {
  return view.get('heads', sessionId) ?? HEAD_PLAIN
}

/** The head after the event; one without a seq leaves the numbers of the timeline as they are. */
export function headChange(view: StateView, event: Event, part: HeadPart): Change {
  const before = event.seq === 0 ? view.get('heads', event.sessionId) : undefined
  const row: Head = {
    lastSeq: before?.lastSeq ?? event.seq,
    count: before?.count ?? event.count,
    owner: part.owner,
    dismissed: part.dismissed,
    memberCount: part.memberCount,
  }
  if (part.settings !== undefined) row.settings = part.settings
  if (part.relation !== undefined) row.relation = part.relation
  return { table: 'heads', key: event.sessionId, row }
}
