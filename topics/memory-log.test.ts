import { beforeEach } from 'vitest'
import { systemClock } from '../infra/clock.ts'
import { logContract } from '../tests/contract/log.contract.ts'
import { MemoryLog } from './memory-log.ts'

let log: MemoryLog
let made = 0

beforeEach(() => {
  log = new MemoryLog({ clock: systemClock })
})

logContract(() => ({
  log,
  async makeTopic(settings = {}) {
    const name = `topic-${made++}`
    log.createTopic({ name, partitions: 3, settings })
    return name
  },
  async deleteBefore(topic, partition, offset) {
    log.deleteBefore(topic, partition, offset)
  },
}))
