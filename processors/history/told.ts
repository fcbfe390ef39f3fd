import type { Millis } from '../../infra/clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import type { UrgentEvent } from './history-store.ts'
import type { ToldWrite } from './kept.ts'

/**
 * What a user must not miss and no timeline holds, as a member of a sorted set by time: the same event gives the same
 * member, and the newest of all that were ever put in are the same in any order. Pure.
 */

/** A member: `<partition>/<offset>/<JSON text of the frame>`. */
export function toldMember(partition: Partition, { offset, json }: ToldWrite): string {
  return `${partition}/${offset}/${json}`
}

/** The order in which a user's are told as rows. */
export function byPlace(
  a: { partition: Partition; offset: Offset },
  b: { partition: Partition; offset: Offset },
): number {
  return a.partition - b.partition || a.offset - b.offset
}

export function toldEvent(member: string, at: Millis): UrgentEvent & { json: string } {
  const [, partition = '', offset = '', json = ''] = /^(\d+)\/(\d+)\/(.*)$/s.exec(member) ?? []
  const { sessionId, seq } = JSON.parse(json) as EventFrame
  return { sessionId, seq, at, partition: Number(partition), offset: Number(offset), json }
}
