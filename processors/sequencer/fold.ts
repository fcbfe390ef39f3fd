import { type RecordCodec, UnknownSchema } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { Offset } from '../../schemas/ids.ts'
import { LogCorrupt, type Position, type ValidBatch } from '../../topics/valid-events.ts'
import { evolve, evolveTime, seqFault } from './evolve.ts'
import type { Change, Checkpoint } from './session.ts'
import type { SessionState } from './session-state.ts'
import { advanceMarks } from './time-marks.ts'

/** Folds events that are in the log already into the state: at restore, and those of another writer (DESIGN 4). */

/** Decodes an event of the log; a valid record that cannot be decoded means stop. */
export async function decodeEvent(
  codec: RecordCodec<Event>,
  record: { value: Buffer | null; offset: Offset },
  partition: number,
): Promise<Event> {
  try {
    return codec.decode(record.value!)
  } catch (error) {
    if (error instanceof UnknownSchema && (await codec.learn(error.schemaId))) return codec.decode(record.value!)
    throw new LogCorrupt(partition, record.offset, `a valid record that cannot be decoded: ${String(error)}`)
  }
}

/** Offsets up to which rows are already folded, by `table key`; see restore.ts. */
export type FoldedRows = ReadonlyMap<string, Offset>

export function foldedKey(change: Pick<Change, 'table' | 'key'>): string {
  return `${change.table} ${change.key}`
}

export interface FoldRequest {
  state: SessionState
  codec: RecordCodec<Event>
  /** Rows that may be newer than the events. */
  folded?: FoldedRows
}

/** Folds the batch on the state's overlay; gives the checkpoint to commit it with. Throws LogCorrupt. */
export async function foldBatch({ state, codec, folded }: FoldRequest, batch: ValidBatch): Promise<Checkpoint> {
  let checkpoint = state.checkpoint
  for (let index = 0; index < batch.records.length; index++) {
    const event = await decodeEvent(codec, batch.records[index]!, batch.partition)
    checkpoint = foldEvent({ state, event, folded, partition: batch.partition }, checkpoint, batch.positions[index]!)
  }
  return checkpoint
}

function foldEvent(
  { state, event, folded, partition }: { state: SessionState; event: Event; folded?: FoldedRows; partition: number },
  before: Checkpoint,
  position: Position,
): Checkpoint {
  const isFolded = (change: Pick<Change, 'table' | 'key'>) => (folded?.get(foldedKey(change)) ?? -1) >= position.offset
  if (!isFolded({ table: 'heads', key: event.sessionId })) {
    const fault = seqFault(state, event)
    if (fault !== undefined) throw new LogCorrupt(partition, position.offset, fault)
  }
  const changes = evolve(state, event)
  state.apply(folded === undefined || folded.size === 0 ? changes : changes.filter(change => !isFolded(change)))
  const time = evolveTime(before.time, event)
  return { position, time, marks: advanceMarks(before.marks, time, position) }
}
