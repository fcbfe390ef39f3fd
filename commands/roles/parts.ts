import { readFile } from 'node:fs/promises'
import { BadConfig, type Config } from '../../infra/config.ts'
import { kafkaGroup } from '../../infra/kafka/kafka-group.ts'
import { connectRedis, type RedisConnection } from '../../infra/redis/redis.ts'
import type { Role } from '../../infra/roles.ts'
import type { Service } from '../../infra/service.ts'
import { makeRunner, type Runner } from '../../processors/runner.ts'
import { parseRulesFile } from '../../processors/sequencer/rules-file.ts'
import type { View } from '../../processors/view.ts'
import { makeViewInGroup } from '../../processors/view-in-group.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { Rules } from '../../schemas/pack.ts'
import { fixedOwnership, type Ownership } from '../../topics/ownership.ts'
import type { Context } from '../context.ts'

/** What the roles of a process are put together from. */

/** A connection that whoever gets it closes. */
export function connectTo({ config, logger }: Context, name: string): RedisConnection {
  return connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: `packlog-${name}`, logger })
}

/** Which partitions the role works on here: those of the configuration, or those that its processes agree on. */
export function ownershipOf({ config, kafka, topics, clock, logger }: Context, role: Role): Ownership {
  if (config.partitions !== 'group') return fixedOwnership(config.partitions)
  const topic = role === 'sequencer' ? topics.packs : topics.events
  return kafkaGroup({
    ...kafka,
    clientId: `${role}-${config.nodeName}`,
    groupId: `${config.topicPrefix}packlog.${role}`,
    topic: topic.name,
    partitions: topic.partitions,
    instance: config.nodeName,
    clock,
    logger,
  })
}

/** A view, on the partitions that its processes agree on; `complete` puts beside its runner what works with it. */
export function viewService(
  context: Context,
  {
    role,
    makeView,
    complete = runner => runner,
  }: {
    role: Role
    makeView: (partitions: readonly Partition[]) => View
    complete?: (runner: Runner, partitions: readonly Partition[]) => Runner
  },
): Service {
  const { log, topics, codecs, clock, random, logger, metrics, turns } = context
  const parts = { log, topics, eventCodec: codecs.events, clock, random, logger, metrics, turns }
  return makeViewInGroup({
    name: role,
    ownership: ownershipOf(context, role),
    makeRunner: partitions => complete(makeRunner({ ...parts, view: makeView(partitions), partitions }), partitions),
    clock,
    logger,
  })
}

/** Throws BadConfig when the file cannot be read or holds no rules. */
export async function configuredRules({ rulesFile }: Config): Promise<{ rules?: Rules }> {
  if (rulesFile === undefined) return {}
  const text = await readFile(rulesFile, 'utf8').catch(error => {
    throw new BadConfig(`PACKLOG_RULES_FILE cannot be read: ${(error as Error).message}`)
  })
  return { rules: parseRulesFile(text, rulesFile) }
}
