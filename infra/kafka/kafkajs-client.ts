import type { KafkaConfig, SASLOptions } from 'kafkajs'
import type { Logger } from '../logger.ts'
import type { KafkaSecurity } from './security.ts'

/** What a client of kafkajs is made with, where one is used: to create topics, and by tests. */

type LogCreator = () => (entry: { namespace: string; label: string; log: { message: string } }) => void

/** kafkajs' levels; debug would format every request. */
export const KAFKAJS_LOG_LEVEL_WARN = 2

/** Sends what kafkajs logs to ours, one level lower: what matters is said by the adapter itself. */
export function kafkajsLogCreator(logger: Logger): LogCreator {
  return () =>
    ({ namespace, label, log }) =>
      logger.debug({ kafkajs: namespace, level: label }, log.message)
}

/** TLS and SASL as kafkajs wants them. */
export function kafkajsSecurity({ tls, sasl }: KafkaSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return { ...(tls === undefined ? {} : { ssl: tls }), ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }) }
}
