import { systemClock } from '../infra/clock.ts'
import { transactionalContract } from '../tests/contract/transactional.contract.ts'
import { MemoryLog, type MemoryTransaction } from './memory-log.ts'
import { MemoryTransactions, memoryTransactionalWriters } from './memory-transactional.ts'

const log = new MemoryLog({ clock: systemClock })
const writers = memoryTransactionalWriters(log, new MemoryTransactions())
let made = 0

transactionalContract(() => ({
  log,
  writers,
  async makeTopic(settings = {}) {
    const name = `topic-${made++}`
    log.createTopic({ name, partitions: 3, settings })
    return name
  },
  async leaveOpen(topic, partition, records) {
    const transaction: MemoryTransaction = { state: 'open' }
    log.put(topic, partition, records, transaction)
    return { abort: async () => log.endTransaction(topic, partition, transaction, false) }
  },
}))
