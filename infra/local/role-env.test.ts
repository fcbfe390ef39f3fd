import { expect, test } from 'vitest'
import { readConfig } from '../config.ts'
import { processEnv, sharedEnv } from './role-env.ts'

const shared = sharedEnv({
  kafkaBrokers: '127.0.0.1:9092',
  replicationFactor: 1,
  registryUrl: 'http://127.0.0.1:8081/apis/ccompat/v7',
  redisUrl: 'redis://127.0.0.1:6379',
  clickhouseUrl: 'http://127.0.0.1:8123',
  dataDir: '/data',
  httpPort: 8080,
})

test('the roles read their configuration from it', () => {
  const config = readConfig(processEnv(shared, { name: 'views', roles: ['history'], metricsPort: 9466 }))
  expect(config).toMatchObject({
    kafkaBrokers: ['127.0.0.1:9092'],
    replicationFactor: 1,
    http: { host: '127.0.0.1', port: 8080 },
    metrics: { host: '127.0.0.1', port: 9466 },
    stateDir: '/data/state',
    tokens: { secretFile: '/data/jwt.key' },
    nodeName: 'views',
  })
})

test('what belongs to one process is not shared', () => {
  expect(Object.keys(shared)).not.toContain('PACKLOG_METRICS_PORT')
  expect(Object.keys(shared)).not.toContain('PACKLOG_NODE_NAME')
})
