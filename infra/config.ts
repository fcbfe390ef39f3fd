import { hostname } from 'node:os'
import { z } from 'zod'
import { parseNetworks } from './outbound/addresses.ts'
import { ROLES } from './roles.ts'

/**
 * The environment, read once in main.ts, named and checked before anything starts. Nothing else reads process.env.
 */

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

const port = z.coerce.number().int().min(0).max(65_535)
const hostPort = /^[^:\s]+:\d{1,5}$/

function isNetworks(networks: readonly string[]): boolean {
  try {
    parseNetworks(networks)
    return true
  } catch {
    return false
  }
}

const environment = z.object({
  KAFKA_BROKERS: z
    .string()
    .transform(text => text.split(',').map(part => part.trim()))
    .refine(brokers => brokers.every(broker => hostPort.test(broker)), 'must be host:port, comma separated'),
  KAFKA_TLS: z.enum(['true', 'false']).default('false'),
  KAFKA_CA_FILE: z.string().min(1).optional(),
  KAFKA_CERT_FILE: z.string().min(1).optional(),
  KAFKA_KEY_FILE: z.string().min(1).optional(),
  KAFKA_SASL_MECHANISM: z.enum(SASL_MECHANISMS).optional(),
  KAFKA_SASL_USERNAME: z.string().min(1).optional(),
  KAFKA_SASL_PASSWORD_FILE: z.string().min(1).optional(),
  SCHEMA_REGISTRY_URL: z.url({ protocol: /^https?$/ }),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }),
  CLICKHOUSE_URL: z.url({ protocol: /^https?$/ }),
  PACKLOG_CLICKHOUSE_DATABASE: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .default('packlog'),
  PACKLOG_CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .optional(),
  PACKLOG_HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  PACKLOG_HTTP_PORT: port.default(8080),
  PACKLOG_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  PACKLOG_METRICS_PORT: port.default(9464),
  PACKLOG_STATE_DIR: z.string().min(1).default('.packlog/state'),
  PACKLOG_JWT_KEY_FILE: z.string().min(1).optional(),
  PACKLOG_JWT_JWKS_FILE: z.string().min(1).optional(),
  PACKLOG_JWT_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
  PACKLOG_JWT_AUDIENCE: z.string().min(1).optional(),
  PACKLOG_AUTH_URL: z.url({ protocol: /^https?$/ }).optional(),
  PACKLOG_TLS_CERT_FILE: z.string().min(1).optional(),
  PACKLOG_TLS_KEY_FILE: z.string().min(1).optional(),
  PACKLOG_PARTITION_COUNT: z.coerce.number().int().min(1).max(10_000).default(12),
  PACKLOG_PARTITIONS: z
    .string()
    .regex(/^(group|all|\d+(-\d+)?(,\d+(-\d+)?)*)$/, 'must be "group", "all" or a list such as 0-5,8')
    .default('group'),
  PACKLOG_RULES_FILE: z.string().min(1).optional(),
  PACKLOG_DEVELOPMENT_LOGIN: z.enum(['true', 'false']).default('false'),
  PACKLOG_WORDS_FILE: z.string().min(1).optional(),
  PACKLOG_MEDIA_URL: z.url({ protocol: /^https?$/ }).optional(),
  PACKLOG_MEDIA_REGION: z.string().min(1).default('us-east-1'),
  PACKLOG_MEDIA_ACCESS_KEY: z.string().min(1).optional(),
  PACKLOG_MEDIA_SECRET_KEY: z.string().min(1).optional(),
  PACKLOG_MEDIA_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(100 * 1024 ** 2),
  PACKLOG_MEDIA_BYTES_PER_DAY: z.coerce
    .number()
    .int()
    .min(1)
    .default(1024 ** 3),
  PACKLOG_WEBHOOKS_FILE: z.string().min(1).optional(),
  PACKLOG_WEBHOOK_KEY_FILE: z.string().min(1).optional(),
  PACKLOG_WEBHOOK_NETWORKS: z
    .string()
    .transform(text => text.split(',').map(part => part.trim()))
    .refine(isNetworks, 'must be networks such as 10.0.0.0/8, comma separated')
    .optional(),
  PACKLOG_WEBHOOK_RETRY_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * 86_400)
    .default(86_400),
  PACKLOG_ADMIN_KEY_FILE: z.string().min(1).optional(),
  PACKLOG_DEVICE_PACKS_PER_SECOND: z.coerce.number().int().min(1).max(100_000).optional(),
  PACKLOG_USER_PACKS_PER_SECOND: z.coerce.number().int().min(1).max(100_000).optional(),
  PACKLOG_HISTORY_EVENTS_MAX: z.coerce.number().int().min(1).max(1_000_000).default(1_000),
  PACKLOG_HISTORY_DAYS: z.coerce.number().int().min(1).max(36_500).default(14),
  PACKLOG_ARCHIVE_KEEPS_REVOKED: z.enum(['true', 'false']).default('false'),
  PACKLOG_ARCHIVE_DAYS: z
    .string()
    .regex(/^(Single|Group|Notify)=\d{1,5}(,(Single|Group|Notify)=\d{1,5})*$/, 'must look like Single=365,Group=730')
    .optional(),
  PACKLOG_VERIFY_HOURS: z.coerce.number().positive().max(8_760).default(24),
  PACKLOG_EVENT_RETENTION_DAYS: z.coerce.number().int().min(1).default(30),
  PACKLOG_REPLICATION_FACTOR: z.coerce.number().int().min(1).default(1),
  PACKLOG_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]*$/)
    .default(''),
  PACKLOG_REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]*$/)
    .default(''),
  PACKLOG_NODE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes and underscores')
    .optional(),
  PACKLOG_PUSH_FILE: z.string().min(1).optional(),
  PACKLOG_PUSH_AGE_SECONDS: z.coerce.number().int().min(1).max(86_400).default(1_800),
  PACKLOG_PUSH_ACK_SECONDS: z.coerce.number().min(0).max(600).default(10),
  PACKLOG_PUSH_OFFLINE_SECONDS: z.coerce.number().min(0).max(600).default(1),
  PACKLOG_PUSH_CONTENT: z.enum(['shown', 'hidden']).default('shown'),
  PACKLOG_ERA: z.coerce.number().int().min(0).default(0),
  PACKLOG_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

