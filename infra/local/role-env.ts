import { join } from 'node:path'
import { HOST } from './ports.ts'

/** What the roles need to know of the stack. */
export interface RoleTargets {
  kafkaBrokers: string
  /** Replicas of every topic. */
  replicationFactor: number
  registryUrl: string
  redisUrl: string
  clickhouseUrl: string
  dataDir: string
  httpPort: number
}

/** A process of the product: its roles and where its metrics are. */
export interface RoleProcess {
  name: string
  roles: readonly string[]
  metricsPort: number
  /** Of a gateway behind the balancer; otherwise the stack's. */
  httpPort?: number
  /** See child.ts. */
  niceness?: number
}

/** File of the development key that signs tokens. */
export const jwtKeyFile = (dataDir: string): string => join(dataDir, 'jwt.key')

/** File of the key that the secrets of webhooks are derived from. */
export const webhookKeyFile = (dataDir: string): string => join(dataDir, 'webhook.key')

/** File of the secret key of the local store of files. */
export const mediaKeyFile = (dataDir: string): string => join(dataDir, 'media.key')

/** File that names the webhooks. */
export const webhooksFile = (dataDir: string): string => join(dataDir, 'webhooks.json')
/** File of the key of the app `admin`, which may do everything over HTTP. */
export const adminKeyFile = (dataDir: string): string => join(dataDir, 'admin.key')

/**
 * The environment that all processes and commands share. What the caller's environment sets otherwise (partitions,
 * prefixes, log level) is kept; where the servers are is the stack's to say.
 */
export function sharedEnv(targets: RoleTargets): Record<string, string> {
  return {
    KAFKA_BROKERS: targets.kafkaBrokers,
    PACKLOG_REPLICATION_FACTOR: String(targets.replicationFactor),
    SCHEMA_REGISTRY_URL: targets.registryUrl,
    REDIS_URL: targets.redisUrl,
    CLICKHOUSE_URL: targets.clickhouseUrl,
    PACKLOG_HTTP_HOST: HOST,
    PACKLOG_DEVELOPMENT_LOGIN: 'true',
    PACKLOG_HTTP_PORT: String(targets.httpPort),
    PACKLOG_METRICS_HOST: HOST,
    PACKLOG_STATE_DIR: join(targets.dataDir, 'state'),
    PACKLOG_JWT_KEY_FILE: jwtKeyFile(targets.dataDir),
    PACKLOG_ADMIN_KEY_FILE: adminKeyFile(targets.dataDir),
  }
}

/** Where webhooks are named, and who may be called. */
export function webhooksEnv(dataDir: string, env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    PACKLOG_WEBHOOKS_FILE: env.PACKLOG_WEBHOOKS_FILE || webhooksFile(dataDir),
    PACKLOG_WEBHOOK_KEY_FILE: env.PACKLOG_WEBHOOK_KEY_FILE || webhookKeyFile(dataDir),
    // Whoever tries webhooks out listens on the same machine.
    PACKLOG_WEBHOOK_NETWORKS: env.PACKLOG_WEBHOOK_NETWORKS || '127.0.0.0/8',
  }
}

export const LOCAL_MEDIA = { bucket: 'media', region: 'local', accessKeyId: 'packlog' } as const

/** Where the local store of files is, and with which keys. */
export function mediaEnv(store: { url: string; secretAccessKey: string }): Record<string, string> {
  return {
    PACKLOG_MEDIA_URL: store.url,
    PACKLOG_MEDIA_REGION: LOCAL_MEDIA.region,
    PACKLOG_MEDIA_ACCESS_KEY: LOCAL_MEDIA.accessKeyId,
    PACKLOG_MEDIA_SECRET_KEY: store.secretAccessKey,
  }
}

/** The environment of one process: the shared one and its own port and name. */
export function processEnv(shared: Record<string, string>, process: RoleProcess): Record<string, string> {
  const own = { PACKLOG_METRICS_PORT: String(process.metricsPort), PACKLOG_NODE_NAME: process.name }
  if (process.httpPort === undefined) return { ...shared, ...own }
  return { ...shared, ...own, PACKLOG_HTTP_PORT: String(process.httpPort) }
}
