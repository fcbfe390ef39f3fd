import type { Offset, Partition } from '../../schemas/ids.ts'
import type { PartitionBounds } from '../../topics/log.ts'
import type { Brokers } from './cluster.ts'
import { ErrorCode, errorName, listOffsetsCall, OFFSET_EARLIEST, OFFSET_LATEST } from './protocol.ts'

/** Start and end of these partitions, asked of their leaders as far as they are known. Throws when one does not answer. */
export async function readBounds(
  cluster: Brokers,
  topic: string,
  partitions: readonly Partition[],
): Promise<Map<Partition, PartitionBounds>> {
  const byLeader = new Map<number, Partition[]>()
  for (const partition of partitions) {
    const leader = cluster.leaderOf(topic, partition)
    if (leader === undefined) throw new Error(`${topic}/${partition} has no leader`)
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition])
  }
  const bounds = new Map<Partition, PartitionBounds>()
  for (const [leader, led] of byLeader) {
    const link = await cluster.link(leader)
    try {
      // The start first: what is appended or expires in between never makes the end smaller than the start.
      const starts = checked(topic, await link.send(listOffsetsCall(topic, led, OFFSET_EARLIEST)))
      const ends = checked(topic, await link.send(listOffsetsCall(topic, led, OFFSET_LATEST)))
      for (const partition of led) bounds.set(partition, { start: starts.get(partition)!, end: ends.get(partition)! })
    } catch (error) {
      cluster.drop(link)
      for (const partition of led) cluster.forget(topic, partition)
      throw error
    }
  }
  return bounds
}

function checked(
  topic: string,
  answer: { partitions: { partition: Partition; errorCode: number; offset: Offset }[] },
): Map<Partition, Offset> {
  for (const { partition, errorCode } of answer.partitions) {
    if (errorCode !== ErrorCode.NONE) throw new Error(`${topic}/${partition}: ListOffsets: ${errorName(errorCode)}`)
  }
  return new Map(answer.partitions.map(({ partition, offset }) => [partition, offset]))
}