type Environment = z.infer<typeof environment>

/** What one variable says is void without another: pairs of what is set and what that needs. */
const NEEDS: readonly (readonly [keyof Environment, keyof Environment])[] = [
  ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME'],
  ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_PASSWORD_FILE'],
  ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_MECHANISM'],
  ['KAFKA_SASL_PASSWORD_FILE', 'KAFKA_SASL_MECHANISM'],
  ['KAFKA_CERT_FILE', 'KAFKA_KEY_FILE'],
  ['KAFKA_KEY_FILE', 'KAFKA_CERT_FILE'],
]
const TLS_ONLY = ['KAFKA_CA_FILE', 'KAFKA_CERT_FILE', 'KAFKA_KEY_FILE'] as const

/** Where the secrets of Kafka's clients are; commands/kafka-security.ts reads them. */
export interface KafkaSecurityFiles {
  tls: { caFile: string | undefined; certFile: string | undefined; keyFile: string | undefined } | undefined
  sasl: { mechanism: SaslMechanism; username: string; passwordFile: string } | undefined
}

export interface Config {
  kafkaBrokers: string[]
  kafkaSecurity: KafkaSecurityFiles
  registryUrl: string
  redisUrl: string
  redisPrefix: string
  clickhouse: { url: string; database: string; cluster?: string }
  http: { host: string; port: number }
  metrics: { host: string; port: number }
  stateDir: string
  /** Where the keys of tokens are. */
  tokens: { secretFile?: string; jwksFile?: string; jwksUrl?: string; audience?: string }
  /** Anybody on this machine may be anybody (npm start). */
  developmentLogin: boolean
  /** A third party that is asked about every login. */
  authUrl: string | undefined
  tls: { certFile: string; keyFile: string } | undefined
  partitionCount: number
  /** Which partitions this process works on; `group`: it agrees on them with its like. */
  partitions: readonly number[] | 'group'
  /** Where the sequencer's rules are configured; undefined: nowhere, those in force stay. */
  rulesFile: string | undefined
  /** Words that messages must not hold; undefined: none. */
  wordsFile: string | undefined
  /** The store of files; undefined: there is none. */
  media:
    | {
        url: string
        region: string
        accessKeyId: string
        secretAccessKey: string
        bytesMax: number
        bytesPerDayMax: number
      }
    | undefined
  webhooks: {
    /** Which webhooks there are; undefined: none. */
    file: string | undefined
    /** Where the key is that their secrets are derived from. */
    keyFile: string | undefined
    /** Private networks that webhooks may be in, and be called by plain http. */
    networks: readonly string[]
    /** How long a delivery is tried. */
    giveUpMs: number
  }
  /** Where `setup` writes the key of the admin app, once; undefined: it makes none. */
  adminKeyFile: string | undefined
  /** Packs of one connection, and of one user on one gateway; undefined: the limits of the source. */
  devicePacksPerSecond: number | undefined
  userPacksPerSecond: number | undefined
  /** What history keeps in Redis: events of a session, and how old they may be. Older ones come from the archive. */
  history: { eventsPerSessionMax: number; eventAgeMs: number }
  eventRetentionDays: number
  /** Whether the archive keeps the content of what was revoked or deleted for all. */
  archiveKeepsRevoked: boolean
  /** Days after which the archive empties messages, by kind of session; the others stay. */
  archiveDays: Partial<Record<'Single' | 'Group' | 'Notify', number>>
  /** From the end of one comparison of the role verify to the next. */
  verifyEveryMs: number
  replicationFactor: number
  topicPrefix: string
  /** Name of this process among its like; unique in the cluster. */
  nodeName: string
  /** Where the credentials of push vendors are; undefined: nowhere. All times in ms. */
  push: { file: string | undefined; ageMsMax: number; ackMs: number; offlineMs: number; isContentHidden: boolean }
  era: number
  logLevel: string
}

