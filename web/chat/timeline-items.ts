import type { ConversationView, EventFrame, OutboxRow, Seq } from '../../client/sdk.ts'
import { isSameDay } from '../parts/times.ts'

/** What the list of messages consists of, one element a row. */
export type TimelineItem =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  | { kind: 'event'; key: string; event: EventFrame }
  /** `isFirst` and `isLast` of a run by the same sender. */
  | { kind: 'message'; key: string; event: EventFrame; isFirst: boolean; isLast: boolean }
  | { kind: 'pending'; key: string; row: OutboxRow }

/** A run of messages ends when its sender says nothing for this long, ms. */
const RUN_MS_MAX = 5 * 60_000

/** Kinds that stand in a conversation besides messages. */
const SHOWN: ReadonlySet<EventFrame['body']['kind']> = new Set<EventFrame['body']['kind']>([
  'GroupCreated',
  'MemberJoined',
  'MemberQuit',
  'MembersAdded',
  'MembersRemoved',
  'GroupDismissed',
  'GroupInfoUpdated',
  'GroupSettingsUpdated',
  'OwnerChanged',
  'RolesSet',
  'MemberMuted',
  'AliasSet',
])

/** Puts days, the line above what is new, and runs between the events. */
export function timelineItems(view: ConversationView, newAfter: Seq | undefined): TimelineItem[] {
  const events = view.events.filter(({ body }) => body.kind === 'MessageAccepted' || SHOWN.has(body.kind))
  const items: TimelineItem[] = []
  let isMarked = newAfter === undefined
  for (const [index, event] of events.entries()) {
    const before = events[index - 1]
    if (before === undefined || !isSameDay(before.at, event.at))
      items.push({ kind: 'day', key: `d${event.seq}`, at: event.at })
    if (!isMarked && event.seq > newAfter!) {
      isMarked = true
      if (before !== undefined && event.body.kind === 'MessageAccepted') items.push({ kind: 'unread', key: 'unread' })
    }
    // Own messages keep their key when they leave the outbox, so that they do not flicker.
    if (event.body.kind !== 'MessageAccepted') items.push({ kind: 'event', key: event.packId, event })
    else {
      const isFirst = !isRun(before, event) || items.at(-1)?.kind !== 'message'
      items.push({ kind: 'message', key: event.packId, event, isFirst, isLast: !isRun(event, events[index + 1]) })
    }
  }
  for (const row of view.pending) items.push({ kind: 'pending', key: row.frame.packId, row })
  return items
}

function isRun(one: EventFrame | undefined, next: EventFrame | undefined): boolean {
  if (one === undefined || next === undefined) return false
  if (one.body.kind !== 'MessageAccepted' || next.body.kind !== 'MessageAccepted') return false
  return one.from === next.from && next.at - one.at < RUN_MS_MAX && isSameDay(one.at, next.at)
}
