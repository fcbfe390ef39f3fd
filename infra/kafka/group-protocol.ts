import type { Partition } from '../../schemas/ids.ts'
import type { Call } from './protocol.ts'
import { Reader, Writer } from './wire.ts'

/**
 * The requests of a consumer group that only agrees: JoinGroup 5, SyncGroup 3, Heartbeat 3, LeaveGroup 3 (brokers from
 * 2.3 to 4.x). kafkajs knows none of the versions with a group instance id, by which a process that was killed and
 * started again takes its place at once instead of waiting for its former life to expire. Metadata and assignments
 * are those of Kafka's consumers, so that `kafka-consumer-groups --describe --members --verbose` shows who owns what.
 */

/** Who asks: `instanceId` is the name that outlives the process; null for a member without one. */
export interface GroupMember {
  groupId: string
  memberId: string
  instanceId: string | null
  generation: number
}

const PROTOCOL_TYPE = 'consumer'
/** Name of our assignor: members that assign otherwise are refused by the coordinator. */
const PROTOCOL_NAME = 'packlog-1'

export interface JoinAnswer {
  errorCode: number
  generation: number
  leader: string
  memberId: string
  /** Everyone, where the asker is the leader; otherwise empty. */
  members: { memberId: string; metadata: Buffer }[]
}

export function joinGroupCall(
  { groupId, memberId, instanceId }: GroupMember,
  options: { sessionMs: number; rebalanceMs: number; metadata: Buffer; timeoutMs: number },
): Call<JoinAnswer> {
  const body = new Writer().text(groupId).int32(options.sessionMs).int32(options.rebalanceMs).text(memberId)
  nullableText(body, instanceId).text(PROTOCOL_TYPE).int32(1).text(PROTOCOL_NAME)
  return {
    apiKey: 11,
    apiVersion: 5,
    apiName: 'JoinGroup',
    timeoutMs: options.timeoutMs,
    body: body.int32(options.metadata.length).bytes(options.metadata).done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int32()
      const errorCode = reader.int16()
      const generation = reader.int32()
      reader.text()
      const leader = reader.text()
      const answer = { errorCode, generation, leader, memberId: reader.text() }
      const members = reader.array(() => {
        const id = reader.text()
        reader.text()
        return { memberId: id, metadata: reader.bytes() }
      })
      return { ...answer, members }
    },
  }
}

/** `assignments` from the leader; nobody else has any. */
export function syncGroupCall(
  member: GroupMember,
  assignments: ReadonlyMap<string, Buffer>,
  timeoutMs: number,
): Call<{ errorCode: number; assignment: Buffer }> {
  const body = new Writer().text(member.groupId).int32(member.generation).text(member.memberId)
  nullableText(body, member.instanceId).int32(assignments.size)
  for (const [memberId, assignment] of assignments) body.text(memberId).int32(assignment.length).bytes(assignment)
  return {
    apiKey: 14,
    apiVersion: 3,
    apiName: 'SyncGroup',
    timeoutMs,
    body: body.done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int32()
      return { errorCode: reader.int16(), assignment: reader.bytes() }
    },
  }
}

export function heartbeatCall(member: GroupMember): Call<{ errorCode: number }> {
  const body = new Writer().text(member.groupId).int32(member.generation).text(member.memberId)
  return {
    apiKey: 12,
    apiVersion: 3,
    apiName: 'Heartbeat',
    body: nullableText(body, member.instanceId).done(),
    decode: throttledErrorCode,
  }
}

export function leaveGroupCall({ groupId, memberId, instanceId }: GroupMember): Call<{ errorCode: number }> {
  const body = new Writer().text(groupId).int32(1).text(memberId)
  return {
    apiKey: 13,
    apiVersion: 3,
    apiName: 'LeaveGroup',
    body: nullableText(body, instanceId).done(),
    decode: throttledErrorCode,
  }
}

function throttledErrorCode(payload: Buffer): { errorCode: number } {
  const reader = new Reader(payload)
  reader.int32()
  return { errorCode: reader.int16() }
}

function nullableText(writer: Writer, text: string | null): Writer {
  return text === null ? writer.int16(-1) : writer.text(text)
}

/** What a member tells the leader. */
export interface Subscription {
  owned: readonly Partition[]
  /** The agreement that it owns them by. */
  generation: number
  /** Rises with every new agreement that it asks for: a join with the same metadata asks for none. */
  turn: number
}

export function encodeSubscription(topic: string, subscription: Subscription): Buffer {
  return withData(new Writer().int16(0).int32(1).text(topic), subscription)
}

/** A foreign member's metadata claims nothing. */
export function decodeSubscription(metadata: Buffer): Subscription {
  const reader = new Reader(metadata)
  reader.int16()
  reader.array(() => reader.text())
  const data = parseData(reader.bytes()) as Partial<Subscription>
  return { owned: data.owned ?? [], generation: data.generation ?? -1, turn: data.turn ?? 0 }
}

export interface Assigned {
  partitions: readonly Partition[]
  /** How many partitions of the group wait for somebody to let them go. */
  withheld: number
}

export function encodeAssigned(topic: string, { partitions, withheld }: Assigned): Buffer {
  const writer = new Writer().int16(0).int32(1).text(topic).int32(partitions.length)
  for (const partition of partitions) writer.int32(partition)
  return withData(writer, { withheld })
}

export function decodeAssigned(assignment: Buffer): Assigned {
  // A member that the leader did not know of is given nothing at all.
  if (assignment.length === 0) return { partitions: [], withheld: 0 }
  const reader = new Reader(assignment)
  reader.int16()
  const partitions = reader.array(() => {
    reader.text()
    return reader.array(() => reader.int32())
  })
  const data = parseData(reader.bytes()) as { withheld?: number }
  return { partitions: partitions.flat(), withheld: data.withheld ?? 0 }
}

function withData(writer: Writer, data: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(data))
  return writer.int32(bytes.length).bytes(bytes).done()
}

function parseData(bytes: Buffer): unknown {
  return bytes.length === 0 ? {} : JSON.parse(bytes.toString())
}