/** The environment does not say what is needed; the message names each variable and what is wrong with it. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig'
}

/** Reads the configuration. Throws BadConfig that names every missing or malformed variable at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    const lines = parsed.error.issues.map(issue => {
      const name = String(issue.path[0])
      return env[name] === undefined ? `  ${name} is missing` : `  ${name} is malformed: ${issue.message}`
    })
    throw new BadConfig(`the environment is incomplete (docs/operations.md lists every variable):\n${lines.join('\n')}`)
  }
  const values = parsed.data
  return {
    kafkaBrokers: values.KAFKA_BROKERS,
    kafkaSecurity: kafkaSecurityOf(values),
    registryUrl: values.SCHEMA_REGISTRY_URL.replace(/\/$/, ''),
    redisUrl: values.REDIS_URL,
    redisPrefix: values.PACKLOG_REDIS_PREFIX,
    clickhouse: clickhouseOf(values),
    http: { host: values.PACKLOG_HTTP_HOST, port: values.PACKLOG_HTTP_PORT },
    metrics: { host: values.PACKLOG_METRICS_HOST, port: values.PACKLOG_METRICS_PORT },
    stateDir: values.PACKLOG_STATE_DIR,
    tokens: tokensOf(values),
    developmentLogin: developmentLoginOf(values),
    authUrl: values.PACKLOG_AUTH_URL,
    tls: tlsOf(values),
    partitionCount: values.PACKLOG_PARTITION_COUNT,
    partitions:
      values.PACKLOG_PARTITIONS === 'group'
        ? 'group'
        : parsePartitions(values.PACKLOG_PARTITIONS, values.PACKLOG_PARTITION_COUNT),
    rulesFile: values.PACKLOG_RULES_FILE,
    wordsFile: values.PACKLOG_WORDS_FILE,
    media: mediaOf(values),
    webhooks: {
      file: values.PACKLOG_WEBHOOKS_FILE,
      keyFile: values.PACKLOG_WEBHOOK_KEY_FILE,
      networks: values.PACKLOG_WEBHOOK_NETWORKS ?? [],
      giveUpMs: values.PACKLOG_WEBHOOK_RETRY_SECONDS * 1_000,
    },
    adminKeyFile: values.PACKLOG_ADMIN_KEY_FILE,
    devicePacksPerSecond: values.PACKLOG_DEVICE_PACKS_PER_SECOND,
    userPacksPerSecond: values.PACKLOG_USER_PACKS_PER_SECOND,
    history: {
      eventsPerSessionMax: values.PACKLOG_HISTORY_EVENTS_MAX,
      eventAgeMs: values.PACKLOG_HISTORY_DAYS * DAY_MS,
    },
    archiveDays: archiveDays(values.PACKLOG_ARCHIVE_DAYS, values.PACKLOG_EVENT_RETENTION_DAYS),
    verifyEveryMs: values.PACKLOG_VERIFY_HOURS * 3_600_000,
    eventRetentionDays: values.PACKLOG_EVENT_RETENTION_DAYS,
    archiveKeepsRevoked: values.PACKLOG_ARCHIVE_KEEPS_REVOKED === 'true',
    replicationFactor: values.PACKLOG_REPLICATION_FACTOR,
    topicPrefix: values.PACKLOG_TOPIC_PREFIX,
    nodeName: values.PACKLOG_NODE_NAME ?? defaultNodeName(hostname(), process.pid),
    push: {
      file: values.PACKLOG_PUSH_FILE,
      ageMsMax: values.PACKLOG_PUSH_AGE_SECONDS * 1_000,
      ackMs: values.PACKLOG_PUSH_ACK_SECONDS * 1_000,
      offlineMs: values.PACKLOG_PUSH_OFFLINE_SECONDS * 1_000,
      isContentHidden: values.PACKLOG_PUSH_CONTENT === 'hidden',
    },
    era: values.PACKLOG_ERA,
    logLevel: values.PACKLOG_LOG_LEVEL,
  }
}

/** A set of public keys replaces the default secret; one that is named is taken as well. */
function tokensOf(values: Environment): Config['tokens'] {
  const { PACKLOG_JWT_KEY_FILE, PACKLOG_JWT_JWKS_FILE: jwksFile, PACKLOG_JWT_JWKS_URL: jwksUrl } = values
  const { PACKLOG_JWT_AUDIENCE: audience } = values
  if (jwksFile !== undefined && jwksUrl !== undefined) {
    throw new BadConfig('PACKLOG_JWT_JWKS_FILE and PACKLOG_JWT_JWKS_URL: one set of keys only')
  }
  const isPublic = jwksFile !== undefined || jwksUrl !== undefined
  const secretFile = PACKLOG_JWT_KEY_FILE ?? (isPublic ? undefined : SECRET_FILE_DEFAULT)
  return {
    ...(secretFile === undefined ? {} : { secretFile }),
    ...(jwksFile === undefined ? {} : { jwksFile }),
    ...(jwksUrl === undefined ? {} : { jwksUrl }),
    ...(audience === undefined ? {} : { audience }),
  }
}

