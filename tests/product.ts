import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueToken, readTokenKey } from '../gateway/auth/tokens.ts'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { deleteTopics } from '../infra/kafka/create-topics.ts'
import { ensureJwtKey } from '../infra/local/jwt-key.ts'
import { freePorts } from '../infra/local/ports.ts'
import { type RoleHandle, startRole } from '../infra/local/roles.ts'
import type { Role } from '../infra/roles.ts'
import type { UserId } from '../schemas/ids.ts'
import { makeTopics } from '../topics/topics.ts'
import { runSetup } from './run-command.ts'
import { serverEnv, testStack } from './stack.ts'

/** The whole product as processes on the test run's real parts, apart from every other test. */
export interface TestProduct {
  /** `ws://host:port/v1/ws` of the first gateway. */
  wsUrl: string
  httpUrl: string
  /** The key of the app `admin`, with every scope. */
  adminKey: string
  /** A token that is good for an hour. */
  token(userId: string): Promise<string>
  /** The environment of all processes; commands (verify, rebuild) take it as it is. */
  env: Record<string, string>
  roles: Record<string, RoleHandle>
  /** Starts a process again after it was killed or stopped, on its own state and ports. */
  restart(name: string): Promise<void>
  /** What each process has written to its log so far. */
  logs(): Promise<Record<string, string>>
  /** One more process, for example a second gateway; its WebSocket URL is given for gateways. */
  add(name: string, roles: readonly Role[], env?: Record<string, string>): Promise<{ wsUrl: string; role: RoleHandle }>
  stop(): Promise<void>
}

const PROCESSES: Record<string, readonly Role[]> = {
  sequencer: ['sequencer'],
  gateway: ['gateway'],
  history: ['history'],
  membership: ['membership'],
  archive: ['archive'],
}
const PARTITIONS = 4
const TOKEN_MS = 3_600_000

/**
 * Starts every role as a process of its own. `together` puts all views into one, which starts faster; `env` is
 * added to what every process is told.
 */
export async function startProduct(
  options: { together?: boolean; env?: Record<string, string> } = {},
): Promise<TestProduct> {
  const stack = testStack()
  const stateDir = await mkdtemp(join(tmpdir(), 'packlog-product-'))
  const name = `t${randomUUID().slice(0, 8)}`
  const processes: Record<string, readonly Role[]> =
    options.together === true
      ? { sequencer: ['sequencer'], gateway: ['gateway'], views: ['history', 'membership', 'archive'] }
      : PROCESSES
  const jwtKeyFile = join(stateDir, 'jwt.key')
  ensureJwtKey(jwtKeyFile, randomBytes)
  const env: Record<string, string> = {
    ...serverEnv(),
    PACKLOG_REPLICATION_FACTOR: String(stack.replicationFactor),
    PACKLOG_CLICKHOUSE_DATABASE: name,
    PACKLOG_TOPIC_PREFIX: `${name}.`,
    PACKLOG_REDIS_PREFIX: `${name}.`,
    PACKLOG_PARTITION_COUNT: String(PARTITIONS),
    PACKLOG_STATE_DIR: join(stateDir, 'state'),
    PACKLOG_JWT_KEY_FILE: jwtKeyFile,
    PACKLOG_ADMIN_KEY_FILE: join(stateDir, 'admin.key'),
    PACKLOG_LOG_LEVEL: 'info',
    ...options.env,
  }
  await runSetup(env)
  const key = await readTokenKey(jwtKeyFile)
  const roles: Record<string, RoleHandle> = {}
  const launches = new Map<string, () => Promise<void>>()

  const add: TestProduct['add'] = async (processName, roleNames, extra = {}) => {
    const [httpPort, metricsPort] = await freePorts(2, systemRandom.next)
    const processEnv = {
      ...env,
      ...extra,
      PACKLOG_HTTP_PORT: String(httpPort),
      PACKLOG_METRICS_PORT: String(metricsPort),
      PACKLOG_NODE_NAME: processName,
    }
    const launch = async () => {
      const logFile = join(stateDir, `${processName}.log`)
      roles[processName] = await startRole({
        roles: roleNames,
        name: processName,
        env: processEnv,
        logFile,
        log: () => {},
      })
      await roles[processName].ready()
    }
    launches.set(processName, launch)
    await launch()
    return { wsUrl: `ws://127.0.0.1:${httpPort}/v1/ws`, role: roles[processName]! }
  }

  const added = await Promise.all(Object.entries(processes).map(([process, names]) => add(process, names)))
  const wsUrl = added[Object.keys(processes).indexOf('gateway')]!.wsUrl
  return {
    wsUrl,
    httpUrl: wsUrl.replace('ws:', 'http:').replace('/v1/ws', ''),
    adminKey: (await readFile(join(stateDir, 'admin.key'), 'utf8')).trim(),
    token: userId => issueToken(key, { userId: userId as UserId, expiresAt: systemClock.now() + TOKEN_MS }),
    env: { ...env, PACKLOG_WS_URL: wsUrl },
    roles,
    restart: async process => launches.get(process)!(),
    logs: async () => {
      const read = [...launches.keys()].map(async process => [
        process,
        await readFile(join(stateDir, `${process}.log`), 'utf8'),
      ])
      return Object.fromEntries(await Promise.all(read)) as Record<string, string>
    },
    add,
    async stop() {
      await Promise.all(Object.values(roles).map(role => role.stop()))
      const topics = Object.values(makeTopics({ prefix: `${name}.`, partitions: PARTITIONS, eventRetentionDays: 30 }))
      await deleteTopics(
        topics.map(topic => topic.name),
        { brokers: stack.kafkaBrokers.split(','), clientId: 'packlog-test' },
      )
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}
