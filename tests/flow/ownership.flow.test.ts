import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { misdelivered, type Person, person, say } from './people.ts'

/** Sequencers and views that share the partitions of a real log, while people chat and processes come, go and die. */

const PARTITIONS = 4
const FRIENDS = ['bo', 'cy', 'di', 'ed', 'flo', 'gus', 'hal', 'ida']
const sessions = FRIENDS.map(friend => singleSessionId('ann' as UserId, friend as UserId))
/** The session of a dead member, and what an agreement and a restore take on a busy machine. */
const TAKE_OVER_MS_MAX = 20_000
const LOOK_MS = 50

let dir: string
let product: TestProduct
let ann: Person

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-ownership-'))
  product = await startProduct({ together: true })
  ann = await person(product, 'ann', { sessions })
}, 240_000)

afterAll(async () => {
  ann?.client.close()
  await product?.stop()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

/** How many partitions a process says that it owns, by the metric of its role. */
async function ownedBy(name: string, metric = 'packlog_sequencer_owned'): Promise<number> {
  const { env } = product.roles[name]!
  const response = await fetch(`http://127.0.0.1:${env.PACKLOG_METRICS_PORT}/metrics`)
  const lines = (await response.text()).split('\n').filter(line => line.startsWith(`${metric}{`))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

/** Looks again and again; says how long it took. Throws when it takes too long. */
async function untilOwned(wanted: Record<string, number>): Promise<number> {
  const begun = systemClock.monotonic()
  for (;;) {
    const owned = await Promise.all(Object.keys(wanted).map(name => ownedBy(name)))
    if (Object.values(wanted).every((count, index) => owned[index] === count)) return systemClock.monotonic() - begun
    if (systemClock.monotonic() - begun > TAKE_OVER_MS_MAX) throw new Error(`${Object.keys(wanted)} own ${owned}`)
    await systemClock.sleep(LOOK_MS)
  }
}

async function sayToEveryone(text: string): Promise<void> {
  await Promise.all(sessions.map(session => say(ann, session, text)))
}

test('[OW7] two sequencers share; one is killed, the other takes over; it comes back and they share again', async () => {
  await untilOwned({ sequencer: PARTITIONS })
  await sayToEveryone('one sequencer')
  await product.add('sequencer-2', ['sequencer'], { PACKLOG_STATE_DIR: join(dir, 'state-2') })
  await untilOwned({ sequencer: 2, 'sequencer-2': 2 })
  await sayToEveryone('two sequencers')

  product.roles.sequencer!.kill('SIGKILL')
  await product.roles.sequencer!.exited
  const waiting = sayToEveryone('one is dead')
  await untilOwned({ 'sequencer-2': PARTITIONS })
  await waiting
  await product.restart('sequencer')
  await untilOwned({ sequencer: 2, 'sequencer-2': 2 })
  await sayToEveryone('two again')

  // Killed and back at once, under its own name: its place was kept.
  product.roles['sequencer-2']!.kill('SIGKILL')
  await product.roles['sequencer-2']!.exited
  await product.restart('sequencer-2')
  await untilOwned({ sequencer: 2, 'sequencer-2': 2 })
  await sayToEveryone('and again')

  // In order: what it had moves without waiting for a session to end.
  await product.roles['sequencer-2']!.stop()
  await untilOwned({ sequencer: PARTITIONS })
  await sayToEveryone('one left')
}, 240_000)

test('[OW7] views share the partitions as well: one is killed, one goes, and the views equal the log', async () => {
  await product.add('views-2', ['history', 'membership', 'archive'])
  await sayToEveryone('two views')
  product.roles.views!.kill('SIGKILL')
  await product.roles.views!.exited
  await sayToEveryone('one view is dead')
  await product.restart('views')
  await sayToEveryone('it is back')
  await product.roles['views-2']!.stop()
  await sayToEveryone('the other one is gone')

  expect(ann.refused).toEqual([])
  expect(ann.losses).toEqual([])
  const lastSeq = (session: SessionId) =>
    Math.max(...[...ann.accepted.values()].filter(({ sessionId }) => sessionId === session).map(({ seq }) => seq))
  for (const session of sessions) expect(misdelivered(ann, session, lastSeq(session))).toEqual([])
  const verified = await runCommand(['verify', '--json'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, messages: ann.accepted.size })
}, 240_000)

test('[E2E8] a process that has drained ends, also where something was left open', async () => {
  const leftOpen = 'data:text/javascript,setInterval(()=>{},60000)'
  const { role } = await product.add('leaking', ['history'], { NODE_OPTIONS: `--import=${leftOpen}` })
  expect(await role.stop()).toEqual({ code: 0, signal: null })
})
