import { expect, test } from 'vitest'
import { helpText, readOptions } from './options.ts'
import { PORT_NAMES, PORT_TABLE } from './ports.ts'

const read = (args: string[], env: NodeJS.ProcessEnv = {}) => readOptions(args, { env, root: '/repo', random: () => 0 })

test('the standard ports and the data directory in the checkout', async () => {
  const { ports, dataDir, external } = await read([])
  expect(ports).toMatchObject({ http: 8080, kafka: 9092, registry: 8081, redis: 6379, clickhouseHttp: 8123 })
  expect(dataDir).toBe('/repo/.packlog')
  expect(external).toEqual({ redisUrl: undefined, clickhouseUrl: undefined })
})

test('a flag wins over a variable, and both over --ports-from', async () => {
  const env = { PACKLOG_REDIS_PORT: '7001', PACKLOG_KAFKA_PORT: '7002' }
  const { ports } = await read(['--ports-from', '20000', '--redis-port', '7003'], env)
  expect(ports).toMatchObject({ http: 20_000, kafka: 7002, redis: 7003 })
})

test('external servers come from the environment', async () => {
  const { external } = await read([], { REDIS_URL: 'redis://r:1', CLICKHOUSE_URL: 'http://c:2' })
  expect(external).toEqual({ redisUrl: 'redis://r:1', clickhouseUrl: 'http://c:2' })
})

test.each([
  [['--redis-port', 'x'], {}, '--redis-port: "x" is not a port'],
  [[], { PACKLOG_HTTP_PORT: '70000' }, 'PACKLOG_HTTP_PORT: "70000" is not a port'],
  [['--ports-from', '65530'], {}, '--ports-from: "65536" is not a port'],
  [['--redis-port', '8080'], {}, 'port 8080 is given to both'],
  [['--random-ports', '--ports-from', '1'], {}, 'exclude each other'],
  [['--brokers', '2'], {}, '--brokers: "2" is neither 1 nor 3'],
  [['--gateways', '0'], {}, '--gateways: "0" is not a number from 1 to 8'],
  [[], { PACKLOG_GATEWAYS: 'two' }, '--gateways: "two" is not a number from 1 to 8'],
  [['--wrong'], {}, 'npm start -- --help lists the flags'],
])('%j with %j is refused', async (args, env, message) => {
  await expect(read(args, env)).rejects.toThrow(message)
})

test('one broker unless told otherwise', async () => {
  expect((await read([])).brokers).toBe(1)
  expect((await read([], { PACKLOG_BROKERS: '3' })).brokers).toBe(3)
  expect((await read(['--brokers', '1'], { PACKLOG_BROKERS: '3' })).brokers).toBe(1)
})

test('one gateway unless told otherwise', async () => {
  expect((await read([])).gateways).toBe(1)
  expect((await read(['--gateways', '3'], { PACKLOG_GATEWAYS: '2' })).gateways).toBe(3)
})

test('the help names every flag and variable', () => {
  for (const name of PORT_NAMES) {
    expect(helpText()).toContain(`--${PORT_TABLE[name].flag} `)
    expect(helpText()).toContain(`${PORT_TABLE[name].variable} `)
  }
})
