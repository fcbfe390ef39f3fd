import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startStack } from '../infra/local/stack.ts'
import type { TestStack } from './stack.ts'

/**
 * Gives the project `real` its Kafka, registry, Redis and ClickHouse: those that PACKLOG_TEST_STACK names (JSON of a
 * TestStack), otherwise fresh ones on free ports and in a temporary directory, gone after the run; with
 * PACKLOG_TEST_BROKERS=3 on three brokers.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.PACKLOG_TEST_STACK
  if (given) {
    project.provide('stack', parseTestStack(given))
    return async () => {}
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'packlog-test-'))
  const brokers = process.env.PACKLOG_TEST_BROKERS === '3' ? 3 : 1
  const stack = await startStack({ dataDir, ports: 'free', brokers, log: line => process.stderr.write(`${line}\n`) })
  const { kafkaBrokers, replicationFactor, registryUrl, redisUrl, clickhouseUrl } = stack
  project.provide('stack', { kafkaBrokers, replicationFactor, registryUrl, redisUrl, clickhouseUrl })
  return async () => {
    await stack.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

function parseTestStack(json: string): TestStack {
  const stack = JSON.parse(json) as Partial<TestStack>
  for (const name of ['kafkaBrokers', 'registryUrl', 'redisUrl', 'clickhouseUrl'] as const) {
    if (typeof stack[name] !== 'string') throw new Error(`PACKLOG_TEST_STACK: ${name} is missing`)
  }
  return { replicationFactor: 1, ...stack } as TestStack
}
