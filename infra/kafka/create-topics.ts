import kafkajs, { type Admin, type DescribeConfigResponse } from 'kafkajs'
import type { Topic } from '../../topics/topics.ts'
import { systemClock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { silentLogger } from '../logger.ts'
import { KAFKAJS_LOG_LEVEL_WARN, kafkajsLogCreator } from './kafkajs-internals.ts'

export interface SetupTopicsOptions {
  brokers: readonly string[]
  clientId: string
  replicationFactor: number
  /** How many replicas must have a record before it is acknowledged: 2 of 3 in production, 1 on a single node. */
  minInsyncReplicas: number
  logger?: Logger
}

export interface TopicsSetUp {
  /** Names of the topics that were made. */
  created: string[]
  /** Settings that were not what they should be and now are. */
  changed: { topic: string; setting: string; from: string; to: string }[]
}

/** A topic has another number of partitions than the product wants: sessions would change their partition. */
export class PartitionCountDiffers extends Error {
  override readonly name = 'PartitionCountDiffers'
  constructor(topic: string, counts: { wanted: number; found: number }) {
    super(
      `${topic} has ${counts.found} partitions and the configuration says ${counts.wanted}. The count of a topic never ` +
        'changes, because a session lives in murmur2(sessionId) mod count: set PACKLOG_PARTITION_COUNT to what is there.',
    )
  }
}

/** How long to wait for the leaders of new topics, ms. */
const LEADERS_MS_MAX = 15_000
/** How often leaders are looked for, and the pause between, ms: LEADERS_MS_MAX in all. */
const LEADER_PAUSE_MS = 100
const LEADER_TRIES_MAX = LEADERS_MS_MAX / LEADER_PAUSE_MS
/** `configSource` of a setting that was made for this topic. */
const DYNAMIC_TOPIC_CONFIG = 1

/**
 * Creates what is missing, with its settings, and changes settings that differ; a second run changes nothing and says
 * so. Settings that the topic values do not name are left alone. Throws PartitionCountDiffers before it changes
 * anything.
 */
export async function setupTopics(topics: readonly Topic[], options: SetupTopicsOptions): Promise<TopicsSetUp> {
  return withAdmin(options, async admin => {
    const created = await createMissing(admin, topics, options.replicationFactor, options.minInsyncReplicas)
    const changed: TopicsSetUp['changed'] = []
    for (const topic of topics) {
      if (!created.includes(topic.name)) {
        changed.push(...(await applySettings(admin, topic.name, wantedSettings(topic, options.minInsyncReplicas))))
      }
    }
    return { created, changed }
  })
}

/** Deletes the topics that exist; for tests and for the local stack. */
export async function deleteTopics(
  names: readonly string[],
  options: Pick<SetupTopicsOptions, 'brokers' | 'clientId' | 'logger'>,
): Promise<void> {
  await withAdmin(options, async admin => {
    const present = new Set(await admin.listTopics())
    const topics = names.filter(name => present.has(name))
    if (topics.length > 0) await admin.deleteTopics({ topics, timeout: LEADERS_MS_MAX })
  })
}

/** Runs `task` with a connected admin client. */
export async function withAdmin<T>(
  options: Pick<SetupTopicsOptions, 'brokers' | 'clientId' | 'logger'>,
  task: (admin: Admin) => Promise<T>,
): Promise<T> {
  const kafka = new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    logLevel: KAFKAJS_LOG_LEVEL_WARN,
    logCreator: kafkajsLogCreator(options.logger ?? silentLogger),
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await task(admin)
  } finally {
    await admin.disconnect()
  }
}

function wantedSettings(topic: Topic, minInsyncReplicas: number): Record<string, string> {
  return { ...topic.settings, 'min.insync.replicas': String(minInsyncReplicas) }
}

async function createMissing(
  admin: Admin,
  topics: readonly Topic[],
  replicationFactor: number,
  minInsyncReplicas: number,
): Promise<string[]> {
  const present = new Set(await admin.listTopics())
  const existing = topics.filter(topic => present.has(topic.name))
  await refuseOtherCounts(admin, existing)
  const created: string[] = []
  for (const topic of topics.filter(({ name }) => !present.has(name))) {
    const settings = wantedSettings(topic, minInsyncReplicas)
    const made = await admin.createTopics({
      // Waited for below: kafkajs gives up at the first answer of a broker that has not heard of the topic yet.
      waitForLeaders: false,
      timeout: LEADERS_MS_MAX,
      topics: [
        {
          topic: topic.name,
          numPartitions: topic.partitions,
          replicationFactor,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ],
    })
    // False: somebody else made it since it was looked for.
    if (made) created.push(topic.name)
    await untilLed(admin, topic)
    if (!made) await refuseOtherCounts(admin, [topic])
  }
  return created
}

/** Resolves when every partition of the topic has a leader. Throws what the broker said last, after LEADER_TRIES_MAX. */
async function untilLed(admin: Admin, topic: Topic): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic.name] })
      const partitions = topics[0]?.partitions ?? []
      if (partitions.length === topic.partitions && partitions.every(({ leader }) => leader >= 0)) return
      if (attempt >= LEADER_TRIES_MAX) throw new Error(`${topic.name}: not every partition has a leader`)
    } catch (error) {
      if (attempt >= LEADER_TRIES_MAX) throw error
    }
    await systemClock.sleep(LEADER_PAUSE_MS)
  }
}

async function refuseOtherCounts(admin: Admin, topics: readonly Topic[]): Promise<void> {
  if (topics.length === 0) return
  const found = await admin.fetchTopicMetadata({ topics: topics.map(topic => topic.name) })
  for (const topic of topics) {
    const partitions = found.topics.find(({ name }) => name === topic.name)?.partitions.length
    if (partitions !== undefined && partitions !== topic.partitions) {
      throw new PartitionCountDiffers(topic.name, { wanted: topic.partitions, found: partitions })
    }
  }
}

async function applySettings(
  admin: Admin,
  name: string,
  wanted: Record<string, string>,
): Promise<TopicsSetUp['changed']> {
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }],
  })
  const entries = described.resources[0]?.configEntries ?? []
  const changed = Object.entries(wanted)
    .map(([setting, to]) => ({ topic: name, setting, from: currentValue(entries, setting), to }))
    .filter(({ from, to }) => from !== to)
  if (changed.length === 0) return []
  // This request replaces everything that was set for the topic: what others have set is sent along.
  const own = entries.filter(entry => entry.configSource === DYNAMIC_TOPIC_CONFIG)
  const merged = { ...Object.fromEntries(own.map(entry => [entry.configName, entry.configValue])), ...wanted }
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configEntries: Object.entries(merged).map(([setting, value]) => ({ name: setting, value })),
      },
    ],
  })
  return changed
}

function currentValue(entries: DescribeConfigResponse['resources'][0]['configEntries'], setting: string): string {
  return entries.find(entry => entry.configName === setting)?.configValue ?? ''
}
