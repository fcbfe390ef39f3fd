import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { makePackId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'

/** Login policies over two real gateways. */

let product: TestProduct
let rulesDir: string
let urls: string[]

beforeAll(async () => {
  rulesDir = await mkdtemp(join(tmpdir(), 'packlog-rules-'))
  const file = join(rulesDir, 'rules.json')
  await writeFile(file, JSON.stringify({ version: 1, loginPolicy: 'classes' }))
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: file } })
  urls = [product.wsUrl, (await product.add('gateway-2', ['gateway'])).wsUrl]
}, 120_000)

afterAll(async () => {
  await product?.stop()
  await rm(rulesDir, { recursive: true, force: true })
}, 60_000)

interface Device {
  socket: WebSocket
  /** Resolves with the connection id, or with undefined where the connection was closed before a welcome. */
  welcomed: Promise<string | undefined>
  closed: Promise<number>
  isOpen: boolean
}

/** Connects a device; every answer is waited for by its promise. */
async function device(user: string, type: string, id: string, gateway: number): Promise<Device> {
  const headers = { authorization: `Bearer ${await product.token(user)}` }
  const url = `${urls[gateway]}?deviceType=${type}&deviceId=${id}`
  const socket = new WebSocket(url, ['packlog.v1.json'], { headers })
  const made: Device = { socket, isOpen: true, welcomed: undefined as never, closed: undefined as never }
  made.closed = new Promise(resolve => {
    socket.on('close', code => {
      made.isOpen = false
      resolve(code)
    })
  })
  made.welcomed = new Promise(resolve => {
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as { type: string; connectionId: string }
      if (frame.type === 'welcome') resolve(frame.connectionId)
    })
    socket.on('close', () => resolve(undefined))
  })
  return made
}

const KICKED = 4022
const LOGGED_OUT = 4023

test('[US13] devices that log in at two gateways at the same time leave exactly one of each class', async () => {
  for (let round = 0; round < 5; round++) {
    const user = `race-${round}`
    const devices = await Promise.all(
      ['ios', 'android', 'tablet', 'windows', 'linux', 'web', 'web', 'ios'].map((type, n) =>
        device(user, type, `d${n}`, n % 2),
      ),
    )
    // Each is welcomed or refused; of the welcomed all but one of each class are closed.
    await Promise.all(devices.map(({ welcomed, closed }) => Promise.race([welcomed, closed])))
    const classes = [
      [0, 1, 2, 7],
      [3, 4],
      [5, 6],
    ]
    for (const members of classes) {
      const opened = () => members.map(n => devices[n]!).filter(({ isOpen }) => isOpen)
      while (opened().length > 1) await Promise.race(opened().map(({ closed }) => closed))
      const [last] = opened()
      expect(await Promise.race([last!.welcomed, last!.closed])).toMatch(/^[\w-]{12}$/)
      for (const { isOpen, closed } of members.map(n => devices[n]!)) if (!isOpen) expect(await closed).toBe(KICKED)
    }
    for (const { socket } of devices) socket.close()
  }
}, 60_000)

test('[US14] a logout on one gateway closes a connection on the other', async () => {
  const phone = await device('olga', 'ios', 'phone', 0)
  const laptop = await device('olga', 'linux', 'laptop', 1)
  const phoneId = await phone.welcomed
  await laptop.welcomed
  const packId = makePackId(systemClock.now(), systemRandom.bytes(10))
  laptop.socket.send(JSON.stringify({ type: 'logout', packId, connectionIds: [phoneId] }))
  expect(await phone.closed).toBe(LOGGED_OUT)
  expect(laptop.isOpen).toBe(true)
  laptop.socket.close()
})

test('[US14] an operator kicks a user from every gateway', async () => {
  const [phone, laptop] = [await device('pia', 'ios', 'phone', 0), await device('pia', 'linux', 'laptop', 1)]
  await Promise.all([phone.welcomed, laptop.welcomed])
  const { code, stdout } = await runCommand(['kick', 'pia', '--reason', 'stolen'], product.env)
  expect([code, stdout]).toEqual([0, 'pia is logged out everywhere\n'])
  expect(await phone.closed).toBe(KICKED)
  expect(await laptop.closed).toBe(KICKED)
  expect((await runCommand(['kick', 'p i a'], product.env)).code).toBe(2)
}, 120_000)

test('[US12] a gateway that was killed locks nobody out', async () => {
  const before = await device('kim', 'web', 'tab', 1)
  await before.welcomed
  product.roles['gateway-2']!.kill('SIGKILL')
  await product.roles['gateway-2']!.exited
  const after = await device('kim', 'web', 'other-tab', 0)
  expect(await after.welcomed).toBeDefined()
  after.socket.close()
  await product.restart('gateway-2')
}, 60_000)
