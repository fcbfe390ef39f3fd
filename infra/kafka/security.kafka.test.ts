import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../../tests/run-command.ts'
import { SECURE_PASSWORD, SECURE_USER, type SecureKafka, startSecureKafka } from '../../tests/secure-kafka.ts'
import { serverEnv } from '../../tests/stack.ts'
import type { SaslMechanism } from '../config.ts'
import { setupTopics } from './create-topics.ts'
import { kafkaGroup } from './kafka-group.ts'
import { KafkaLog } from './kafka-log.ts'
import { kafkaTransactionalWriters } from './kafka-transactional.ts'
import { AccessRefused, checkAccess, type KafkaSecurity } from './security.ts'

/** Everything that speaks to Kafka, over TLS and with a password. */

let kafka: SecureKafka
let ca: string

beforeAll(async () => {
  kafka = await startSecureKafka()
  ca = await readFile(kafka.caFile, 'utf8')
}, 300_000)
afterAll(() => kafka?.stop(), 60_000)

const client = (security: KafkaSecurity) => ({ brokers: [kafka.brokers], clientId: 'secure-test', security })
const as = (mechanism: SaslMechanism, password = SECURE_PASSWORD): KafkaSecurity => {
  return { tls: { ca }, sasl: { mechanism, username: SECURE_USER, password } }
}

test.each(['plain', 'scram-sha-512'] as const)(
  '[CF5] topics, log, transactions and groups work with %s over TLS',
  async mechanism => {
    const options = client(as(mechanism))
    const topic = `test-${randomUUID()}`
    await setupTopics([{ name: topic, partitions: 2, settings: {} }], {
      ...options,
      replicationFactor: 1,
      minInsyncReplicas: 1,
    })
    const log = new KafkaLog(options)
    const record = (value: string) => ({ key: Buffer.from('k'), value: Buffer.from(value), headers: {} })
    expect(await log.append({ topic, partition: 1, records: [record('plain')] })).toEqual({ baseOffset: 0 })
    const writer = kafkaTransactionalWriters(options)(`seq-${topic}`)
    await writer.init()
    await writer.append({ topic, partition: 1, records: [record('fenced')] })
    const values: string[] = []
    await new Promise<void>(resolve => {
      log.read({
        topic,
        from: new Map([[1, 0]]),
        isolation: 'committed',
        onBatch: ({ records }) => {
          values.push(...records.map(({ value }) => String(value)))
          if (values.length === 2) resolve()
        },
      })
    })
    expect(values).toEqual(['plain', 'fenced'])
    const assigned = await new Promise(resolve => {
      const group = kafkaGroup({ ...options, groupId: topic, topic, partitions: 2, instance: 'one' })
      const membership = group.join({
        owned: () => [],
        assigned: partitions => void membership.leave().then(() => resolve(partitions)),
      })
    })
    expect(assigned).toEqual([0, 1])
    await writer.close()
    await log.close()
  },
)

test('[CF5] a wrong password and a certificate that is not trusted are told apart from brokers that are away', async () => {
  const refused = (security: KafkaSecurity) => checkAccess(client(security))
  await expect(refused(as('plain', 'wrong'))).rejects.toThrow(/refuse the user/)
  await expect(refused(as('scram-sha-512', 'wrong'))).rejects.toThrow(/refuse the user/)
  await expect(refused({ ...as('plain'), tls: {} })).rejects.toThrow(/TLS with the brokers fails.*certificate/)
  await checkAccess({ ...client(as('plain')), brokers: ['127.0.0.1:1'] })
  await expect(refused(as('plain', 'wrong'))).rejects.toBeInstanceOf(AccessRefused)
  await checkAccess(client(as('plain')))
})

test('[CF5] setup runs against it, and says at boot what is wrong', async () => {
  const name = `t${randomUUID().slice(0, 8)}`
  const passwordFile = join(kafka.dir, 'password')
  await writeFile(passwordFile, `${SECURE_PASSWORD}\n`)
  const env = {
    ...serverEnv(),
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_TLS: 'true',
    KAFKA_CA_FILE: kafka.caFile,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: SECURE_USER,
    KAFKA_SASL_PASSWORD_FILE: passwordFile,
    PACKLOG_CLICKHOUSE_DATABASE: name,
    PACKLOG_TOPIC_PREFIX: `${name}.`,
    PACKLOG_PARTITION_COUNT: '2',
  }
  const done = await runCommand(['setup'], env)
  expect(done, done.stdout + done.stderr).toMatchObject({ code: 0 })
  expect(done.stdout).toContain('topics: 5 created')
  const missing = await runCommand(['setup'], { ...env, KAFKA_CA_FILE: join(kafka.dir, 'nowhere.pem') })
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain('KAFKA_CA_FILE cannot be read')
  await writeFile(passwordFile, 'wrong')
  const refused = await runCommand(['setup'], env)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('KAFKA_SASL_')
  expect(refused.stderr).toContain('refuse the user')
}, 120_000)
