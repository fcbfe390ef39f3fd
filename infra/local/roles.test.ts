import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemRandom } from '../clock.ts'
import { freePorts } from './ports.ts'
import { startRole } from './roles.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'packlog-roles-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const SERVES = `
import { createServer } from 'node:http'
const server = createServer((_, response) => response.end('ready'))
server.listen(Number(process.env.PACKLOG_METRICS_PORT), '127.0.0.1')
process.on('SIGTERM', () => { server.closeAllConnections(); server.close() })
`

async function start(program: string, niceness = 0) {
  const file = join(dir, 'main.mjs')
  writeFileSync(file, program)
  const [port = 0] = await freePorts(1, systemRandom.next)
  const env = { PACKLOG_STATE_DIR: dir, PACKLOG_METRICS_PORT: String(port) }
  return startRole({ roles: ['gateway'], env, log: () => {}, program: file, niceness })
}

test('a role is ready when /readyz answers, and drains on stop', async () => {
  const role = await start(SERVES)
  await role.ready()
  expect(await role.stop()).toEqual({ code: 0, signal: null })
})

test('a role that ends while starting is reported with the end of its log', async () => {
  const role = await start(`console.log('KAFKA_BROKERS is missing'); process.exitCode = 3`)
  const complaint = role.ready()
  await expect(complaint).rejects.toThrow('gateway ended with code 3')
  await expect(complaint).rejects.toThrow('| KAFKA_BROKERS is missing')
})

test('a role has more room for young objects than Node gives, and collects old ones more rarely', async () => {
  const role = await start(`console.log(process.execArgv.join(' ')); process.exitCode = 3`)
  await expect(role.ready()).rejects.toThrow('--max-semi-space-size=32 --heap-growing-percent=600')
})

test('a process that is asked to gives way to the others', async () => {
  const role = await start(SERVES, 10)
  await role.ready()
  expect(getPriority(role.pid)).toBeGreaterThanOrEqual(10)
  await role.stop()
})
