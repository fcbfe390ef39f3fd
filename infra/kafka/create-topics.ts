import kafkajs, { type Admin, type DescribeConfigResponse } from 'kafkajs'
import type { Topic } from '../../topics/topics.ts'
import { systemClock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { silentLogger } from '../logger.ts'
import { Cluster } from './cluster.ts'
import { KAFKAJS_LOG_LEVEL_WARN, kafkajsLogCreator, kafkajsSecurity } from './kafkajs-client.ts'
import { readBounds } from './offsets.ts'
import type { KafkaSecurity } from './security.ts'

export interface SetupTopicsOptions {
  brokers: readonly string[]
  clientId: string
  security?: KafkaSecurity
  replicationFactor: number
  /** How many replicas must have a record before it is acknowledged: 2 of 3 in production, 1 on a single node. */
  minInsyncReplicas: number
  logger?: Logger
}

type ClientOptions = Pick<SetupTopicsOptions, 'brokers' | 'clientId' | 'security' | 'logger'>

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

/** How long to wait until the brokers have taken up what they agreed to, and the pause between two looks, ms. */
const TAKEN_UP_MS_MAX = 15_000
const LOOK_PAUSE_MS = 100
/** `configSource` of a setting that was made for this topic. */
const DYNAMIC_TOPIC_CONFIG = 1

/**
 * Creates what is missing, with its settings, and changes settings that differ; a second run changes nothing and says
 * so. Settings that the topic values do not name are left alone. Throws PartitionCountDiffers before it changes
 * anything.
 */
export async function setupTopics(topics: readonly Topic[], options: SetupTopicsOptions): Promise<TopicsSetUp> {
  return withAdmin(options, async admin => {
    const created = await createMissing(admin, topics, options)
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
export async function deleteTopics(names: readonly string[], options: ClientOptions): Promise<void> {
  await withAdmin(options, async admin => {
    const present = new Set(await admin.listTopics())
    const topics = names.filter(name => present.has(name))
    if (topics.length > 0) await admin.deleteTopics({ topics, timeout: TAKEN_UP_MS_MAX })
  })
}

/** Runs `task` with a connected admin client. */
export async function withAdmin<T>(options: ClientOptions, task: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...kafkajsSecurity(options.security ?? {}),
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

async function createMissing(admin: Admin, topics: readonly Topic[], options: SetupTopicsOptions): Promise<string[]> {
  const { replicationFactor, minInsyncReplicas } = options
  const present = new Set(await admin.listTopics())
  const existing = topics.filter(topic => present.has(topic.name))
  await refuseOtherCounts(admin, existing)
  const created: string[] = []
  for (const topic of topics.filter(({ name }) => !present.has(name))) {
    const settings = wantedSettings(topic, minInsyncReplicas)
    const made = await admin.createTopics({
      // Waited for below: kafkajs gives up at the first answer of a broker that has not heard of the topic yet.
      waitForLeaders: false,
      timeout: TAKEN_UP_MS_MAX,
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
    await untilServed(topic, options)
  }
  return created
}

/**
 * Waits until the leader of every partition answers as a leader. That metadata names it is not enough: a broker learns
 * whom to name before it has taken the partition over, and refuses the first appends. Throws PartitionCountDiffers.
 */
async function untilServed(topic: Topic, options: ClientOptions): Promise<void> {
  const cluster = new Cluster({ logger: silentLogger, clock: systemClock, ...options })
  try {
    await untilTakenUp(async () => {
      await cluster.refresh(topic.name)
      const partitions = cluster.partitionsOf(topic.name)
      if (partitions.length === 0) throw new Error(`${topic.name}: ${cluster.problemOf(topic.name) ?? 'not known yet'}`)
      refuseOtherCount(topic, partitions.length)
      await readBounds(cluster, topic.name, partitions)
    })
  } finally {
    await cluster.close()
  }
}

/** Looks again until `look` does not throw; throws what it threw last, and PartitionCountDiffers at once. */
async function untilTakenUp(look: () => Promise<void>): Promise<void> {
  const deadline = systemClock.monotonic() + TAKEN_UP_MS_MAX
  for (;;) {
    try {
      return await look()
    } catch (error) {
      if (error instanceof PartitionCountDiffers || systemClock.monotonic() > deadline) throw error
    }
    await systemClock.sleep(LOOK_PAUSE_MS)
  }
}

function refuseOtherCount(topic: Topic, found: number): void {
  if (found !== topic.partitions) throw new PartitionCountDiffers(topic.name, { wanted: topic.partitions, found })
}

async function refuseOtherCounts(admin: Admin, topics: readonly Topic[]): Promise<void> {
  if (topics.length === 0) return
  const found = await admin.fetchTopicMetadata({ topics: topics.map(topic => topic.name) })
  for (const topic of topics) {
    const partitions = found.topics.find(({ name }) => name === topic.name)?.partitions.length
    if (partitions !== undefined) refuseOtherCount(topic, partitions)
  }
}

async function applySettings(
  admin: Admin,
  name: string,
  wanted: Record<string, string>,
): Promise<TopicsSetUp['changed']> {
  const entries = await settingsOf(admin, name)
  const changed = differences(name, wanted, entries)
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
  // Brokers apply it a moment after they have agreed; a run that follows must find it.
  await untilTakenUp(async () => {
    const left = differences(name, wanted, await settingsOf(admin, name))
    if (left.length > 0) throw new Error(`${name}: ${left[0]!.setting} is not in force yet`)
  })
  return changed
}

type Settings = DescribeConfigResponse['resources'][0]['configEntries']

async function settingsOf(admin: Admin, name: string): Promise<Settings> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }]
  const described = await admin.describeConfigs({ includeSynonyms: false, resources })
  return described.resources[0]?.configEntries ?? []
}

function differences(topic: string, wanted: Record<string, string>, entries: Settings): TopicsSetUp['changed'] {
  return Object.entries(wanted)
    .map(([setting, to]) => ({ topic, setting, from: currentValue(entries, setting), to }))
    .filter(({ from, to }) => from !== to)
}

function currentValue(entries: Settings, setting: string): string {
  return entries.find(entry => entry.configName === setting)?.configValue ?? ''
}
