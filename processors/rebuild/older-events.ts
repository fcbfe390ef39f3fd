import type { Millis } from '../../infra/clock.ts'
import { decodeLearning, type RecordCodec, readCause } from '../../schemas/codec.ts'
import type { Cause, Event } from '../../schemas/event.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { Log } from '../../topics/log.ts'
import { readRecordAt } from '../../topics/read-range.ts'
import type { TopicName } from '../../topics/topics.ts'
import { chainHash, isNextCause, POSITION_START, type Position } from '../../topics/valid-events.ts'
import type { PlacedEvent, View } from '../view.ts'

/**
 * Events that im.events no longer holds, from the archive, which has a row of every valid one (AR1).
 *
 * Problem: the two must meet without a gap or a repeat, and a record is known to be valid only by the hash of the one
 * before it, which the archive does not keep. So the older events go on, past the start of the log, up to the first
 * that both have: the archive says that it is valid, the log gives its hash, and from there on the chain decides as ever.
 * On the way every event must answer the pack behind the one before (LOG2): an archive with a hole fills nothing.
 */
export interface OlderEvents {
  /** How far the archive has come. */
  positions(): Promise<ReadonlyMap<Partition, Position>>
  /** Valid events of a partition behind an offset, in the order of the log. */
  read(partition: Partition, after: Offset): AsyncIterable<{ event: Event; offset: Offset }>
}

/** The archive and the log do not make one history: a part is missing in between, or in the archive. */
export class OlderEventsMissing extends Error {
  override readonly name = 'OlderEventsMissing'
}

/** Events that are applied together: as the runner does. */
const APPLY_EVENTS_MAX = 1_000

export interface FillRequest {
  partition: Partition
  /** First offset that the log holds. */
  start: Offset
  view: View
  older: OlderEvents
  log: Log
  topic: TopicName
  codec: RecordCodec<Event>
  signal: AbortSignal
  /** Called when the view has taken events up to an offset. */
  onTaken: (taken: { offset: Offset; events: number }) => void
}

/**
 * Gives a view what the log no longer holds of a partition, from the view's position on, so that a runner goes on with
 * the log. Rejects with OlderEventsMissing, or with what the view or the archive rejects with; what was taken stays.
 */
export async function fillOlder(request: FillRequest): Promise<void> {
  const { partition, start, view, older, signal, onTaken } = request
  let position = (await view.position(partition)) ?? POSITION_START
  if (position.offset >= start || (position.offset === start - 1 && position.hash !== null)) return
  let events: PlacedEvent[] = []
  const take = async () => {
    await view.apply({ partition, events, position })
    onTaken({ offset: position.offset, events: events.length })
    events = []
  }
  for await (const { event, offset } of older.read(partition, position.offset)) {
    if (signal.aborted) return
    assertFollows(partition, position, event.cause)
    const both = offset < start ? undefined : await readBoth(request, { offset, cause: event.cause })
    const placed = both ?? { event, position: { offset, cause: event.cause, hash: null } }
    position = placed.position
    events.push(placed)
    if (both !== undefined || events.length >= APPLY_EVENTS_MAX) await take()
    if (both !== undefined) return
  }
  position = await endBelow(request)
  await take()
}

function assertFollows(partition: Partition, before: Position, cause: Cause): void {
  const isFirst = before.cause === null && (cause.offset === 0 || cause.era > 0)
  if (isFirst || (before.cause !== null && isNextCause(before.cause, cause))) return
  const from = before.cause === null ? 'the beginning' : `pack ${before.cause.era}/${before.cause.offset}`
  throw new OlderEventsMissing(
    `partition ${partition}: the archive lacks what follows ${from}: pack ${cause.era}/${cause.offset} comes next`,
  )
}

/** The event at a place that the archive and the log both have, as the log has it. */
async function readBoth(
  { log, topic, codec, partition }: FillRequest,
  { offset, cause }: { offset: Offset; cause: Cause },
): Promise<PlacedEvent> {
  const record = await readRecordAt({ log, topic }, { partition, offset })
  if (record === undefined) {
    throw new OlderEventsMissing(`partition ${partition}: the log lost offset ${offset} meanwhile: go on with --resume`)
  }
  const found = readCause(record.value!)
  if (found?.era !== cause.era || found.offset !== cause.offset) {
    throw new OlderEventsMissing(
      `partition ${partition}: offset ${offset} is one event in the archive, another in the log`,
    )
  }
  return { event: await decodeLearning(codec, record.value!), position: { offset, cause, hash: chainHash(record) } }
}

/** The archive ends below the log's start: they meet only where nothing lies in between. */
async function endBelow({ partition, start, older }: FillRequest): Promise<Position> {
  const last = (await older.positions()).get(partition)
  if (last?.offset === start - 1) return last
  throw new OlderEventsMissing(
    `partition ${partition}: the archive ends at offset ${last?.offset ?? -1} and the log begins at ${start}`,
  )
}

/** A view that takes events up to a time (of the log, included), and passes over all later ones. */
export function viewAsOf(view: View, until: Millis): View {
  const { concerns, reasonToSkip } = view
  return {
    name: view.name,
    pauseMs: view.pauseMs,
    position: partition => view.position(partition),
    apply: async ({ partition, events }) => {
      const wanted = events.filter(({ event }) => event.at <= until)
      const last = wanted.at(-1)
      if (last !== undefined) await view.apply({ partition, events: wanted, position: last.position })
    },
    ...(concerns && { concerns: headers => concerns(headers) }),
    ...(reasonToSkip && { reasonToSkip: event => reasonToSkip(event) }),
    close: () => view.close(),
  }
}