function clickhouseOf(values: Environment): Config['clickhouse'] {
  const { CLICKHOUSE_URL: url, PACKLOG_CLICKHOUSE_DATABASE: database, PACKLOG_CLICKHOUSE_CLUSTER: cluster } = values
  return { url, database, ...(cluster === undefined ? {} : { cluster }) }
}

const DAY_MS = 86_400_000
/** Throws BadConfig where others than this machine could reach it. */
function developmentLoginOf({ PACKLOG_DEVELOPMENT_LOGIN: on, PACKLOG_HTTP_HOST: host }: Environment): boolean {
  if (on === 'false') return false
  if (LOOPBACK_HOSTS.has(host)) return true
  throw new BadConfig(`PACKLOG_DEVELOPMENT_LOGIN is only for a gateway of this machine: PACKLOG_HTTP_HOST is ${host}`)
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

const SECRET_FILE_DEFAULT = '.packlog/jwt.key'

function tlsOf({ PACKLOG_TLS_CERT_FILE: certFile, PACKLOG_TLS_KEY_FILE: keyFile }: Environment): Config['tls'] {
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined) throw new BadConfig('PACKLOG_TLS_CERT_FILE is missing: PACKLOG_TLS_KEY_FILE is set')
  if (keyFile === undefined) throw new BadConfig('PACKLOG_TLS_KEY_FILE is missing: PACKLOG_TLS_CERT_FILE is set')
  return { certFile, keyFile }
}

