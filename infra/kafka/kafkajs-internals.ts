import { createRequire } from 'node:module'
import type { KafkaConfig, SASLOptions } from 'kafkajs'
import { systemClock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { KafkaSecurity } from './security.ts'

/**
 * The only place that reaches into kafkajs 2.2.4, and the types of what it takes from there: `Broker` (sockets, TLS,
 * SASL, request queue, timeouts). kafkajs' own Cluster, producer and consumer are not on the hot path: its metadata
 * parser fails every topic when one partition has no leader, its produce parser drops the other partitions' answers
 * when one is an error, and a connection that it opens again goes on with half a response of the old one. So a broker
 * that failed is thrown away here, never reconnected.
 */

const require = createRequire(import.meta.url)

/** What one request is, as kafkajs' connection wants it. */
export interface ProtocolRequest<T> {
  request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<{ buf: Buffer; buffer: Buffer }> }
  response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> }
  /** Longest time to wait for the answer, ms; never less than the connection's own. */
  requestTimeout?: number
  logResponseError: boolean
}

interface KafkajsConnection {
  send<T extends object>(request: ProtocolRequest<T>): Promise<T>
}

export interface KafkajsBroker {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  /** Two connections: 0 for everything, 1 for fetches. A broker answers the requests of one in their order. */
  connectionPool: { getConnection(index: 0 | 1): Promise<KafkajsConnection> }
}

interface KafkajsLogger {
  namespace(name: string): KafkajsLogger
}

interface RequestQueue {
  pending: readonly unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: (() => void) | null
  checkPendingRequests(): void
}

interface BrokerOptions {
  connectionPool: object
  logger: KafkajsLogger
  nodeId: number | null
  allowAutoTopicCreation: boolean
}

const { version } = require('kafkajs/package.json') as { version: string }
if (version !== '2.2.4') throw new Error(`kafkajs ${version}: its internals are used here as they are in 2.2.4`)

const Broker = require('kafkajs/src/broker') as new (options: BrokerOptions) => KafkajsBroker
const connectionPoolBuilder = require('kafkajs/src/cluster/connectionPoolBuilder') as (options: object) => {
  build(destination: { host: string; port: number }): Promise<object>
}
const socketFactory = require('kafkajs/src/network/socketFactory') as () => object
const { createLogger } = require('kafkajs/src/loggers') as {
  createLogger(options: { level: number; logCreator: LogCreator }): KafkajsLogger
}
const { prototype: requestQueue } = require('kafkajs/src/network/requestQueue') as { prototype: PatchableQueue }

interface PatchableQueue {
  scheduleCheckPendingRequests(this: RequestQueue): void
}

/** Shortest time between two looks at requests that wait. */
const PENDING_CHECK_MS = 10

/**
 * kafkajs arms a timer of 1 ms for ever on each connection (6-8 % of a core each). This one is armed only while
 * requests wait, which is while the broker throttles us.
 */
requestQueue.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue) {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  const delayMs = Math.max(PENDING_CHECK_MS, this.throttledUntil - systemClock.now())
  this.throttleCheckTimeoutId = systemClock.schedule(delayMs, () => {
    this.throttleCheckTimeoutId = null
    this.checkPendingRequests()
  })
}

type LogCreator = () => (entry: { namespace: string; label: string; log: { message: string } }) => void

/** kafkajs' levels; debug would format every request. */
export const KAFKAJS_LOG_LEVEL_WARN = 2

/** Sends what kafkajs logs to ours, one level lower: what matters is said by the adapter itself. */
export function kafkajsLogCreator(logger: Logger): LogCreator {
  return () =>
    ({ namespace, label, log }) =>
      logger.debug({ kafkajs: namespace, level: label }, log.message)
}

export interface BrokerAddress {
  nodeId: number | null
  host: string
  port: number
}

export interface BrokerSettings {
  clientId: string
  /** Longest time to wait for a connection, ms. */
  connectionTimeoutMs: number
  /** Longest time to wait for an answer, ms. */
  requestTimeoutMs: number
  security: KafkaSecurity
  logger: Logger
}

/** TLS and SASL as kafkajs wants them. */
export function kafkajsSecurity({ tls, sasl }: KafkaSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return { ...(tls === undefined ? {} : { ssl: tls }), ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }) }
}

/** A broker that is not connected yet. */
export async function makeBroker(address: BrokerAddress, settings: BrokerSettings): Promise<KafkajsBroker> {
  const logger = createLogger({ level: KAFKAJS_LOG_LEVEL_WARN, logCreator: kafkajsLogCreator(settings.logger) })
  const builder = connectionPoolBuilder({
    brokers: [`${address.host}:${address.port}`],
    clientId: settings.clientId,
    ...kafkajsSecurity(settings.security),
    socketFactory: socketFactory(),
    connectionTimeout: settings.connectionTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    // No limit here: the appender and the fetchers keep one request in flight themselves.
    maxInFlightRequests: null,
    logger,
  })
  const connectionPool = await builder.build({ host: address.host, port: address.port })
  return new Broker({ connectionPool, logger, nodeId: address.nodeId, allowAutoTopicCreation: false })
}
