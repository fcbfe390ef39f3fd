import type { Event } from '../../schemas/event.ts'
import type { OlderEvents } from '../rebuild/older-events.ts'
import { eventOfRow } from './event-of-row.ts'
import type { EventRow } from './event-row.ts'
import type { ArchiveInspector } from './inspect.ts'

/** The events of the archive, for views that are built of what the log no longer holds. */
export function archivedEvents(archive: Pick<ArchiveInspector, 'positions' | 'events'>): OlderEvents {
  return {
    positions: () => archive.positions(),
    read: async function* (partition, after) {
      for await (const row of archive.events(partition, after)) yield { event: eventLeft(row), offset: row.offset }
    },
  }
}

/** The event; its content is Removed where it was emptied: a view shows nothing rather than half of it. */
function eventLeft(row: EventRow): Event {
  const event = eventOfRow(row)
  const isEmptied = row.kind === 'MessageAccepted' && row.contentBytes > 0 && row.text === '' && row.data === ''
  return isEmptied ? { ...event, body: { kind: 'MessageAccepted', content: { kind: 'Removed' } } } : event
}
