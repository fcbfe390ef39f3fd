import { randomUUID } from 'node:crypto'
import { OWNERSHIP_PARTITIONS, ownershipContract } from '../../tests/contract/ownership.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { systemClock } from '../clock.ts'
import { kafkaGroup } from './kafka-group.ts'

const LOOK_MS = 20

ownershipContract(async () => {
  const groupId = `test-${randomUUID()}`
  return {
    as: instance =>
      kafkaGroup({
        brokers: testStack().kafkaBrokers.split(','),
        clientId: `test-${instance}`,
        groupId,
        topic: 'im.packs',
        partitions: OWNERSHIP_PARTITIONS,
        instance,
      }),
    until: async condition => {
      while (!condition()) await systemClock.sleep(LOOK_MS)
    },
    close: async () => {},
  }
})
