import { expect, test } from 'vitest'
import { BadConfig, defaultNodeName, parsePartitions, parseRoles, readConfig } from './config.ts'

const env = {
  KAFKA_BROKERS: '127.0.0.1:9092, broker.example:9093',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8081/apis/ccompat/v7/',
  REDIS_URL: 'redis://127.0.0.1:6379',
  CLICKHOUSE_URL: 'http://127.0.0.1:8123',
}

test('[CF1] the environment is read with its defaults', () => {
  const config = readConfig(env)
  expect(config.kafkaBrokers).toEqual(['127.0.0.1:9092', 'broker.example:9093'])
  expect(config.registryUrl).toBe('http://127.0.0.1:8081/apis/ccompat/v7')
  expect(config.partitions).toBe('group')
  expect(readConfig({ ...env, PACKLOG_PARTITIONS: '0-2' }).partitions).toEqual([0, 1, 2])
})

test('[CF1] every missing or malformed variable is named at once', () => {
  const { REDIS_URL: _, ...without } = env
  const read = () => readConfig({ ...without, KAFKA_BROKERS: 'nonsense', PACKLOG_HTTP_PORT: '99999' })
  expect(read).toThrow(BadConfig)
  expect(read).toThrow(/REDIS_URL is missing/)
  expect(read).toThrow(/KAFKA_BROKERS is malformed/)
  expect(read).toThrow(/PACKLOG_HTTP_PORT is malformed/)
})

test('[CF1] the days of the archive are by kind of session, and more than the log keeps', () => {
  const read = (days: string) => readConfig({ ...env, PACKLOG_ARCHIVE_DAYS: days }).archiveDays
  expect(read('Single=365,Notify=90')).toEqual({ Single: 365, Notify: 90 })
  expect(readConfig(env).archiveDays).toEqual({})
  expect(() => read('Single')).toThrow(/PACKLOG_ARCHIVE_DAYS is malformed/)
  expect(() => read('Group=30')).toThrow(/Group=30: im.events keeps events for 30 days and a segment more: at least 38/)
})

test('[CF1] a process without a name has that of its host and its pid', () => {
  expect(defaultNodeName("bob's mac", 12)).toBe('bob-s-mac-12')
  expect(() => readConfig({ ...env, PACKLOG_NODE_NAME: 'a b' })).toThrow(/PACKLOG_NODE_NAME is malformed/)
})

test('[CF2] partitions are all, or a list with ranges below the count', () => {
  expect(parsePartitions('all', 3)).toEqual([0, 1, 2])
  expect(parsePartitions('0-1,4', 6)).toEqual([0, 1, 4])
  expect(() => parsePartitions('6', 6)).toThrow(BadConfig)
  expect(() => parsePartitions('3-1', 6)).toThrow(BadConfig)
})

test('[CF3] an unknown role is refused by name', () => {
  expect(parseRoles('gateway,history')).toEqual(['gateway', 'history'])
  expect(() => parseRoles('gateway,cook')).toThrow(/cook/)
})

test('[CF5] access to Kafka: plain, TLS, SASL; what is set without what it needs is named', () => {
  expect(readConfig(env).kafkaSecurity).toEqual({ tls: undefined, sasl: undefined })
  const sasl = { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'ann', KAFKA_SASL_PASSWORD_FILE: 'p' }
  expect(readConfig({ ...env, ...sasl, KAFKA_TLS: 'true', KAFKA_CA_FILE: 'ca.pem' }).kafkaSecurity).toEqual({
    tls: { caFile: 'ca.pem', certFile: undefined, keyFile: undefined },
    sasl: { mechanism: 'scram-sha-512', username: 'ann', passwordFile: 'p' },
  })
  const read = () =>
    readConfig({ ...env, KAFKA_CA_FILE: 'ca.pem', KAFKA_CERT_FILE: 'c.pem', KAFKA_SASL_MECHANISM: 'plain' })
  expect(read).toThrow(BadConfig)
  expect(read).toThrow(/KAFKA_TLS is not true: KAFKA_CA_FILE is set/)
  expect(read).toThrow(/KAFKA_KEY_FILE is missing: KAFKA_CERT_FILE is set/)
  expect(read).toThrow(/KAFKA_SASL_USERNAME is missing/)
  expect(read).toThrow(/KAFKA_SASL_PASSWORD_FILE is missing/)
  expect(() => readConfig({ ...env, KAFKA_SASL_MECHANISM: 'kerberos' })).toThrow(/KAFKA_SASL_MECHANISM is malformed/)
})

test('[CF1] keys of tokens are a secret, a set of public keys, or both; TLS needs its certificate and its key', () => {
  expect(readConfig(env).tokens).toEqual({ secretFile: '.packlog/jwt.key' })
  expect(readConfig({ ...env, PACKLOG_JWT_JWKS_FILE: 'set.json' }).tokens).toEqual({ jwksFile: 'set.json' })
  const both = { ...env, PACKLOG_JWT_JWKS_URL: 'https://id.example/keys', PACKLOG_JWT_KEY_FILE: 'k' }
  expect(readConfig(both).tokens).toEqual({ secretFile: 'k', jwksUrl: 'https://id.example/keys' })
  expect(() => readConfig({ ...both, PACKLOG_JWT_JWKS_FILE: 'f' })).toThrow(/one set of keys only/)
  expect(() => readConfig({ ...env, PACKLOG_JWT_JWKS_URL: 'ftp://x' })).toThrow(/PACKLOG_JWT_JWKS_URL is malformed/)
  expect(() => readConfig({ ...env, PACKLOG_AUTH_URL: 'nonsense' })).toThrow(/PACKLOG_AUTH_URL is malformed/)
  expect(() => readConfig({ ...env, PACKLOG_TLS_CERT_FILE: 'c' })).toThrow(/PACKLOG_TLS_KEY_FILE is missing/)
  expect(() => readConfig({ ...env, PACKLOG_TLS_KEY_FILE: 'k' })).toThrow(/PACKLOG_TLS_CERT_FILE is missing/)
})

test('[WEB5] the development login is refused to a gateway that others can reach', () => {
  expect(readConfig(env).developmentLogin).toBe(false)
  expect(readConfig({ ...env, PACKLOG_DEVELOPMENT_LOGIN: 'true' }).developmentLogin).toBe(true)
  const open = { ...env, PACKLOG_DEVELOPMENT_LOGIN: 'true', PACKLOG_HTTP_HOST: '0.0.0.0' }
  expect(() => readConfig(open)).toThrow(/PACKLOG_DEVELOPMENT_LOGIN/)
})
