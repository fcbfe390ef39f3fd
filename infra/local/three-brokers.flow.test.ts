import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testStack } from '../../tests/stack.ts'
import { AppendFailed, type StoredRecord } from '../../topics/log.ts'
import { systemClock } from '../clock.ts'
import { Cluster } from '../kafka/cluster.ts'
import { setupTopics } from '../kafka/create-topics.ts'
import { KafkaLog } from '../kafka/kafka-log.ts'
import { silentLogger } from '../logger.ts'
import type { Part } from './part.ts'
import { type LocalStack, startStack } from './stack.ts'

/** A leader is killed, and one is frozen, while every partition is written to and read. */

const START_MS_MAX = 180_000
/** Acks must be back so soon after a leader was lost; here two to six seconds were seen. */
const ACKS_BACK_MS_MAX = 15_000
const TOPIC = { name: 'three-brokers', partitions: 6, settings: { 'unclean.leader.election.enable': 'false' } }
/** Between two appends to a partition: hundreds a second are enough to lose some, and leave the brokers room. */
const WRITE_PAUSE_MS = 10
const dataDir = mkdtempSync(join(tmpdir(), 'packlog-three-brokers-'))
let stack: LocalStack
let brokers: string[]

beforeAll(async () => {
  const { redisUrl, clickhouseUrl } = testStack()
  stack = await startStack({
    dataDir,
    ports: 'free',
    brokers: 3,
    external: { redisUrl, clickhouseUrl },
    log: () => {},
  })
  brokers = stack.kafkaBrokers.split(',')
  const replicas = { replicationFactor: stack.replicationFactor, minInsyncReplicas: 2 }
  await setupTopics([TOPIC], { brokers, clientId: 'three-brokers', ...replicas })
}, START_MS_MAX)

afterAll(async () => {
  await stack?.stop()
  rmSync(dataDir, { recursive: true, force: true })
}, START_MS_MAX)

/** Appends to every partition, one append after the other, and writes down what was acknowledged. */
class Writing {
  readonly acked = Array.from({ length: TOPIC.partitions }, () => new Map<number, string>())
  private readonly log = new KafkaLog({ brokers, clientId: 'three-brokers-writer' })
  private readonly waiting = new Set<() => void>()
  private isOver = false
  private readonly loops = this.acked.map((_, partition) => this.write(partition))

  private async write(partition: number): Promise<void> {
    for (let number = 0; !this.isOver; number++) {
      const value = `${partition}-${number}`
      const records = [{ key: null, value: Buffer.from(value), headers: {} }]
      try {
        const { baseOffset } = await this.log.append({ topic: TOPIC.name, partition, records })
        this.acked[partition]!.set(baseOffset, value)
      } catch (error) {
        if (!(error instanceof AppendFailed)) throw error
      }
      for (const look of this.waiting) look()
      await systemClock.sleep(WRITE_PAUSE_MS)
    }
  }

  /** Resolves when every partition has acknowledged so many more. */
  more(count: number): Promise<void> {
    const targets = this.acked.map(acks => acks.size + count)
    const isReached = () => this.acked.every((acks, partition) => acks.size >= targets[partition]!)
    return new Promise(resolve => {
      const look = () => {
        if (!isReached()) return
        this.waiting.delete(look)
        resolve()
      }
      this.waiting.add(look)
    })
  }

  async stop(): Promise<void> {
    this.isOver = true
    await Promise.all(this.loops)
    await this.log.close()
  }
}

async function leaderOf(partition: number): Promise<Part> {
  const cluster = new Cluster({ brokers, clientId: 'three-brokers', clock: systemClock, logger: silentLogger })
  await cluster.refresh(TOPIC.name)
  const leader = cluster.leaderOf(TOPIC.name, partition)
  await cluster.close()
  return stack.brokers[leader! - 1]!
}

/** Reads beside the writers until `isEnough`; gives what came, by partition. */
async function readAll(log: KafkaLog, isEnough: (read: Map<number, string>[]) => boolean) {
  const read = Array.from({ length: TOPIC.partitions }, () => new Map<number, string>())
  const bounds = await log.bounds(TOPIC.name)
  const from = new Map([...bounds].map(([partition, { start }]) => [partition, start]))
  const reader = log.read({
    topic: TOPIC.name,
    from,
    onBatch: async ({ partition, records }) => {
      note(read[partition]!, records)
      if (isEnough(read)) void reader.close()
    },
  })
  await reader.done
  return read
}

function note(read: Map<number, string>, records: readonly StoredRecord[]): void {
  for (const { offset, value } of records) {
    expect(read.has(offset)).toBe(false)
    read.set(offset, String(value))
  }
}

test('[LS2] with a leader killed or frozen, acks resume without it and nothing acknowledged is lost', async () => {
  const writing = new Writing()
  await writing.more(20)

  const killed = await leaderOf(0)
  const killedAt = systemClock.monotonic()
  killed.kill('SIGKILL')
  await killed.exited
  await writing.more(20)
  expect(systemClock.monotonic() - killedAt).toBeLessThan(ACKS_BACK_MS_MAX)
  // Ready means caught up: the next leader may be lost.
  await killed.start()

  const frozen = await leaderOf(1)
  const frozenAt = systemClock.monotonic()
  frozen.kill('SIGSTOP')
  await writing.more(20)
  expect(systemClock.monotonic() - frozenAt).toBeLessThan(ACKS_BACK_MS_MAX)
  frozen.kill('SIGCONT')
  await writing.more(20)
  await writing.stop()

  const log = new KafkaLog({ brokers, clientId: 'three-brokers-reader' })
  const last = writing.acked.map(acks => Math.max(...acks.keys()))
  const read = await readAll(log, found => found.every((records, partition) => records.has(last[partition]!)))
  await log.close()
  const lost = writing.acked.flatMap((acks, partition) =>
    [...acks].filter(([offset, value]) => read[partition]!.get(offset) !== value),
  )
  expect(lost).toEqual([])
}, 120_000)