/** Throws BadConfig that names what the store needs besides its URL. */
function mediaOf(values: Environment): Config['media'] {
  const { PACKLOG_MEDIA_URL: url, PACKLOG_MEDIA_ACCESS_KEY: accessKeyId } = values
  const { PACKLOG_MEDIA_SECRET_KEY: secretAccessKey } = values
  if (url === undefined) return undefined
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new BadConfig('PACKLOG_MEDIA_ACCESS_KEY and PACKLOG_MEDIA_SECRET_KEY are needed: PACKLOG_MEDIA_URL is set')
  }
  return {
    url: url.replace(/\/$/, ''),
    region: values.PACKLOG_MEDIA_REGION,
    accessKeyId,
    secretAccessKey,
    bytesMax: values.PACKLOG_MEDIA_BYTES,
    bytesPerDayMax: values.PACKLOG_MEDIA_BYTES_PER_DAY,
  }
}

/** Throws BadConfig that names what is set without what it needs. */
function kafkaSecurityOf(values: Environment): KafkaSecurityFiles {
  const isTls = values.KAFKA_TLS === 'true'
  const lines = NEEDS.filter(([name, needed]) => values[name] !== undefined && values[needed] === undefined).map(
    ([name, needed]) => `  ${needed} is missing: ${name} is set`,
  )
  for (const name of TLS_ONLY) {
    if (values[name] !== undefined && !isTls) lines.push(`  KAFKA_TLS is not true: ${name} is set`)
  }
  if (lines.length > 0) throw new BadConfig(`the access to Kafka is incomplete:\n${lines.join('\n')}`)
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username } = values
  const passwordFile = values.KAFKA_SASL_PASSWORD_FILE
  return {
    tls: isTls
      ? { caFile: values.KAFKA_CA_FILE, certFile: values.KAFKA_CERT_FILE, keyFile: values.KAFKA_KEY_FILE }
      : undefined,
    sasl:
      mechanism === undefined || username === undefined || passwordFile === undefined
        ? undefined
        : { mechanism, username, passwordFile },
  }
}

/** The log deletes whole segments, and closes one after a week at the latest. */
const SEGMENT_DAYS = 8

/** `Single=365,Group=730` to days by kind. Throws BadConfig where the log may still hold what the archive is to empty. */
function archiveDays(text: string | undefined, eventRetentionDays: number): Config['archiveDays'] {
  if (text === undefined) return {}
  const least = eventRetentionDays + SEGMENT_DAYS
  const days = text.split(',').map(part => part.split('=') as [string, string])
  for (const [kind, count] of days) {
    if (Number(count) >= least) continue
    const reason = `im.events keeps events for ${eventRetentionDays} days and a segment more: at least ${least}`
    throw new BadConfig(`PACKLOG_ARCHIVE_DAYS: ${kind}=${count}: ${reason}`)
  }
  return Object.fromEntries(days.map(([kind, count]) => [kind, Number(count)]))
}

/** Pids alone repeat: in containers every process has the same one. */
export function defaultNodeName(host: string, pid: number): string {
  return `${host.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 50)}-${pid}`
}

/** `all`, or `0-5,8`, to partition numbers. Throws BadConfig when one is not below `count`. */
export function parsePartitions(text: string, count: number): number[] {
  if (text === 'all') return Array.from({ length: count }, (_, partition) => partition)
  const partitions = new Set<number>()
  for (const part of text.split(',')) {
    const [first = 0, last = first] = part.split('-').map(Number)
    if (last >= count || first > last) throw new BadConfig(`PACKLOG_PARTITIONS is malformed: ${part} of ${count}`)
    for (let partition = first; partition <= last; partition++) partitions.add(partition)
  }
  return [...partitions].sort((a, b) => a - b)
}

/** `gateway,history` to roles. Throws BadConfig when one is not known. */
export function parseRoles(text: string): (typeof ROLES)[number][] {
  return text.split(',').map(name => {
    const role = ROLES.find(known => known === name.trim())
    if (role === undefined) throw new BadConfig(`--role ${name}: not one of ${ROLES.join(', ')}`)
    return role
  })
}
