import type { Partition } from '../../schemas/ids.ts'
import type { Call } from './protocol.ts'
import { Reader, Writer } from './wire.ts'

/**
 * The requests of a transaction: FindCoordinator 2, InitProducerId 4, AddPartitionsToTxn 2, EndTxn 2 (brokers from 2.7
 * on). kafkajs knows only InitProducerId 1, which takes a transactional id back from whoever holds it: with it a
 * writer could not start again after a failure without fencing its own successor (KIP-360).
 */

/** An instance of a transactional id. */
export interface Producer {
  producerId: bigint
  epoch: number
}

/** Says "whoever has it now": fences it. */
export const ANY_PRODUCER: Producer = { producerId: -1n, epoch: -1 }

const COORDINATOR_OF_GROUPS = 0
const COORDINATOR_OF_TRANSACTIONS = 1

export function findCoordinatorCall(transactionalId: string): Call<{ errorCode: number; nodeId: number }> {
  return findCoordinator(transactionalId, COORDINATOR_OF_TRANSACTIONS)
}

export function findGroupCoordinatorCall(groupId: string): Call<{ errorCode: number; nodeId: number }> {
  return findCoordinator(groupId, COORDINATOR_OF_GROUPS)
}

function findCoordinator(key: string, kind: number): Call<{ errorCode: number; nodeId: number }> {
  return {
    apiKey: 10,
    apiVersion: 2,
    apiName: 'FindCoordinator',
    body: new Writer().text(key).int8(kind).done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int32()
      const errorCode = reader.int16()
      reader.text()
      return { errorCode, nodeId: reader.int32() }
    },
  }
}

/** With the present producer: raises its epoch, unless another instance did. With ANY_PRODUCER: takes the id over. */
export function initProducerIdCall(
  transactionalId: string,
  timeoutMs: number,
  { producerId, epoch }: Producer,
): Call<{ errorCode: number } & Producer> {
  const id = Buffer.from(transactionalId)
  // This version is one of the flexible ones: a header and a body that end in a number of tagged fields (none), and a
  // string whose length is a varint, one too large. All ids here are shorter than 127 bytes.
  const body = new Writer()
    .int8(0)
    .int8(id.length + 1)
    .bytes(id)
    .int32(timeoutMs)
  return {
    apiKey: 22,
    apiVersion: 4,
    apiName: 'InitProducerId',
    body: body.bigint64(producerId).int16(epoch).int8(0).done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int8()
      reader.int32()
      return { errorCode: reader.int16(), producerId: reader.bigint64(), epoch: reader.int16() }
    },
  }
}

/** Bytes that a transactional id may have. */
export const TRANSACTIONAL_ID_BYTES_MAX = 126

export function addPartitionCall(
  transactionalId: string,
  { producerId, epoch }: Producer,
  { topic, partition }: { topic: string; partition: Partition },
): Call<{ errorCode: number }> {
  const body = new Writer().text(transactionalId).bigint64(producerId).int16(epoch)
  return {
    apiKey: 24,
    apiVersion: 2,
    apiName: 'AddPartitionsToTxn',
    body: body.int32(1).text(topic).int32(1).int32(partition).done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int32()
      const topics = reader.array(() => {
        reader.text()
        return reader.array(() => {
          reader.int32()
          return reader.int16()
        })
      })
      return { errorCode: topics.flat()[0] ?? -1 }
    },
  }
}

export function commitCall(transactionalId: string, { producerId, epoch }: Producer): Call<{ errorCode: number }> {
  return {
    apiKey: 26,
    apiVersion: 2,
    apiName: 'EndTxn',
    body: new Writer().text(transactionalId).bigint64(producerId).int16(epoch).int8(1).done(),
    decode(payload) {
      const reader = new Reader(payload)
      reader.int32()
      return { errorCode: reader.int16() }
    },
  }
}
