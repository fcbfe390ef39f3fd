import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { runSdkFaults } from '../../faults/sdk/run.ts'
import { systemClock } from '../../infra/clock.ts'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { startProduct, type TestProduct } from '../product.ts'

const CHAT = join(dirname(BUILT_MAIN), 'client', 'terminal', 'main.js')
const PRODUCT_MS_MAX = 120_000

let product: TestProduct
const terminals: Terminal[] = []

beforeAll(async () => {
  product = await startProduct({ together: true })
}, PRODUCT_MS_MAX)

afterEach(async () => {
  for (const terminal of terminals.splice(0)) await terminal.end()
})

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

/** `npm run chat` with pipes in place of a keyboard and a screen. */
class Terminal {
  readonly lines: string[] = []
  private readonly child: ChildProcess
  private readonly exited: Promise<number | null>
  private changed: () => void = () => {}

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [CHAT, ...args], { env: { ...process.env, ...product.env }, stdio: 'pipe' })
    this.exited = new Promise(resolve => this.child.once('close', resolve))
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', line => {
        this.lines.push(line)
        this.changed()
      })
    }
    terminals.push(this)
  }

  type(line: string): void {
    this.child.stdin!.write(`${line}\n`)
  }

  /** What was said in the open conversation, without the time. */
  said(): string[] {
    return this.lines.filter(line => /^\d\d:\d\d:\d\d #/.test(line)).map(line => line.slice(9))
  }

  /** Resolves when a line contains the text. */
  async until(text: string): Promise<void> {
    while (!this.lines.some(line => line.includes(text))) {
      await new Promise<void>(resolve => {
        this.changed = resolve
      })
    }
  }

  /** Ends the input and gives the exit code. */
  async end(): Promise<number | null> {
    this.child.stdin!.end()
    return await this.exited
  }
}

test('[CL15] two terminals chat, and go on over a restart of the gateway without losing or repeating a line', async () => {
  const [alice, bob] = [`alice-${randomUUID().slice(0, 8)}`, `bob-${randomUUID().slice(0, 8)}`]
  const one = new Terminal([alice, bob])
  const two = new Terminal([bob, alice])
  await Promise.all([one.until('connected as'), two.until('connected as')])
  one.type('hello bob')
  await two.until('hello bob')
  two.type('你好 👋')
  await one.until('你好 👋')

  await product.roles.gateway!.stop()
  await Promise.all([one.until('no connection'), two.until('no connection')])
  one.type('said while it was down')
  await product.restart('gateway')
  await Promise.all([one.until('connected again'), two.until('said while it was down')])
  two.type('got it')
  await one.until('got it')
  await one.until(`#3 ${alice}: said while it was down`)
  // An own line comes with its ack, which may reach its terminal after the event has reached the other one.
  await two.until(`#4 ${bob}: got it`)

  const conversation = [
    `#1 ${alice}: hello bob`,
    `#2 ${bob}: 你好 👋`,
    `#3 ${alice}: said while it was down`,
    `#4 ${bob}: got it`,
  ]
  expect(one.said()).toEqual(conversation)
  expect(two.said()).toEqual(conversation)
  expect(await one.end()).toBe(0)
  expect(await two.end()).toBe(0)

  const again = new Terminal([alice, bob])
  await again.until('got it')
  expect(again.said()).toEqual(conversation)
})

test('[CL15] a third terminal joins a group, is seen, and leaves it', async () => {
  const tag = randomUUID().slice(0, 8)
  const [alice, bob, carol, group] = [`alice-${tag}`, `bob-${tag}`, `carol-${tag}`, `team-${tag}`]
  const owner = new Terminal([alice, '--create-group', group, '--members', bob, '--name', 'Team'])
  owner.type('welcome')
  await owner.until('#2')
  const member = new Terminal([bob, `g:${group}`])
  await member.until('welcome')
  const guest = new Terminal([carol])
  await guest.until('connected as')
  guest.type(`/join ${group}`)
  await Promise.all([owner.until(`${carol} joined`), member.until(`${carol} joined`)])
  await guest.until('you joined')
  guest.type('hi, I am new')
  await Promise.all([owner, member, guest].map(terminal => terminal.until('hi, I am new')))
  guest.type('/quit')
  await Promise.all([owner.until(`${carol} left`), member.until(`${carol} left`), guest.until('you left')])
  owner.type('bye')
  await Promise.all([member.until('bye'), owner.until(`#6 ${alice}: bye`)])
  expect(owner.said()).toEqual([
    `#1 * you created the group "Team" with ${bob}`,
    `#2 ${alice}: welcome`,
    `#3 * ${carol} joined`,
    `#4 ${carol}: hi, I am new`,
    `#5 * ${carol} left`,
    `#6 ${alice}: bye`,
  ])
  expect(guest.said().some(line => line.endsWith('bye'))).toBe(false)
})

test('[CL15] what is piped in is sent before the program ends, what is refused makes it end with 1', async () => {
  const tag = randomUUID().slice(0, 8)
  const sender = new Terminal([`dan-${tag}`, `eve-${tag}`])
  sender.type('one')
  sender.type('two')
  expect(await sender.end()).toBe(0)
  expect(sender.said()).toEqual([`#1 dan-${tag}: one`, `#2 dan-${tag}: two`])
  const stranger = new Terminal([`dan-${tag}`, `g:nobody-${tag}`])
  stranger.type('hello?')
  expect(await stranger.end()).toBe(1)
  expect(stranger.lines.some(line => line.includes('GROUP_NOT_EXIST'))).toBe(true)
})

test('[CL8] a wrong token is refused with its reason', async () => {
  const terminal = new Terminal(['mallory', 'bob', '--token', 'a.b.c'])
  expect(await terminal.end()).toBe(1)
  expect(terminal.lines.some(line => line.includes('the server refused: the token is not valid'))).toBe(true)
})

test('[FT6] people whose lines break keep what the log says', async () => {
  const options = { seed: 7, faults: 60, people: 4 }
  const report = await runSdkFaults(options, {
    gatewayPorts: [Number(new URL(product.wsUrl).port)],
    env: product.env,
    token: product.token,
    clock: systemClock,
    say: () => {},
  })
  expect(report, `seed ${options.seed}`).toMatchObject({ differences: [] })
  expect(report.connections).toBeGreaterThan(options.people)
  expect(report.compared).toBeGreaterThan(options.faults)
}, 300_000)
