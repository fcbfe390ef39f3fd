import { setupTopics } from '../infra/kafka/create-topics.ts'
import { setupArchive } from '../processors/archive/main.ts'
import { pushCodec } from '../schemas/push-record.ts'
import { sessionCodec } from '../schemas/session.ts'
import { valueSubject } from '../topics/topics.ts'
import { clickHouseOptions, closeContext, openContext } from './context.ts'
import { ensureAdminKey } from './key.ts'

/** Replicas that must have a record before it is acknowledged: all but one, so that one broker may be lost. */
function minInsyncReplicas(replicationFactor: number): number {
  return Math.max(1, replicationFactor - 1)
}

/**
 * Registers the schemas, creates the topics and brings the archive's tables up to date; can be run again. Throws
 * IncompatibleSchema, PartitionCountDiffers or a migration's error before anything half-done is left.
 */
export async function setupCommand({ env }: { env: NodeJS.ProcessEnv }): Promise<number> {
  // Opening the context registers the schemas of packs and events: an incompatible one ends it here.
  const context = await openContext(env, 'setup')
  try {
    const { config, kafka, registry, topics, logger } = context
    await sessionCodec(registry, valueSubject(topics.sessions))
    await pushCodec(registry, valueSubject(topics.pushes))
    process.stdout.write('schemas: registered, BACKWARD_TRANSITIVE\n')
    const { created, changed } = await setupTopics(Object.values(topics), {
      ...kafka,
      clientId: 'packlog-setup',
      replicationFactor: config.replicationFactor,
      minInsyncReplicas: minInsyncReplicas(config.replicationFactor),
      logger,
    })
    const changes = changed.map(({ topic, setting, from, to }) => `  ${topic}: ${setting} ${from} -> ${to}\n`)
    process.stdout.write(`topics: ${created.length} created, ${changed.length} settings changed\n${changes.join('')}`)
    const applied = await setupArchive(clickHouseOptions(config))
    process.stdout.write(`archive: ${applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`}\n`)
    const { adminKeyFile } = config
    if (adminKeyFile !== undefined && (await ensureAdminKey(context, adminKeyFile))) {
      process.stdout.write(`key of the app admin: made, in ${adminKeyFile}\n`)
    }
    return 0
  } finally {
    await closeContext(context)
  }
}
