import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kafkaNodes, kafkaPart, requireSameBrokers, serverProperties } from './kafka.ts'
import { PART_PORTS, type PartPorts } from './ports.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'packlog-kafka-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const ports = Object.fromEntries(PART_PORTS.map((name, index) => [name, 1_000 + index])) as PartPorts

test('[LS1] data of one broker is not started as that of three, nor the other way round', () => {
  requireSameBrokers(join(dir, 'new'), 3)
  requireSameBrokers(dir, 1)
  mkdirSync(join(dir, 'kafka'))
  requireSameBrokers(dir, 1)
  expect(() => requireSameBrokers(dir, 3)).toThrow(
    'holds the data of a stack with one broker: start it with --brokers 1',
  )
  rmSync(join(dir, 'kafka'), { recursive: true })
  mkdirSync(join(dir, 'kafka-2'))
  requireSameBrokers(dir, 3)
  expect(() => requireSameBrokers(dir, 1)).toThrow('three brokers: start it with --brokers 3, or give')
})

test('[LS2] three nodes know each other, and two of three must have what is acknowledged', () => {
  const [one, two] = kafkaNodes(3, ports)
  const settings = serverProperties(two!, '/data').split('\n')
  const voters = [1, 2, 3].map(id => `${id}@127.0.0.1:${kafkaControllerPort(id)}`).join(',')
  expect(settings).toEqual(
    expect.arrayContaining([
      'node.id=2',
      `controller.quorum.voters=${voters}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${ports.kafka2}`,
      'default.replication.factor=3',
      'min.insync.replicas=2',
      'transaction.state.log.min.isr=2',
    ]),
  )
  expect(serverProperties(one!, '/data')).toContain(`controller.quorum.voters=${voters}\n`)
  const alone = serverProperties(kafkaNodes(1, ports)[0]!, '/data')
  expect(alone).toContain('min.insync.replicas=1\n')
  expect(alone).toContain(`controller.quorum.voters=1@127.0.0.1:${ports.kafkaController}\n`)
})

test('a broker that is to last is compiled as well as may be, one for some minutes as quickly', () => {
  const [node] = kafkaNodes(1, ports)
  const argsOf = (isLasting: boolean) => {
    return kafkaPart(node!, { java: 'java', lib: '/lib', dataDir: dir, logFile: '/log', env: {}, isLasting }).command
      .args
  }
  expect(argsOf(false)).toContain('-XX:TieredStopAtLevel=1')
  expect(argsOf(true).filter(arg => arg.startsWith('-XX:Tiered'))).toEqual([])
})

function kafkaControllerPort(id: number): number {
  return [ports.kafkaController, ports.kafkaController2, ports.kafkaController3][id - 1]!
}
