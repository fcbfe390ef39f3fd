import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, type Random, systemRandom } from '../infra/clock.ts'
import { ensureJwtKey } from '../infra/local/jwt-key.ts'
import type { BrokerCount } from '../infra/local/kafka.ts'
import type { Ledger } from '../infra/local/ledger.ts'
import type { Part } from '../infra/local/part.ts'
import { freePorts, HOST } from '../infra/local/ports.ts'
import { runSetup } from '../infra/local/product.ts'
import { jwtKeyFile, sharedEnv } from '../infra/local/role-env.ts'
import { type LocalStack, startStack } from '../infra/local/stack.ts'
import { PartMember, RoleMember } from './member.ts'

/**
 * The product as it would run on several machines, on this one: real parts, two sequencers that share the partitions,
 * two gateways, every view a process of its own; and a third sequencer, not running, that can be set against one of
 * the two. Everything has its own ports and directories.
 */
export interface Deployment {
  env: Record<string, string>
  gatewayUrls: string[]
  roles: Record<RoleName, RoleMember>
  parts: Record<'redis' | 'clickhouse' | 'registry', PartMember>
  brokers: readonly PartMember[]
  /** A sequencer on the partitions of sequencer 1 or 2, with a directory of its own; with rules of that version. */
  rival(options: { of: number; rulesVersion: number | undefined }): RoleMember
  stop(): Promise<void>
}

export type RoleName = 'sequencer-1' | 'sequencer-2' | 'gateway-1' | 'gateway-2' | 'history' | 'membership' | 'archive'

export const PARTITIONS = 12
const SHARES = ['0-5', '6-11'] as const
/** Rules that both sequencers are configured with. */
const RULES_VERSION_FIRST = 1

export interface DeploymentOptions {
  dataDir: string
  brokers: BrokerCount
  ledger: Ledger
  clock: Clock
  random: Random
  log(line: string): void
  /** Told of every process that ended by itself. */
  onEnd(name: string, how: string): void
}

/** Starts everything. Throws LocalStackError, with everything stopped, when something does not start. */
export async function deploy(options: DeploymentOptions): Promise<Deployment> {
  const { dataDir, brokers, ledger, clock, random, log, onEnd } = options
  ensureJwtKey(jwtKeyFile(dataDir), random.bytes)
  const stack = await startStack({ dataDir, brokers, ports: 'free', ledger, clock, log })
  const deployment = await makeDeployment(stack, options)
  try {
    await runSetup({ dataDir, env: deployment.env, ledger, signal: new AbortController().signal })
    log('starting two sequencers, two gateways and three views')
    await Promise.all(Object.values(deployment.roles).map(member => member.restart().ready))
    return deployment
  } catch (error) {
    await deployment.stop()
    throw error
  }

  async function makeDeployment(running: LocalStack, { dataDir: dir }: DeploymentOptions): Promise<Deployment> {
    const ports = await freePorts(10, systemRandom.next)
    const env = {
      ...sharedEnv({ ...running, dataDir: dir, httpPort: ports[0]! }),
      PACKLOG_PARTITION_COUNT: String(PARTITIONS),
      PACKLOG_LOG_LEVEL: 'info',
    }
    const member = (name: string, role: string, extra: Record<string, string> = {}) =>
      new RoleMember(
        {
          name,
          roles: [role],
          logFile: join(dir, 'logs', `${name}.log`),
          env: { ...env, PACKLOG_METRICS_PORT: String(ports.pop()), PACKLOG_NODE_NAME: name, ...extra },
        },
        { ledger, onEnd },
      )
    const sequencer = (number: 1 | 2) =>
      member(`sequencer-${number}`, 'sequencer', {
        PACKLOG_PARTITIONS: SHARES[number - 1]!,
        PACKLOG_STATE_DIR: join(dir, `state-${number}`),
        PACKLOG_RULES_FILE: rulesFile(dir, RULES_VERSION_FIRST),
      })
    const [http1, http2, rivalPort] = [ports.pop()!, ports.pop()!, String(ports.pop())]
    const gateway = (name: string, port: number) => member(name, 'gateway', { PACKLOG_HTTP_PORT: String(port) })
    const roles = {
      'sequencer-1': sequencer(1),
      'sequencer-2': sequencer(2),
      'gateway-1': gateway('gateway-1', http1),
      'gateway-2': gateway('gateway-2', http2),
      history: member('history', 'history'),
      membership: member('membership', 'membership'),
      archive: member('archive', 'archive'),
    }
    const part = (one: Part) => new PartMember(one, { clock, onEnd })
    const parts = {
      redis: part(running.parts.redis),
      clickhouse: part(running.parts.clickhouse),
      registry: part(running.parts.registry),
    }
    const brokerMembers = running.brokers.map(part)
    return {
      env,
      gatewayUrls: [http1, http2].map(port => `ws://${HOST}:${port}/v1/ws`),
      roles,
      parts,
      brokers: brokerMembers,
      rival: ({ of, rulesVersion }) =>
        new RoleMember(
          {
            name: 'rival',
            roles: ['sequencer'],
            logFile: join(dir, 'logs', 'rival.log'),
            env: {
              ...env,
              PACKLOG_METRICS_PORT: rivalPort,
              PACKLOG_NODE_NAME: 'rival',
              PACKLOG_PARTITIONS: SHARES[of - 1]!,
              PACKLOG_STATE_DIR: join(dir, `state-rival-${of}`),
              ...(rulesVersion === undefined ? {} : { PACKLOG_RULES_FILE: rulesFile(dir, rulesVersion) }),
            },
          },
          { ledger, onEnd },
        ),
      stop: async () => {
        for (const one of [...Object.values(parts), ...brokerMembers]) one.hold()
        await Promise.all(Object.values(roles).map(one => one.stop()))
        await running.stop()
      },
    }
  }
}

/** A file of rules that differ with their version in what no message of the load touches. */
function rulesFile(dir: string, version: number): string {
  mkdirSync(dir, { recursive: true })
  const file = join(dir, `rules-${version}.json`)
  writeFileSync(file, JSON.stringify({ version, contentBytesMax: 60_000 + version }))
  return file
}
