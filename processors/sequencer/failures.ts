import type { Partition } from '../../schemas/ids.ts'

/**
 * Why a sequencer refuses to work on a partition: going on would mean guessing what the log once said (DESIGN 4,
 * ST5-ST13). Each code says what an operator finds and what to do; docs/operations.md repeats the table.
 */
export const RestoreCode = {
  MARKER_AHEAD:
    'the stored position lies beyond the end of im.events: the log was truncated or replaced. ' +
    'Bring the log back, or remove the state directory and im.sessions if it was replaced on purpose',
  HASH_MISMATCH:
    'the record at the stored position is not the one that the state was built from: the log was replaced or rewritten. ' +
    'Bring the log back, or remove im.sessions if it was replaced on purpose',
  EVENTS_EXPIRED:
    'events after the stored position are no longer on im.events: the state cannot be brought up to date. ' +
    'Restore im.events from the archive, or the state from a copy that is newer',
  NO_MARKER:
    'im.events does not begin at offset 0 and there is no stored position: what was before is unknown. ' +
    'Restore im.sessions or the state directory',
  PACKS_EXPIRED:
    'packs that have no outcome yet are no longer on im.packs: they were accepted by a gateway and would be lost. ' +
    'An operator has to decide: raise PACKLOG_ERA once it is known which packs are gone',
  PACKS_AHEAD:
    'the next pack lies beyond the end of im.packs: the log was truncated or replaced. ' +
    'Raise PACKLOG_ERA if the cluster was replaced on purpose',
  ERA_BEHIND: 'im.events was written in a later era than PACKLOG_ERA says: raise it to the one that the cluster is in',
  TOPICS_DIFFER:
    'im.packs, im.events and im.sessions must have the same number of partitions, and the partition must be one of them',
} as const

export type RestoreCodeName = keyof typeof RestoreCode

/** The sequencer stops before it would have to guess. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused'
  readonly code: RestoreCodeName
  readonly partition: Partition
  constructor(code: RestoreCodeName, partition: Partition, detail: string) {
    super(`partition ${partition}: ${code}: ${detail}; ${RestoreCode[code]}`)
    this.code = code
    this.partition = partition
  }
}
