import { makePackId, type Partition, RULES_SESSION, type UserId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Rules } from '../../schemas/pack.ts'
import { AppendFailed } from '../../topics/log.ts'
import type { SequencerContext } from './main.ts'

type Parts = Pick<
  SequencerContext,
  'rules' | 'log' | 'topics' | 'packCodec' | 'instance' | 'clock' | 'random' | 'logger'
>

/**
 * Asks a partition to take the rules of the configuration where they have a higher version than those that apply in
 * it (SQ18). Otherwise nothing is asked, and the log says why: an instance that was started with an old file is not
 * to take back what another has set.
 */
export async function askForRules(parts: Parts, at: { partition: Partition; inForce: Rules }): Promise<void> {
  const { rules, log, topics, logger } = parts
  const { partition, inForce } = at
  if (rules === undefined) return
  const versions = { partition, configured: rules.version, inForce: inForce.version }
  if (rules.version < inForce.version) {
    logger.warn(versions, 'the configured rules have a lower version than those in force: nothing changes')
  } else if (rules.version === inForce.version) {
    const differing = differences(rules, inForce)
    if (differing.length === 0) return
    logger.warn({ ...versions, differing }, 'rules of this version are in force with other values: raise the version')
  } else {
    const record = { key: Buffer.from(RULES_SESSION), value: rulesPack(parts, rules), headers: {} }
    try {
      await log.append({ topic: topics.packs.name, partition, records: [record] })
      logger.info(versions, 'the configured rules are asked for')
    } catch (error) {
      if (!(error instanceof AppendFailed)) throw error
      logger.error({ ...versions, err: error }, 'rules could not be asked for: the next start tries again')
    }
  }
}

function differences(rules: Rules, inForce: Rules): string[] {
  const names = Object.keys(rules) as (keyof Rules)[]
  return names.filter(name => rules[name] !== inForce[name]).map(name => `${name} ${inForce[name]}, not ${rules[name]}`)
}

function rulesPack({ clock, random, packCodec, instance }: Parts, rules: Rules): Buffer {
  const pack = makePack({
    sessionId: RULES_SESSION,
    from: 'sequencer' as UserId,
    body: { kind: 'SetRules', rules },
    packId: makePackId(clock.now(), random.bytes(10)),
    actor: { kind: 'SYSTEM', id: 'sequencer' },
    gateway: instance,
  })
  return packCodec.encode(pack)
}
